// The files of one work tree that differ from what was submitted: the workspace or a submodule.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file.h"
#include "common/git/git.h"
#include "common/git/work_tree.h"
#include "worker/repo/progress.h"

namespace handoff {

struct FileFact {
  enum class Kind { kAdded, kModified, kDeleted, kTypeChanged };
  std::string path;
  Kind kind = Kind::kModified;
  uint64_t added = 0, deleted = 0;  // lines
  bool committed = false;
};

class TreeFacts {
 public:
  // `directory` contains .git; `objects` are our own object directories for it; `base_index` is
  // the index that we wrote when it was made, `base` the tree that it shows.
  static absl::StatusOr<TreeFacts> Open(const std::string& directory,
                                        const std::vector<std::string>& objects,
                                        const std::string& base_index, const git_oid& base_commit);

  // Sorted by path. `head` is the commit that HEAD names, if any.
  absl::StatusOr<std::vector<FileFact>> Files(const std::optional<git_oid>& head,
                                              RepoProgress& progress);
  // Submodules that are still directories, by path. After Files.
  const std::set<std::string>& submodules() const { return submodules_; }
  git_repository* repository() const { return repository_.get(); }

 private:
  TreeFacts(TempDir shadow, GitRepository repository)
      : shadow_(std::move(shadow)), repository_(std::move(repository)) {}
  absl::StatusOr<FileFact> Describe(const WorkTree& tree, const PathChange& change,
                                    git_tree* head_tree);
  absl::Status AddCommittedOnly(const WorkTree& tree, git_tree* head_tree,
                                std::vector<FileFact>& facts);
  void CountLines(const git_oid* old_id, const std::string& content, FileFact& fact);

  TempDir shadow_;  // a repository of ours whose work tree is the agent's
  GitRepository repository_;
  GitIndex index_;
  std::string index_path_;
  GitTree base_tree_;
  std::set<std::string> submodules_;
  uint64_t counted_bytes_ = 0;
};

}  // namespace handoff
