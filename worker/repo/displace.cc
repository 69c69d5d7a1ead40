#include "worker/repo/displace.h"

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/git/git.h"
#include "common/status.h"
#include "worker/repo/checkpoint.h"
#include "worker/repo/last_attempt.h"

namespace handoff {
namespace {

absl::Status Rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return ErrnoToStatus(errno, absl::StrCat("renaming ", from, " to ", to));
}

absl::StatusOr<CheckpointResult> Keep(const PrepareRequest& request, const std::string& base,
                                      RepoProgress& progress) {
  CheckpointRequest keep;
  keep.workspace = request.workspace;
  keep.store = request.store;
  keep.mirror = request.mirror;
  keep.handoff_id = request.handoff_id;
  keep.attempt = LastAttempt(request.store);
  keep.base_commit = base;
  keep.worktree_commit = request.worktree_commit;
  // What the agent wrote is hashed when it is read, unlike what we checked when it came in.
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
  auto kept = KeepDisplaced(keep, progress);
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
  return kept;
}

}  // namespace

std::string DisplacedPath(const PrepareRequest& request) {
  return absl::StrCat(request.workspace, ".going");
}

absl::Status Displace(const PrepareRequest& request, const std::string& base,
                      RepoProgress& progress, std::vector<std::string>& notes) {
  const auto kept = Keep(request, base, progress);
  if (!kept.ok() || !kept->notes.empty()) {
    std::string aside;
    for (int i = 1; aside.empty() || PathExists(aside); ++i) {
      aside = absl::StrCat(request.workspace, ".old-", i);
    }
    RETURN_IF_ERROR(Rename(request.workspace, aside));
    notes.push_back(absl::StrCat(
        "the workspace that attempt ", LastAttempt(request.store), " left here was moved to ",
        aside, ", since a checkpoint of it does not hold everything: ",
        kept.ok() ? absl::StrJoin(kept->notes, "; ") : std::string(kept.status().message())));
    return absl::OkStatus();
  }
  // Renamed first: half of a workspace must not be taken for one.
  const std::string going = DisplacedPath(request);
  RETURN_IF_ERROR(RemoveTree(going));
  RETURN_IF_ERROR(Rename(request.workspace, going));
  return RemoveTree(going);
}

}  // namespace handoff
