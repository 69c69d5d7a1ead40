// What origin has right now. Asked through the person's own git, so that their credential helpers,
// ssh configuration and proxies count; nothing is written into the repository.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"

namespace handoff {

struct OriginRefs {
  std::map<std::string, git_oid> refs;  // heads and tags (what they point to) and HEAD
  std::string default_branch;           // refs/heads/main; may be empty
};

// `git ls-remote` in the repository at `root`. UNAVAILABLE with git's words when it fails, asks for
// a password, or takes more than 20 s.
absl::StatusOr<OriginRefs> AskOrigin(const std::string& root, const std::string& remote);

// The history of `refs` into the object directory `objects`, so that it can be seen whether local
// commits are part of it. Refs, FETCH_HEAD and objects of the repository stay as they are.
absl::Status FetchHistory(const std::string& root, const std::string& remote,
                          const std::vector<std::string>& refs, const std::string& own_objects,
                          const std::string& objects);

}  // namespace handoff
