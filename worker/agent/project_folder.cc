#include "worker/agent/project_folder.h"

#include "absl/strings/ascii.h"

namespace handoff {

std::vector<uint16_t> Utf16(absl::string_view text) {
  std::vector<uint16_t> units;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t point = lead;
    if (size > 1) point = lead & (0xffU >> (size + 1));
    for (size_t k = 1; k < size; ++k) {
      const unsigned char next = i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0;
      point = (point << 6) | (next & 0x3fU);
    }
    i += size;
    if (point >= 0x10000) {
      units.push_back(static_cast<uint16_t>(0xd7c0 + (point >> 10)));
      point = 0xdc00 + (point & 0x3ff);
    }
    units.push_back(static_cast<uint16_t>(point));
  }
  return units;
}

std::string Dashed(const std::vector<uint16_t>& units) {
  std::string name;
  for (const uint16_t unit : units) {
    const bool plain = unit < 0x80 && absl::ascii_isalnum(static_cast<unsigned char>(unit));
    name.push_back(plain ? static_cast<char>(unit) : '-');
  }
  return name;
}

}  // namespace handoff
