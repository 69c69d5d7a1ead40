// The repository around the person, as handoffs name it. Both the snapshot and "-" as an id use
// these, so that what was submitted here is found from here.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

struct Origin {
  std::string remote;   // `origin`, or the only remote there is; empty: none that can be used
  std::string url;      // without credentials; empty with `remote`
  std::string message;  // why there is none
};
absl::StatusOr<Origin> OriginOf(git_repository* repo, const std::string& root);

// "root:<first commit>", along first parents as far as `odb` has them: names a repository without
// an origin.
absl::StatusOr<std::string> RootKey(git_repository* repo, git_odb* odb, const git_oid& head);

// Handoff.repo of what is submitted from `where`: origin's url, or the key of a repository without
// one; "" outside of a repository.
std::string RepositoryName(const std::string& where);

}  // namespace handoff
