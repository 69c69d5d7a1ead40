// The index of a repository that somebody hostile can write, read from a copy of ours.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "worker/repo/note_list.h"

namespace handoff {

// Copies .git/index of `workspace` to `copy` and reads that; a lock beside it counts for nothing.
// NOT_FOUND when there is none.
absl::StatusOr<GitIndex> ReadAgentIndex(const std::string& workspace, const std::string& copy);

// The tree that `index` shows, written to `repo`; absent, with a note, during conflicts and when an
// object of it is missing. `head`, which may be null, is HEAD's tree.
absl::StatusOr<std::optional<git_oid>> WriteIndexTree(git_index* index, git_tree* head,
                                                      git_repository* repo, git_odb* odb,
                                                      NoteList& notes);

// Our own folder in every workspace: no part of the work.
bool IsHandoffPath(absl::string_view path);

}  // namespace handoff
