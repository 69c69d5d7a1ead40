// A pack on its way into the handoff's own repository.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/git/git.h"
#include "worker/repo/progress.h"

namespace handoff {

// Indexes `pack` into `store` (every object is hashed; bases of a thin pack come from what `store`
// borrows) and gives the path of its index. INVALID_ARGUMENT when it is not a sound pack. `name` is
// what errors call it: "the submitted pack".
absl::StatusOr<std::string> ImportPack(const std::string& pack, git_repository* store,
                                       absl::string_view name, RepoProgress& progress);

// NOT_FOUND, naming one, when an object of that pack leads to one that `store` has no access to.
// libgit2's own check takes submodule commits for missing ones.
absl::Status CheckConnected(const std::string& pack_index, git_repository* store,
                            RepoProgress& progress);

}  // namespace handoff
