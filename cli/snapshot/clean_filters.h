// Files that a program of the person's (filter.NAME.clean or .process: git-crypt, Git LFS) turns
// into what git stores. libgit2 runs no such program, so it would take the file as it lies here for
// the content: all of them for modified, and in plain text where the filter encrypts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/git/git.h"

namespace handoff {

class CleanFilters {
 public:
  // What git stores is written to `odb`, where it is not in the repository; null: only its ids are
  // wanted. Both outlive this.
  CleanFilters(git_repository* repo, git_odb* odb);

  // Whether the attributes name a filter for `path` that the configuration has a program for.
  bool Apply(const std::string& path) const;

  // Asks git for those of `paths` that a filter applies to, all in one go.
  absl::Status Clean(const std::vector<std::string>& paths);

  // What git stores of a path that a filter applies to; asks when Clean did not.
  // FAILED_PRECONDITION: the filter failed, with its words.
  absl::StatusOr<git_oid> Cleaned(const std::string& path);

 private:
  absl::StatusOr<std::vector<git_oid>> Hash(const std::vector<std::string>& paths,
                                            std::vector<std::string> arguments,
                                            std::vector<std::string> settings) const;
  absl::Status Ask(const std::vector<std::string>& paths);
  absl::Status Store(const std::vector<std::string>& paths);

  git_repository* repo_;
  git_odb* odb_;
  std::set<std::string> drivers_;  // that have a program
  std::map<std::string, absl::StatusOr<git_oid>> cleaned_;
  absl::Duration spent_;  // on filters so far
};

}  // namespace handoff
