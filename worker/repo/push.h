// The work of an attempt as branch handoff/<id> of the remote.
#pragma once

#include "absl/status/statusor.h"
#include "worker/repo/progress.h"
#include "worker/repo/push_request.h"

namespace handoff {

// What the remote has is compared before anything is sent, and by the remote once more when it
// moves the branch. May be killed at any time and done again.
absl::StatusOr<PushAnswer> Push(const PushRequest& request, RepoProgress& progress);

}  // namespace handoff
