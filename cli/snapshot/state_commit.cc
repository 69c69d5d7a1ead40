#include "cli/snapshot/state_commit.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

absl::StatusOr<git_oid> Write(git_odb* odb, const git_oid& tree,
                              const std::vector<git_oid>& parents, git_time_t time,
                              const std::string& message) {
  std::string text = absl::StrCat("tree ", OidText(tree), "\n");
  for (const git_oid& parent : parents) absl::StrAppend(&text, "parent ", OidText(parent), "\n");
  const std::string who = absl::StrCat("Handoff <handoff@localhost> ", time, " +0000\n");
  absl::StrAppend(&text, "author ", who, "committer ", who, "\n", message);
  git_oid id;
  RETURN_IF_ERROR(GitStatus(git_odb_write(&id, odb, text.data(), text.size(), GIT_OBJECT_COMMIT),
                            "writing a commit"));
  return id;
}

}  // namespace

absl::StatusOr<StateCommit> WriteStateCommit(git_repository* repo, git_odb* odb,
                                             const git_oid& head, const git_oid& index_tree,
                                             const git_oid& work_tree, absl::string_view ending) {
  ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, head));
  const git_time_t time = git_commit_time(commit.get());
  StateCommit made;
  std::vector<git_oid> parents = {head};
  if (!SameOid(index_tree, *git_commit_tree_id(commit.get()))) {
    ASSIGN_OR_RETURN(made.index,
                     Write(odb, index_tree, parents, time, absl::StrCat("Index ", ending)));
    parents.push_back(*made.index);
  }
  ASSIGN_OR_RETURN(made.commit,
                   Write(odb, work_tree, parents, time, absl::StrCat("Work tree ", ending)));
  return made;
}

}  // namespace handoff
