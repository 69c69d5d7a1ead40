// What packs from a coordinator hold, apart from the person's repository until all of it was looked
// at: an agent made it, and whoever holds the coordinator may have.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

class FetchedObjects {
 public:
  // `directory` receives them. `own` is the person's repository, read and never written here, and
  // must outlive this; nullptr: none.
  static absl::StatusOr<FetchedObjects> Make(const std::string& directory, git_repository* own);

  // DATA_LOSS: a pack that is damaged, or holds what git would not take. `first`: the ones that
  // were added before build on it, so it is installed before them.
  absl::Status Add(const std::string& pack, bool first = false);
  // OK when everything that the commit leads to, or the tree, is here or in the repository; else
  // NOT_FOUND names an object that is missing. What the repository has is taken for complete.
  absl::Status CheckHistory(const git_oid& commit) const;
  absl::Status CheckTree(const git_oid& tree) const;
  bool Has(const git_oid& id) const;

  // All objects, those of the repository too; new ones go to `directory`.
  git_repository* repo() const { return repo_.get(); }

  // Puts the packs, and `commit` if it was made here, into the repository's own objects.
  absl::Status Install(const git_oid& commit) const;

 private:
  FetchedObjects() = default;
  using Seen = std::set<std::string>;
  absl::Status CheckTree(const git_oid& tree, Seen& seen) const;
  bool Owns(const git_oid& id) const;

  std::string directory_;
  git_repository* own_ = nullptr;
  GitOdb own_odb_, odb_;
  GitRepository repo_;              // over odb_
  std::vector<std::string> packs_;  // base first
};

// A tree's raw content, as git's own check (transfer.fsckObjects) would judge it: no entry that
// leads out of the tree or into .git, nothing twice, no mode that git does not have.
absl::Status CheckTreeContent(absl::string_view raw);

}  // namespace handoff
