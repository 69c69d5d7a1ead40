// A workspace out of a submission. Built beside its final place and renamed at the end, so that an
// interrupted preparation leaves nothing that looks like a workspace; doing it again is safe.
#pragma once

#include "absl/status/statusor.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

absl::StatusOr<PrepareResult> Prepare(const PrepareRequest& request, RepoProgress& progress);

}  // namespace handoff
