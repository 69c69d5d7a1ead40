// Where a person goes on with a handoff: which work tree, whether it may be used, and making it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/fetched/fetched_objects.h"
#include "cli/fetched/work_branch.h"
#include "cli/taken/person_work.h"
#include "cli/taken/work_trees.h"
#include "common/git/git.h"

namespace handoff {

struct TakeoverPlace {
  enum Kind {
    kNew,       // a linked work tree that is to be made
    kUnfilled,  // one that an earlier takeover began
    kTaken,     // one of an earlier takeover of this handoff
    kHere       // the one in which the person stands
  };
  Kind kind = kNew;
  std::string root;      // of the repository around the person
  std::string path;      // of the work tree
  bool replace = false;  // git knows one on that branch or of that path, and its folder is gone
};

struct WantedPlace {
  std::string directory;  // absolute; empty: beside the repository
  bool here = false;
};
// FAILED_PRECONDITION when the branch or the folder is used for something else.
absl::StatusOr<TakeoverPlace> ChoosePlace(git_repository* repo, const std::string& id,
                                          const WantedPlace& wanted);

// The state of the work tree, when it still is what was submitted: `commit`, and `worktree_commit`
// unless nothing was uncommitted. FAILED_PRECONDITION says what moved on, or that git is in the
// middle of something.
absl::StatusOr<PersonState> CheckIsSubmitted(const PersonWork& work, const std::string& commit,
                                             const std::string& worktree_commit);
// The state of the work tree of an earlier takeover, when nothing in it would be lost: it is as it
// was taken, or as it was given back. `returned_last` is the commit that the coordinator got last.
absl::StatusOr<PersonState> CheckIsReturned(const PersonWork& work, const std::string& id,
                                            const std::string& returned_last);

// What a place with files has now, and where new objects of that are.
struct PresentFiles {
  PersonState state;
  std::string objects;
};

struct WantedTree {
  WorkBranch branch;
  TakenWork work;
  git_oid base = {};  // the commit that `work` was read from
};
// Installs the objects, moves the branch and makes the work tree. All of it can be done again.
absl::Status MakePlace(const TakeoverPlace& place, const WantedTree& wanted,
                       const std::optional<PresentFiles>& present, const FetchedObjects& objects,
                       git_repository* own);

// What git did not bring along, one sentence each.
std::vector<std::string> NotesOn(git_repository* repo, const TakenWork& work);

}  // namespace handoff
