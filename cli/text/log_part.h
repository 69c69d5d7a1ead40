// A log read a part at a time, by who has little room or asks again and again: where a part ends,
// and the line that says where the next one begins. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

struct LogPart {
  int attempt = 0;
  uint64_t from = 0, to = 0;  // bytes of the log: this part
  uint64_t size = 0;          // of the log so far
  friend bool operator==(const LogPart&, const LogPart&) = default;
};

// More of a line than this is not waited for.
inline constexpr uint64_t kMostPartLine = 4 << 20;

// Whether `data`, read from where a part begins, has enough of it.
bool HasPart(absl::string_view data, uint64_t most, bool raw);

// How much of `data` the part is: whole lines of at most `most` bytes, or one line that is longer.
// `over`: nothing more will be written. `raw`: exactly what there is.
uint64_t PartOf(absl::string_view data, uint64_t most, bool over, bool raw);

// "attempt 2: bytes 0 to 4096 of 9000; --from 4096 goes on"
std::string RenderLogPart(const LogPart& part);
// What such a line says; absent for any other.
std::optional<LogPart> ParseLogPart(absl::string_view line);

}  // namespace handoff
