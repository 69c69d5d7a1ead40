#include "worker/repo/restore.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/text.h"
#include "worker/repo/checkpoint_pack.h"
#include "worker/repo/import_pack.h"

namespace handoff {
namespace {

bool IsBranchName(const std::string& branch) {
  int valid = 0;
  const std::string ref = absl::StrCat("refs/heads/", branch);
  return git_reference_name_is_valid(&valid, ref.c_str()) == 0 && valid != 0 &&
         !absl::StartsWith(branch, "-");
}

// In place of `lost`: the same commit whenever it is made.
absl::StatusOr<git_oid> WriteInstead(git_repository* store, const git_oid& tree, git_time_t time,
                                     const std::string& lost, const std::string& id) {
  const std::string who = absl::StrCat("Handoff <handoff@localhost> ", time, " +0000\n");
  const std::string text =
      absl::StrCat("tree ", OidText(tree), "\nauthor ", who, "committer ", who,
                   "\nHistory unavailable\n\nStands for ", lost, ".\n\nHandoff: ", id, "\n");
  GitOdb odb;
  git_oid out;
  RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), store), "writing a commit"));
  RETURN_IF_ERROR(
      GitStatus(git_odb_write(&out, odb.get(), text.data(), text.size(), GIT_OBJECT_COMMIT),
                "writing a commit"));
  return out;
}

}  // namespace

absl::Status ImportCheckpoint(const PrepareRequest& request, git_repository* store,
                              RepoProgress& progress) {
  ASSIGN_OR_RETURN(const git_oid commit, ParseOid(request.checkpoint));
  GitOdb odb;
  RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), store), request.store));
  // It comes with the last pack of its chain, so the others are here too.
  bool complete = git_odb_exists(odb.get(), &commit) != 0;
  if (complete && !request.session_tree.empty()) {
    ASSIGN_OR_RETURN(const git_oid session, ParseOid(request.session_tree));
    complete = git_odb_exists(odb.get(), &session) != 0;
  }
  if (complete) return absl::OkStatus();
  for (const std::string& pack : request.checkpoint_packs) {
    RETURN_IF_ERROR(ImportPack(pack, store, "a pack of the checkpoint", progress).status());
  }
  return absl::OkStatus();
}

absl::Status CheckCheckpoint(const PrepareRequest& request, git_repository* store,
                             const std::optional<git_oid>& base) {
  ASSIGN_OR_RETURN(const git_oid id, ParseOid(request.checkpoint));
  ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(store, id));
  RETURN_IF_ERROR(CheckTree(store, *git_commit_tree_id(commit.get())));
  if (git_commit_parentcount(commit.get()) == 0) return absl::OkStatus();
  std::vector<git_oid> known;
  if (base.has_value()) known.push_back(*base);
  return CheckHistory(store, *git_commit_parent_id(commit.get(), 0), known);
}

absl::StatusOr<RestoredState> ReadCheckpoint(const PrepareRequest& request, git_repository* store,
                                             const std::optional<git_oid>& base,
                                             std::vector<std::string>& notes) {
  ASSIGN_OR_RETURN(const git_oid id, ParseOid(request.checkpoint));
  ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(store, id));
  RestoredState out;
  out.branch = request.checkpoint_branch;
  if (!out.branch.empty() && !IsBranchName(out.branch)) {
    notes.push_back(absl::StrCat("the checkpoint names a branch that git does not allow (",
                                 OneLine(out.branch, 100), "); HEAD is detached"));
    out.branch.clear();
  }
  out.tree = out.index_tree = *git_commit_tree_id(commit.get());
  RETURN_IF_ERROR(
      Annotate(CheckTree(store, out.tree), "the files of the checkpoint are not all here"));
  const unsigned parents = git_commit_parentcount(commit.get());
  if (parents == 0) {
    out.unborn = true;
    if (out.branch.empty()) out.branch = request.branch;
    return out;
  }
  out.head = *git_commit_parent_id(commit.get(), 0);
  std::vector<git_oid> known;
  if (base.has_value()) known.push_back(*base);
  const absl::Status history = CheckHistory(store, out.head, known);
  if (history.ok()) {
    ASSIGN_OR_RETURN(const GitCommit head, LookupCommit(store, out.head));
    out.index_tree = *git_commit_tree_id(head.get());
    if (parents == 1) return out;
    ASSIGN_OR_RETURN(const GitCommit index,
                     LookupCommit(store, *git_commit_parent_id(commit.get(), 1)));
    const git_oid staged = *git_commit_tree_id(index.get());
    const absl::Status all = CheckTree(store, staged);
    if (all.ok()) {
      out.index_tree = staged;
    } else {
      notes.push_back(absl::StrCat("what was staged is not all here: ", all.message()));
    }
    return out;
  }
  // The nearest to it: its files, when all of them are here, so that what was not committed stays
  // so; else those of the checkpoint.
  const std::string lost = OidText(out.head);
  git_oid tree = out.tree;
  const auto head = LookupCommit(store, out.head);
  if (head.ok() && CheckTree(store, *git_commit_tree_id(head->get())).ok()) {
    tree = *git_commit_tree_id(head->get());
  }
  ASSIGN_OR_RETURN(
      out.head, WriteInstead(store, tree, git_commit_time(commit.get()), lost, request.handoff_id));
  out.index_tree = tree;
  out.instead = out.head;
  notes.push_back(OneLine(absl::StrCat("history unavailable: ", history.message(), "; ",
                                       OidText(out.head).substr(0, 10),
                                       " without history stands for ", lost.substr(0, 10)),
                          300));
  return out;
}

}  // namespace handoff
