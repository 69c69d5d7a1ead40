// What git shows about an attempt, read from a workspace that an agent could write: with an empty
// configuration, the index that we wrote ourselves, and every file opened below the workspace.
#pragma once

#include "absl/status/statusor.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

namespace v1 {
class Facts;
}

// The observed part of Facts.
absl::StatusOr<v1::Facts> CollectFacts(const FactsRequest& request, RepoProgress& progress);

}  // namespace handoff
