// What git's conversions make of files on the way to a worker, where it is not what the person has.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

// A file whose content was read here, and what it is in the tree.
struct SentFile {
  std::string path;
  git_oid id = {};
  bool converted = false;  // by the settings of this machine or the repository
  bool filtered = false;   // by a program
};

// `sent` are files of the tree of `commit`. Written out as a worker does (the tree's own
// attributes, no configuration), some may differ from the files here; files of filter programs and
// settings of this machine that change other files are noted as well. `temp` is scratch space.
absl::StatusOr<std::vector<std::string>> ConversionNotes(git_repository* repo, git_odb* odb,
                                                         const std::vector<SentFile>& sent,
                                                         const git_oid& commit,
                                                         const std::string& temp);

}  // namespace handoff
