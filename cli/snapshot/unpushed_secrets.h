// Files that look like secrets in commits that leave with a submit because origin lacks them. They
// are sent, since a history cannot be cut; the person should know.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

// One note for each path that a commit of `commits` adds to what its first parent has, by its name
// alone.
absl::StatusOr<std::vector<std::string>> NoteUnpushedSecrets(git_repository* repo,
                                                             const std::vector<git_oid>& commits);

}  // namespace handoff
