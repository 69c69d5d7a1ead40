// One repository with its work tree, made from objects that lie elsewhere: the workspace itself and
// each of its submodules.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "worker/repo/checkout.h"
#include "worker/repo/progress.h"

namespace handoff {

struct WorkspaceSpec {
  std::string directory;             // made; must not exist
  std::vector<std::string> objects;  // object directories that it borrows
  std::string url;                   // of `origin`; may be empty
  std::string branch;                // empty: HEAD is detached
  git_oid head = {};                 // commit
  bool unborn = false;      // there is no `head`: the branch has no commit, the index nothing
  git_oid tree = {};        // what the work tree shows
  git_oid index_tree = {};  // what the index shows
  std::string user_name, user_email;
  std::map<std::string, std::string> refs;  // name → commit id: remote branches and tags
  git_oid base_tree = {};                   // what is compared with later
  std::string base_index;  // file that receives the index of `base_tree`, with what stat said
};

// Makes it as a clone would, without hooks. Submodule folders are left empty.
absl::StatusOr<CheckedOut> MakeWorkspace(const WorkspaceSpec& spec, RepoProgress& progress);

}  // namespace handoff
