// Whether a repository answers, without fetching anything.
#pragma once

#include "absl/status/status.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

absl::Status Probe(const ProbeRequest& request, RepoProgress& progress);

}  // namespace handoff
