// The work of a handoff as a branch of the person's repository. Never over commits of theirs, and
// never in their index or work tree.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/fetched/fetched_objects.h"
#include "common/git/git.h"
#include "common/git/work_tip.h"

namespace handoff {

struct WorkBranch {
  std::string id;  // of the handoff
  int attempt = 0;
  std::string branch;          // without refs/heads/
  std::string verb = "fetch";  // that does it, for the reflog
};

// What the branch names now, when `tip` may become it: it is new, it only grows, or it is what an
// earlier fetch made. FAILED_PRECONDITION says what stands in the way and what to do.
absl::StatusOr<std::optional<git_oid>> CheckBranch(const FetchedObjects& objects,
                                                   git_repository* own, const git_oid& tip,
                                                   const WorkBranch& branch);

// From what CheckBranch has `seen`, and from nothing else. Whether it changed. ABORTED: somebody
// else changed it since.
absl::StatusOr<bool> SetBranch(git_repository* own, const git_oid& tip,
                               const std::optional<git_oid>& seen, const WorkBranch& branch);

}  // namespace handoff
