// The submodules of a fresh workspace, each at its recorded commit, out of a mirror of its own.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/repo/checkout.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

// What Facts needs to look into a submodule without believing anything in the workspace.
struct PreparedSubmodule {
  std::string path;  // from the root of the workspace
  std::string commit;
  std::string mirror;      // directory
  std::string base_index;  // file
};

// Checks out `found` (of the repository in `directory`, which came from `url`) and theirs in turn.
// A failure names the submodule. Notes are added to `notes`.
absl::StatusOr<std::vector<PreparedSubmodule>> PrepareSubmodules(
    const PrepareRequest& request, const std::string& directory,
    const std::vector<CheckedOut::Submodule>& found, RepoProgress& progress,
    std::vector<std::string>& notes);

// The list as a file in the store, for later operations.
absl::Status SaveSubmodules(const std::string& path, std::vector<PreparedSubmodule> list);
absl::StatusOr<std::vector<PreparedSubmodule>> LoadSubmodules(const std::string& path);

}  // namespace handoff
