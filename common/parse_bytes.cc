#include "common/parse_bytes.h"

#include <limits>
#include <map>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace handoff {

std::optional<uint64_t> ParseBytes(absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  static const auto* const units = new std::map<std::string, uint64_t>{{"", 1},
                                                                       {"B", 1},
                                                                       {"kB", 1000},
                                                                       {"MB", 1000'000},
                                                                       {"GB", 1000'000'000},
                                                                       {"TB", 1000'000'000'000},
                                                                       {"KiB", uint64_t{1} << 10},
                                                                       {"MiB", uint64_t{1} << 20},
                                                                       {"GiB", uint64_t{1} << 30},
                                                                       {"TiB", uint64_t{1} << 40}};
  const auto unit = units->find(std::string(absl::StripAsciiWhitespace(text.substr(digits))));
  uint64_t number = 0;
  if (unit == units->end() || !absl::SimpleAtoi(text.substr(0, digits), &number))
    return std::nullopt;
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  if (number > kMost / unit->second) return std::nullopt;
  return number * unit->second;
}

}  // namespace handoff
