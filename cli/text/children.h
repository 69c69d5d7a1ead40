// Handing off from inside an attempt. The person who submits allows it with --child; otherwise the
// verbs that give agents something to do are refused there, so that a mistaken agent does not fill
// the pool with its own kind. A guard against loops and no fence: see docs/threats.md. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff {

// The label of a handoff that an agent submitted: the id of the one it works for.
inline constexpr char kParentLabel[] = "parent";

// PERMISSION_DENIED for a verb that gives agents something to do, where `environment` (NAME=value)
// is that of an attempt that may not.
absl::Status CheckMayHandOff(absl::string_view verb, const std::vector<std::string>& environment);

// The handoff whose agent this runs in; "" in none.
std::string ParentOf(const std::vector<std::string>& environment);

}  // namespace handoff
