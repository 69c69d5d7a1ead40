// The objects of a submission as one pack file, the same bytes for the same content.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

struct PackFile {
  std::string path;
  std::string sha256;
  uint64_t bytes = 0;
};

class SnapshotPack {
 public:
  static absl::StatusOr<SnapshotPack> Make(git_repository* repo);

  // Everything that `commit` leads to.
  absl::Status AddHistory(const git_oid& commit);
  // A commit with what its tree has beyond the trees `known`.
  absl::Status AddCommit(const git_oid& commit, const std::vector<git_oid>& known);

  bool empty() const;
  absl::StatusOr<PackFile> Write(const std::string& path);

 private:
  SnapshotPack(git_repository* repo, GitPackbuilder builder)
      : repo_(repo), builder_(std::move(builder)) {}
  absl::Status AddTree(const git_oid& tree, const std::vector<git_tree*>& known, int depth);

  git_repository* repo_;
  GitPackbuilder builder_;
};

}  // namespace handoff
