#include "common/identity/parts.h"

#include <algorithm>

#include "common/check.h"

namespace handoff {

Secret PackParts(std::initializer_list<absl::string_view> parts) {
  size_t size = 0;
  for (const absl::string_view part : parts) size += 2 + part.size();
  Secret packed = Secret::OfSize(size);
  unsigned char* to = packed.bytes();
  for (const absl::string_view part : parts) {
    CHECK(part.size() < 65536);
    *to++ = static_cast<unsigned char>(part.size() >> 8);
    *to++ = static_cast<unsigned char>(part.size() & 0xff);
    to = std::copy(part.begin(), part.end(), to);
  }
  return packed;
}

std::optional<std::vector<absl::string_view>> UnpackParts(absl::string_view packed, size_t count) {
  std::vector<absl::string_view> parts;
  while (parts.size() < count) {
    if (packed.size() < 2) return std::nullopt;
    const size_t size = static_cast<size_t>(static_cast<unsigned char>(packed[0])) << 8 |
                        static_cast<unsigned char>(packed[1]);
    packed.remove_prefix(2);
    if (packed.size() < size) return std::nullopt;
    parts.push_back(packed.substr(0, size));
    packed.remove_prefix(size);
  }
  if (!packed.empty()) return std::nullopt;
  return parts;
}

}  // namespace handoff
