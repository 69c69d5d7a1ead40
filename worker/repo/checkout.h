// A tree written into an empty directory of ours, with several threads: four fifths of libgit2's
// own time goes into questions that a fresh directory does not raise (is it changed, is it in the
// way) and it uses one core.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "worker/repo/progress.h"

namespace handoff {

struct CheckedOut {
  struct Submodule {
    std::string path;
    git_oid commit;
    // An agent made or moved it, so that it may be at no origin: then its folder is left empty.
    bool optional = false;
  };
  std::vector<git_index_entry> entries;  // in index order, with what stat said after writing
  std::vector<std::string> paths;        // what the entries' path pointers point to
  std::vector<Submodule> submodules;
  std::vector<std::string> notes;  // what is not as git with all its programs would make it
};

// `repo`'s work directory must be empty but for .git. Line endings, encodings, $Id$ and symlinks
// are as the tree's attributes say. INVALID_ARGUMENT for Git LFS pointers (the content is not in
// the repository), for encodings that are not converted here and for names that would leave the
// directory.
absl::StatusOr<CheckedOut> CheckOut(git_repository* repo, const git_oid& tree,
                                    RepoProgress& progress);

}  // namespace handoff
