// The work of an attempt as one commit, from its checkpoint: what `handoff fetch` makes a branch of
// and what a push gives to the remote. The same work gives the same commit, whoever makes it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/git/git.h"

namespace handoff {

struct Work {
  git_oid head = {};  // the agent's HEAD
  git_oid tree = {};  // the work tree
};
// Of a checkpoint's commit. NOT_FOUND: an object is missing. DATA_LOSS: not a checkpoint.
absl::StatusOr<Work> ReadWork(git_repository* repo, const std::string& checkpoint);

// What the commit says of changes that the agent left uncommitted.
struct WorkMark {
  std::string id;  // of the handoff
  int attempt = 0;
  std::string name, email;  // of the submitter; either empty: ours
  absl::Time taken_at;      // whole seconds count
};

// HEAD, or a commit on it with what was not committed, written to `repo`.
absl::StatusOr<git_oid> TipOfWork(git_repository* repo, const Work& work, const WorkMark& mark);

}  // namespace handoff
