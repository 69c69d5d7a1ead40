// What somebody in a pool may be called: the records of the coordinator and the certificates that
// it signs have one rule, so that nobody is let in who can then get no certificate.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace handoff {

inline constexpr size_t kMaxPeerName = 64;
// What a person calls one of their machines: one line of text, in no certificate.
inline constexpr size_t kMaxDeviceName = 64;
// [a-z0-9][a-z0-9._-]{0,63}
bool IsPeerName(absl::string_view name);
// The same in words, to stand behind "is no name for a user: ".
inline constexpr absl::string_view kPeerNameRule =
    "1 to 64 of a-z, 0-9, '-', '_' and '.', the first a letter or a digit";

}  // namespace handoff
