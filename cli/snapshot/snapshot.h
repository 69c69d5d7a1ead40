// What the person sees in their repository, as commits and a pack. Never touches index, refs,
// objects or work tree: new objects go to a temporary object directory.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file.h"

namespace handoff {

enum class SnapshotFrom { kWorktree, kHead, kPushed };

struct SnapshotOptions {
  SnapshotFrom from = SnapshotFrom::kWorktree;
  // Paths (files or folders, from the root or from where the person stands) that are sent although
  // they look like secrets, are huge or are ignored. Of no effect but with kWorktree.
  std::set<std::string> include;
  // The agent runs in the folder where the person stands, so that the worker must have it.
  bool runs_in_directory = false;
  uint64_t huge_bytes = 50 << 20;  // uncommitted files above this are held back
  bool build_pack = true;          // false for --dry-run: counts only
  bool full = false;               // a self-contained pack whatever origin says
  // Of origin, on which HEAD is thought to be where no branch is checked out; empty: not known.
  std::string branch;
  // What a refusal offers beside mending what is in the way.
  std::string other_way = ", or submit with --from head";
};

struct Snapshot {
  std::string root;       // work tree
  std::string directory;  // where the agent runs, below root
  SnapshotFrom from = SnapshotFrom::kWorktree;
  std::string url, ref, key;    // origin without credentials; branch name
  std::string commit;           // HEAD
  std::string worktree_commit;  // empty when clean or not asked for
  std::string user_name, user_email;
  int commits_ahead = 0;       // of what origin confirmed just now; -1: origin could not be asked
  std::string origin_message;  // why not
  uint64_t modified = 0, added = 0, deleted = 0, untracked = 0, staged = 0;
  std::vector<std::string> ignored;    // top-most ignored paths, not sent
  std::vector<std::string> held_back;  // "path: looks like a secret (.env)"
  std::vector<std::string> notes;      // what cannot be carried
  bool pack_complete = false;
  std::string pack_path;  // in `temp`; empty when nothing has to be sent
  std::string pack_sha256;
  uint64_t pack_bytes = 0;
};

// `where` is any path inside a repository. NOT_FOUND: no repository. PERMISSION_DENIED: another
// user's. DATA_LOSS: one whose objects are not all here. INVALID_ARGUMENT: an include that names
// nothing. FAILED_PRECONDITION: unmerged index, dirty submodule (by name), no commit yet, shallow
// clone whose base origin does not advertise, a folder that the worker would not have, a format
// that libgit2 does not read. ABORTED: a file changed while it was read. UNAVAILABLE: kPushed, and
// origin does not answer. `temp` receives the pack.
absl::StatusOr<Snapshot> TakeSnapshot(const std::string& where, const SnapshotOptions& options,
                                      const TempDir& temp);

}  // namespace handoff
