#include "common/peer_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace handoff {
namespace {

bool IsLowerAlnum(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c));
}

}  // namespace

bool IsPeerName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxPeerName && IsLowerAlnum(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLowerAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace handoff
