// A commit's files as a worker writes them out: by the attributes of the commit itself, without any
// configuration of this machine.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

class WorkerView {
 public:
  // `temp` is scratch space; the objects come from `odb`.
  static absl::StatusOr<WorkerView> Make(git_odb* odb, const git_oid& commit,
                                         const std::string& temp);

  // False when no file of the commit says anything about any path.
  bool has_attributes() const { return has_attributes_; }
  // Whether any of them contains `text`.
  bool Mentions(const std::string& text) const;
  // Empty when it is not set, or to no word.
  std::string Attribute(const std::string& path, const char* name) const;

  // Whether a worker writes other bytes than the blob's at `path`.
  absl::StatusOr<bool> Converts(const std::string& path) const;
  absl::StatusOr<std::string> Content(const std::string& path, const git_oid& blob) const;

  git_tree* tree() const { return tree_.get(); }
  git_repository* repository() const { return repository_.get(); }

 private:
  absl::StatusOr<GitFilters> FiltersOf(const std::string& path, git_blob* blob) const;

  GitRepository repository_;  // its work tree has the attribute files and nothing else
  GitTree tree_;
  bool has_attributes_ = false;
  std::string rules_;  // of all attribute files
};

}  // namespace handoff
