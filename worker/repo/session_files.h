// The files of an agent's session as a git tree, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "worker/repo/note_list.h"
#include "worker/repo/progress.h"

namespace handoff {

// `files` are names below the directory `root`. A missing one, one that is reached through a link
// or is no regular file, and one above `max_bytes` (0: no limit) is left out and named in `notes`.
// The tree's objects are written to `odb`, which `repo` uses; absent when there is no file.
absl::StatusOr<std::optional<git_oid>> WriteSessionTree(const std::string& root,
                                                        const std::vector<std::string>& files,
                                                        uint64_t max_bytes, git_repository* repo,
                                                        git_odb* odb, NoteList& notes);

// Makes `directory` anew (0700) with the files of `tree` (0600). INVALID_ARGUMENT, and nothing is
// there, when the tree has anything but files in folders with plain names.
absl::Status RestoreSession(git_repository* repo, const git_oid& tree, const std::string& directory,
                            RepoProgress& progress);

}  // namespace handoff
