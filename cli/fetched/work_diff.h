// What two states of a work tree differ in.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/git/git.h"

namespace handoff {

// From one tree to the other, renames found. NOT_FOUND: an object that it shows is missing.
// `binaries`: its patch has the contents of binary files, too, so that git applies it.
absl::StatusOr<GitDiff> CompareTrees(git_repository* repo, const git_oid& from, const git_oid& to,
                                     bool binaries = false);

// As a patch. `line` gets whole lines with what they are ('+', '-', ' ', 'H' of a hunk, 'F' of a
// file); false ends it.
absl::Status PrintPatch(git_diff* diff, const std::function<bool(char, absl::string_view)>& line);
// As a table of files with a sum below, at most `width` columns wide.
absl::StatusOr<std::string> PrintStat(git_diff* diff, int width);

uint64_t FilesIn(git_diff* diff);

}  // namespace handoff
