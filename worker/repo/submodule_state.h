// Which commit of a submodule a checkpoint records: one that another worker can fetch.
#pragma once

#include <string>
#include <vector>

#include "common/git/git.h"
#include "worker/repo/note_list.h"
#include "worker/repo/progress.h"
#include "worker/repo/submodules.h"

namespace handoff {

// A folder with something in it that is no repository.
bool IsPlainFolder(const std::string& path);

// `recorded` is what our index or the agent's has for `path`; what is left out is named in `notes`.
git_oid SubmoduleCommit(const std::string& workspace, const std::string& path,
                        const git_oid& recorded, const std::vector<PreparedSubmodule>& prepared,
                        NoteList& notes, RepoProgress& progress);

}  // namespace handoff
