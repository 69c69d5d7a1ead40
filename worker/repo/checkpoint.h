// The whole state of a workspace as a commit in the store, and what is new in it as a pack.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

// The same state is the same commit, whenever it is taken. Refs in the store:
// refs/handoff/<id>/attempt-N (commit) and refs/handoff/<id>/session-N (tree). Without pack_dir
// nothing but the store is written. May be killed at any time and done again.
absl::StatusOr<CheckpointResult> TakeCheckpoint(const CheckpointRequest& request,
                                                RepoProgress& progress);

// For whoever holds the store's lock: keeps the state of the workspace as
// refs/handoff/<id>/displaced-N in the store; what that leaves out is named in the result.
absl::StatusOr<CheckpointResult> KeepDisplaced(const CheckpointRequest& request,
                                               RepoProgress& progress);

}  // namespace handoff
