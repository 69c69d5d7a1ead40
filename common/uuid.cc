#include "common/uuid.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/hash.h"

namespace handoff {

std::string NewUuid() {
  std::string hex = RandomHex(16);
  hex[12] = '4';  // version 4, variant 1
  hex[16] = "89ab"[hex[16] % 4];
  const absl::string_view h = hex;
  return absl::StrCat(h.substr(0, 8), "-", h.substr(8, 4), "-", h.substr(12, 4), "-",
                      h.substr(16, 4), "-", h.substr(20));
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const auto c = static_cast<unsigned char>(text[i]);
    if (dash ? c != '-' : !absl::ascii_isxdigit(c)) return false;
  }
  return true;
}

}  // namespace handoff
