// A workspace that makes room for another state of the same handoff, without losing anything.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

// A displaced one on its way out, to be removed if the operation that did it died.
std::string DisplacedPath(const PrepareRequest& request);

// Keeps it as refs/handoff/<id>/displaced-N in the store (N: the attempt that left it) and removes
// it; what that could not hold entirely is moved aside to <workspace>.old-K instead. Only with the
// store's lock held. `base` is what it was submitted at.
absl::Status Displace(const PrepareRequest& request, const std::string& base,
                      RepoProgress& progress, std::vector<std::string>& notes);

}  // namespace handoff
