// A person's work tree as a checkpoint: the state that they give back, and what a takeover compares
// with. Reads only: new objects go to a temporary directory.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/snapshot/snapshot_pack.h"
#include "common/git/git.h"

namespace handoff {

struct PersonState {
  std::string branch;  // of HEAD; empty: detached
  git_oid head = {};
  git_oid work_tree = {}, index_tree = {};
  git_oid commit = {};                 // as the worker makes it of the same state
  std::vector<std::string> held_back;  // "path: looks like a secret (.env)"
  std::vector<std::string> notes;      // what cannot be carried
};

class PersonWork {
 public:
  // `where` is any path in it. NOT_FOUND: no repository. FAILED_PRECONDITION: a bare one. `temp`
  // receives what is written.
  static absl::StatusOr<PersonWork> Open(const std::string& where, const std::string& temp);

  // `include` are paths from the root that are taken although they look like secrets, are huge or
  // ignored. `ending` is that of the commits (state_commit.h). FAILED_PRECONDITION as TakeSnapshot.
  absl::StatusOr<PersonState> Read(const std::set<std::string>& include,
                                   absl::string_view ending) const;

  // What `commit` leads to beyond `known`, of which those that are not here are left out. With none
  // of them all of it.
  absl::StatusOr<PackFile> Pack(const git_oid& commit, const std::vector<git_oid>& known,
                                const std::string& path) const;

  const std::string& root() const { return root_; }
  git_repository* repo() const { return repo_.get(); }
  const std::string& objects() const { return objects_; }  // directory of what was written

 private:
  PersonWork() = default;
  absl::StatusOr<std::vector<git_oid>> NewCommits(const git_oid& commit,
                                                  const std::vector<git_oid>& known) const;
  absl::StatusOr<std::vector<git_oid>> TreesBefore(const git_oid& commit) const;

  std::string root_, objects_;
  GitRepository repo_;
  GitOdb odb_;
};

// The files of `tree` that `head` has not: what was untracked and is known to the pool already.
absl::StatusOr<std::set<std::string>> FilesBeyond(git_repository* repo, const git_oid& head,
                                                  const git_oid& tree);

// End of the commits of a checkpoint, as the worker writes them.
std::string CheckpointEnding(absl::string_view handoff_id);

}  // namespace handoff
