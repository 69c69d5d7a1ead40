// A .git directory that somebody hostile could write, read without libgit2's configuration, hooks
// or indirections: FIFOs, symlinks and endless files in it are errors, not traps.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace handoff {

struct HeadState {
  std::string branch;  // empty when detached
  std::string commit;  // 40 hex digits; empty when the branch has no commit
};

// `workspace` is the directory that contains .git.
absl::StatusOr<HeadState> ReadHead(const std::string& workspace);

// OK when .git/objects can be handed to libgit2.
absl::Status CheckObjects(const std::string& workspace);

}  // namespace handoff
