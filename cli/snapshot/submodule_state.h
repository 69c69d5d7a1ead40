// Whether a submodule can be carried by the commit that it stands on.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

struct SubmoduleState {
  bool initialised = false;
  git_oid head = {};
  std::vector<std::string> changes;  // at most a few, "file (modified)"; empty: clean
  bool published = false;            // a remote-tracking branch of it contains `head`
};

// `path` is the submodule's folder. Nothing in it is written.
absl::StatusOr<SubmoduleState> ReadSubmodule(const std::string& path);

// False when the owner's setting submodule.NAME.ignore says that its changes do not matter.
bool SubmoduleChangesMatter(git_repository* repo, const std::string& path);
// Without one nobody else can fetch it.
bool SubmoduleHasUrl(git_repository* repo, const std::string& path);

}  // namespace handoff
