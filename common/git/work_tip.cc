#include "common/git/work_tip.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

// A name that git does not take is no reason to have no commit.
absl::StatusOr<GitSignature> Author(const WorkMark& mark) {
  GitSignature author;
  const git_time_t at = absl::ToUnixSeconds(mark.taken_at);
  const bool known = !mark.name.empty() && !mark.email.empty();
  if (known && git_signature_new(author.out(), mark.name.c_str(), mark.email.c_str(), at, 0) == 0)
    return author;
  RETURN_IF_ERROR(
      GitStatus(git_signature_new(author.out(), "Handoff", "handoff@localhost", at, /*offset=*/0),
                "signing a commit"));
  return author;
}

}  // namespace

absl::StatusOr<Work> ReadWork(git_repository* repo, const std::string& checkpoint) {
  ASSIGN_OR_RETURN(const git_oid id, ParseOid(checkpoint));
  ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, id));
  if (git_commit_parentcount(commit.get()) == 0) {
    return absl::DataLossError(
        absl::StrCat("commit ", checkpoint, " is no checkpoint: it has no parent"));
  }
  return Work{*git_commit_parent_id(commit.get(), 0), *git_commit_tree_id(commit.get())};
}

absl::StatusOr<git_oid> TipOfWork(git_repository* repo, const Work& work, const WorkMark& mark) {
  ASSIGN_OR_RETURN(const GitCommit head, LookupCommit(repo, work.head));
  if (SameOid(*git_commit_tree_id(head.get()), work.tree)) return work.head;
  ASSIGN_OR_RETURN(const GitTree tree, LookupTree(repo, work.tree));
  ASSIGN_OR_RETURN(const GitSignature author, Author(mark));
  const std::string message = absl::StrCat("Uncommitted changes of handoff ", mark.id, ", attempt ",
                                           mark.attempt, "\n\nHandoff: ", mark.id, "\n");
  git_oid tip;
  const git_commit* parents[] = {head.get()};
  RETURN_IF_ERROR(GitStatus(git_commit_create(&tip, repo, nullptr, author.get(), author.get(),
                                              nullptr, message.c_str(), tree.get(), 1, parents),
                            "making a commit of what was not committed"));
  return tip;
}

}  // namespace handoff
