// Which commits of a repository origin has, by what it said just now.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/snapshot/origin.h"
#include "common/git/git.h"

namespace handoff {

struct Unpublished {
  bool asked = false;            // origin answered
  std::string message;           // why not
  bool connected = false;        // the history of HEAD meets one that origin has
  std::vector<git_oid> commits;  // of HEAD and not of origin, parents before children
};

class PublishedHistory {
 public:
  // `odb` is the database of `repo`; a fetched history is added to it. `temp` receives that.
  PublishedHistory(git_repository* repo, git_odb* odb, std::string objects, std::string temp)
      : repo_(repo), odb_(odb), objects_(std::move(objects)), temp_(std::move(temp)) {}

  // Asks `remote`. What of HEAD none of the tips that are known here has may stand below others
  // (somebody pushed since): then fetches the few branches that matter, without touching the
  // repository. `branch` (may be empty) is one of them.
  absl::StatusOr<Unpublished> Compare(const std::string& remote, const git_oid& head,
                                      const std::string& branch);

 private:
  std::vector<git_oid> KnownTips(const OriginRefs& origin) const;
  std::vector<std::string> BranchesThatMatter(const OriginRefs& origin, const std::string& remote,
                                              const std::string& branch, bool shallow) const;
  absl::Status Walk(const std::vector<git_oid>& tips, const git_oid& head, Unpublished& out) const;
  absl::Status WalkShallow(const std::vector<git_oid>& tips, const git_oid& head,
                           Unpublished& out) const;

  git_repository* repo_;
  git_odb* odb_;
  const std::string objects_;
  const std::string temp_;
};

}  // namespace handoff
