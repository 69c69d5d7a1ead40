// Where a work tree differs from an index. Reads only: neither index nor objects nor files are
// touched, no hook, filter program or file system monitor is executed, and whatever lies in the
// tree (FIFOs, symlinks, other repositories, directories without end) is named, not followed.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "common/unique_fd.h"

namespace handoff {

enum class PathState {
  kModified,    // tracked, other content or mode than in the index
  kDeleted,     // tracked, not there
  kUntracked,   // neither tracked nor ignored
  kIgnored,     // top-most ignored path; directories end with '/'
  kSkipped,     // tracked and marked skip-worktree, and its file differs all the same
  kNested,      // a directory that is a repository of its own, not a submodule
  kSubmodule,   // a tracked submodule, whatever its state
  kUnreadable,  // cannot be opened, nor what is below it; `reason` says why
  kSpecial,     // FIFO, socket or device
};

struct PathChange {
  std::string path;  // relative to the root
  PathState state = PathState::kModified;
  uint32_t mode = 0;      // git's: 0100644, 0100755, 0120000; 0 when there is no content
  uint64_t size = 0;      // bytes on disk
  git_oid id = {};        // kModified: of the blob it would become; kSubmodule: in the index
  bool in_index = false;  // whether the index has it
  std::string reason;     // kUnreadable
};

// One file's content on its way into the object database.
struct FileContent {
  std::string raw;   // as on disk
  std::string blob;  // after git's built-in conversions (encoding, line endings, $Id$)
  bool converted = false;
  struct stat info = {};
};

class WorkTree {
 public:
  // `repo` gives ignore rules and attributes, its work directory is the root; `index` says what is
  // tracked, `index_path` is the file it came from. Both must outlive this.
  static absl::StatusOr<WorkTree> Open(git_repository* repo, git_index* index,
                                       const std::string& index_path);

  // Everything that differs, sorted by path. What is marked skip-worktree and absent counts as
  // unchanged; in a sparse checkout the mark of a file that is there counts for nothing, as in git.
  // `progress` is called now and then.
  absl::StatusOr<std::vector<PathChange>> Changes(const std::function<void()>& progress) const;

  // FAILED_PRECONDITION when it is neither a regular file nor a symlink, or above kLoadLimit, or is
  // not in its working-tree-encoding.
  absl::StatusOr<FileContent> Load(const std::string& path) const;
  // A regular file, without following any symlink below the root; never blocks.
  absl::StatusOr<UniqueFd> OpenForRead(const std::string& path) const;

  static constexpr uint64_t kLoadLimit = 64 << 20;

 private:
  friend class WorkTreeWalk;
  WorkTree(git_repository* repo, git_index* index) : repo_(repo), index_(index) {}
  // The blob id of the file's content; large files are hashed in pieces and without conversion.
  absl::StatusOr<git_oid> Hash(const std::string& path, const struct stat& info) const;
  bool LooksUnchanged(const git_index_entry& entry, const struct stat& info) const;
  uint32_t ModeOf(const struct stat& info, const git_index_entry* entry) const;

  git_repository* repo_;
  git_index* index_;
  UniqueFd root_;
  git_index_time index_time_ = {};
  bool trust_executable_ = true;
  bool sparse_ = false;
};

}  // namespace handoff
