// The state of a work tree as commits, made as `git stash` makes them. Nothing of now is in them,
// so that the same state is the same commit wherever it is made.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/git/git.h"

namespace handoff {

struct StateCommit {
  git_oid commit = {};           // tree = work tree, parent 1 = HEAD, parent 2 = `index`
  std::optional<git_oid> index;  // absent: the index shows HEAD's tree
};

// Written to `odb`, the database of `repo`. `ending` follows "Index " and "Work tree " in their
// messages.
absl::StatusOr<StateCommit> WriteStateCommit(git_repository* repo, git_odb* odb,
                                             const git_oid& head, const git_oid& index_tree,
                                             const git_oid& work_tree, absl::string_view ending);

}  // namespace handoff
