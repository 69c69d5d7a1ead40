// The work trees of a repository, and the one in which a person goes on with a handoff. Made and
// changed by the person's own git, so that their filters, line endings and sparse checkouts count.
// Nothing of theirs is overwritten; what git would take for worthless, ignored files, we look for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

// What a work tree is to show.
struct TakenWork {
  git_oid head = {};
  git_oid tree = {}, index_tree = {};  // files; what is staged
};
// Of a checkpoint; with `plain` of a commit on which nothing was uncommitted. NOT_FOUND: an object
// is missing. FAILED_PRECONDITION: the agent left a branch without a commit.
absl::StatusOr<TakenWork> ReadTakenWork(git_repository* repo, const std::string& commit,
                                        bool plain);

struct WorkTreePlace {
  std::string path;
  std::string branch;  // empty: detached, or a bare repository
  bool gone = false;   // its folder is not there
  bool main = false;   // the one that the repository was made with
};
// All of the repository that is at `root`, the main one first.
absl::StatusOr<std::vector<WorkTreePlace>> WorkTreesOf(const std::string& root);

// Whether a linked work tree was made and never filled.
bool IsUnfilled(const std::string& path);

// A linked work tree of the repository at `root` on `branch`, with nothing in it. `replace`: git
// knows it, and its folder is gone.
absl::Status AddWorkTree(const std::string& root, const std::string& path,
                         const std::string& branch, bool replace);
// Its files and its index, of a work tree that is unfilled.
absl::Status FillWorkTree(const std::string& path, const TakenWork& work);

struct WorkTreeSwitch {
  std::string id;              // of the handoff
  std::string branch;          // HEAD is this branch afterwards
  git_oid from = {};           // tree that shows the files as they are
  git_oid state = {};          // commit of that tree
  std::string objects;         // directory with objects of these, beside the repository's own
  std::optional<git_oid> tip;  // the branch, which is HEAD already, moves from here
};
// The same for one that has files: they are those of `from`, and become those of `work`.
// FAILED_PRECONDITION, with no file changed, when a file is in the way, ignored ones included.
// Before a file is touched `state` is kept as refs/handoff/<id>/before, which every later failure
// names; the files go back where HEAD or the index could not follow them.
absl::Status SwitchWorkTree(const std::string& path, const WorkTreeSwitch& how,
                            const TakenWork& work);

// The commit from which the person's work began: refs/handoff/<id>/taken. It keeps the objects.
absl::Status RememberTaken(git_repository* repo, const std::string& id, const git_oid& commit);
std::optional<git_oid> TakenIn(git_repository* repo, const std::string& id);

}  // namespace handoff
