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

}  // namespace handoff
