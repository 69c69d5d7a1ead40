// The repository around the person, as handoffs name it. Both the snapshot and "-" as an id use
// these, so that what was submitted here is found from here.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

// NOT_FOUND: there is none around `where`. PERMISSION_DENIED: it is another user's.
// FAILED_PRECONDITION: it is kept in a way that libgit2 does not read.
absl::StatusOr<GitRepository> OpenAround(const std::string& where);

// A symlink-free path; `path` itself where there is none.
std::string RealPath(const std::string& path);

// libgit2 1.5 looks into the folder of a linked work tree, where git keeps no such thing.
bool IsShallow(git_repository* repo);

// What a merge, rebase or the like that is not finished means for a worker, which gets its files
// and not its record; "" when there is none.
std::string NoteOperation(git_repository* repo);

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
// one; "" outside of a repository. PERMISSION_DENIED: it is another user's.
absl::StatusOr<std::string> RepositoryName(const std::string& where);

}  // namespace handoff
