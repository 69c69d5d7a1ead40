// A directory of one operation at a time.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"
#include "worker/repo/progress.h"

namespace handoff {

// An exclusive flock on the directory `path`, held while the descriptor is open. While somebody
// else has it, reports that it waits for `holder`.
absl::StatusOr<UniqueFd> LockDirectory(const std::string& path, absl::string_view holder,
                                       RepoProgress& progress);

}  // namespace handoff
