// What a workspace is made of again from a checkpoint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

// The objects of the checkpoint's packs, in their order; nothing is read when the commit is here.
absl::Status ImportCheckpoint(const PrepareRequest& request, git_repository* store,
                              RepoProgress& progress);

// OK when its files, and its history as far as `base` (if that is here), are in `store`.
absl::Status CheckCheckpoint(const PrepareRequest& request, git_repository* store,
                             const std::optional<git_oid>& base);

struct RestoredState {
  bool unborn = false;  // HEAD had no commit
  git_oid head = {};    // commit
  git_oid tree = {}, index_tree = {};
  std::string branch;              // empty: detached
  std::optional<git_oid> instead;  // a commit of ours in place of history that is gone
};

// `base` is the submitted commit, if it is here with its history. NOT_FOUND, naming an object, when
// the files of the checkpoint are not all here; without its history they are enough, and a note
// says so.
absl::StatusOr<RestoredState> ReadCheckpoint(const PrepareRequest& request, git_repository* store,
                                             const std::optional<git_oid>& base,
                                             std::vector<std::string>& notes);

}  // namespace handoff
