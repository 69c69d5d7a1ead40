// What a workspace holds right now, as git trees: read while an agent, possibly a hostile one,
// works in it, and without changing anything there.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file.h"
#include "common/git/git.h"
#include "worker/repo/note_list.h"
#include "worker/repo/progress.h"

namespace handoff {

struct WorkspacePlaces {
  std::string workspace, store, mirror;
  std::string fresh;            // object directory that receives new objects, made if absent
  std::string base_commit;      // what was submitted: the index in the store shows its tree
  uint64_t max_file_bytes = 0;  // 0: no limit
  bool agent_objects = true;    // false: do without them, since one was found to be unsound
};

// Two views of the same new objects: `own` never believes anything that an agent wrote, `all` also
// has the agent's objects, each of which is hashed when it is read.
struct WorkspaceObjects {
  GitRepository own, all;
  GitOdb own_odb, all_odb;
  TempDir shadow;  // repositories of ours; the work tree of `own` is the agent's
};
// The agent's objects are left out, with a note, when libgit2 cannot be let near them.
absl::StatusOr<WorkspaceObjects> OpenWorkspaceObjects(const WorkspacePlaces& places,
                                                      NoteList& notes);

struct WorkspaceState {
  std::string branch;     // of HEAD; empty: detached, or not readable
  bool has_head = false;  // HEAD names a commit that can be read
  bool unborn = false;    // HEAD is a branch without a commit
  git_oid head = {};
  git_oid work_tree = {};             // every object of it is in WorkspaceObjects::own
  std::optional<git_oid> index_tree;  // absent: it cannot be written as a tree
};

// What is not in it is named in `notes`.
absl::StatusOr<WorkspaceState> ReadWorkspaceState(const WorkspacePlaces& places,
                                                  WorkspaceObjects& objects, NoteList& notes,
                                                  RepoProgress& progress);

}  // namespace handoff
