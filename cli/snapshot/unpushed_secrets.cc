#include "cli/snapshot/unpushed_secrets.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "cli/snapshot/held_back.h"
#include "common/status.h"

namespace handoff {
namespace {

// A repository that was never pushed to where it stems from may have very many.
constexpr size_t kMostCommits = 1000;

// Paths that `commit` has and its first parent has not.
absl::StatusOr<std::vector<std::string>> Added(git_repository* repo, const git_oid& id) {
  ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, id));
  ASSIGN_OR_RETURN(const GitTree tree, TreeOfCommit(repo, id));
  GitTree before;
  const git_oid* parent = git_commit_parent_id(commit.get(), 0);
  if (parent != nullptr) {
    auto found = TreeOfCommit(repo, *parent);
    if (!found.ok()) return std::vector<std::string>();  // beyond a shallow boundary
    before = *std::move(found);
  }
  GitDiff diff;
  RETURN_IF_ERROR(
      GitStatus(git_diff_tree_to_tree(diff.out(), repo, before.get(), tree.get(), nullptr),
                absl::StrCat("comparing commit ", OidText(id), " with its parent")));
  std::vector<std::string> added;
  for (size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    if (delta->status == GIT_DELTA_ADDED) added.emplace_back(delta->new_file.path);
  }
  return added;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> NoteUnpushedSecrets(git_repository* repo,
                                                             const std::vector<git_oid>& commits) {
  std::vector<std::string> notes;
  const size_t skipped = commits.size() - std::min(commits.size(), kMostCommits);
  if (skipped > 0) {
    notes.push_back(absl::StrCat(commits.size(),
                                 " commits that origin does not have are sent; only ",
                                 "the newest ", kMostCommits, " were searched for secrets"));
  }
  std::set<std::string> named;
  for (size_t i = skipped; i < commits.size(); ++i) {
    const git_oid& id = commits[i];
    ASSIGN_OR_RETURN(const auto added, Added(repo, id));
    for (const std::string& path : added) {
      const std::string why = SecretByName(path);
      if (why.empty() || !named.insert(path).second) continue;
      notes.push_back(absl::StrCat("commit ", OidText(id).substr(0, 10), " adds ", path, ", which ",
                                   why, "; it is sent with that commit"));
    }
  }
  return notes;
}

}  // namespace handoff
