// Object directories joined into one database, of which at most one is written.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

// A database that writes new objects to `fresh` (made if absent; empty: nothing can be written).
// Unlike libgit2's own, it follows no alternates by itself and leaves the time stamps of existing
// objects alone.
absl::StatusOr<GitOdb> MakeObjectDatabase(const std::string& fresh);

// Adds the objects of `directory` for reading only. With `follow_alternates` also those that its
// info/alternates names, five levels deep as in git.
absl::Status AddObjects(git_odb* odb, const std::string& directory, bool follow_alternates);

// OK when everything in an object directory is a regular file or a directory: opening a FIFO or a
// device that somebody put there would hang or worse.
absl::Status CheckObjectDirectory(const std::string& directory);

}  // namespace handoff
