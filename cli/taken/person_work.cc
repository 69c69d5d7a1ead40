#include "cli/taken/person_work.h"

#include <git2/sys/repository.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/repository.h"
#include "cli/snapshot/state_commit.h"
#include "cli/snapshot/work_state.h"
#include "common/git/objects.h"
#include "common/status.h"

namespace handoff {

absl::StatusOr<PersonWork> PersonWork::Open(const std::string& where, const std::string& temp) {
  PersonWork work;
  ASSIGN_OR_RETURN(work.repo_, OpenAround(where));
  const char* const root = git_repository_workdir(work.repo_.get());
  if (root == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(where, " is in a bare repository, which has no work tree"));
  }
  work.root_ = std::string(absl::StripSuffix(RealPath(root), "/"));
  work.objects_ = absl::StrCat(temp, "/objects");
  ASSIGN_OR_RETURN(work.odb_, MakeObjectDatabase(work.objects_));
  RETURN_IF_ERROR(AddObjects(work.odb_.get(),
                             absl::StrCat(git_repository_commondir(work.repo_.get()), "objects"),
                             /*follow_alternates=*/true));
  RETURN_IF_ERROR(GitStatus(git_repository_set_odb(work.repo_.get(), work.odb_.get()), work.root_));
  return work;
}

absl::StatusOr<PersonState> PersonWork::Read(const std::set<std::string>& include,
                                             absl::string_view ending) const {
  PersonState state;
  if (git_reference_name_to_id(&state.head, repo_.get(), "HEAD") != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(root_, " is on a branch without a commit. Nothing was sent; commit first"));
  }
  GitReference head;
  if (git_repository_head(head.out(), repo_.get()) == 0 &&
      git_reference_is_branch(head.get()) == 1) {
    state.branch = git_reference_shorthand(head.get());
  }
  ASSIGN_OR_RETURN(const GitTree tree, TreeOfCommit(repo_.get(), state.head));
  SnapshotOptions options;
  options.include = include;
  options.other_way = "";
  WorkStateReader reader(repo_.get(), odb_.get(), options);
  ASSIGN_OR_RETURN(WorkState read, reader.Read(tree.get()));
  state.work_tree = read.work_tree;
  state.index_tree = read.index_tree;
  state.held_back = std::move(read.held_back);
  state.notes = std::move(read.notes);
  const std::string operation = NoteOperation(repo_.get());
  if (!operation.empty()) state.notes.insert(state.notes.begin(), operation);
  ASSIGN_OR_RETURN(const StateCommit made,
                   WriteStateCommit(repo_.get(), odb_.get(), state.head, state.index_tree,
                                    state.work_tree, ending));
  state.commit = made.commit;
  return state;
}

// Parents before children.
absl::StatusOr<std::vector<git_oid>> PersonWork::NewCommits(
    const git_oid& commit, const std::vector<git_oid>& known) const {
  GitRevwalk walk;
  RETURN_IF_ERROR(GitStatus(git_revwalk_new(walk.out(), repo_.get()), "listing commits"));
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
  RETURN_IF_ERROR(GitStatus(git_revwalk_push(walk.get(), &commit), "listing commits"));
  for (const git_oid& id : known) {
    RETURN_IF_ERROR(GitStatus(git_revwalk_hide(walk.get(), &id), "listing commits"));
  }
  std::vector<git_oid> commits;
  git_oid id;
  int next = 0;
  while ((next = git_revwalk_next(&id, walk.get())) == 0) commits.push_back(id);
  if (next != GIT_ITEROVER) RETURN_IF_ERROR(GitStatus(next, "listing commits"));
  return commits;
}

absl::StatusOr<std::vector<git_oid>> PersonWork::TreesBefore(const git_oid& id) const {
  std::vector<git_oid> trees;
  ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo_.get(), id));
  for (unsigned i = 0; i < git_commit_parentcount(commit.get()); ++i) {
    ASSIGN_OR_RETURN(const GitTree tree,
                     TreeOfCommit(repo_.get(), *git_commit_parent_id(commit.get(), i)));
    trees.push_back(*git_tree_id(tree.get()));
  }
  return trees;
}

absl::StatusOr<PackFile> PersonWork::Pack(const git_oid& commit, const std::vector<git_oid>& known,
                                          const std::string& path) const {
  std::vector<git_oid> here, trees;
  for (const git_oid& id : known) {
    const auto tree = TreeOfCommit(repo_.get(), id);
    if (!tree.ok()) continue;
    here.push_back(id);
    trees.push_back(*git_tree_id(tree->get()));
  }
  ASSIGN_OR_RETURN(SnapshotPack pack, SnapshotPack::Make(repo_.get()));
  if (here.empty()) {
    RETURN_IF_ERROR(pack.AddHistory(commit));
    return pack.Write(path);
  }
  ASSIGN_OR_RETURN(const std::vector<git_oid> commits, NewCommits(commit, here));
  for (const git_oid& id : commits) {
    ASSIGN_OR_RETURN(std::vector<git_oid> before, TreesBefore(id));
    before.insert(before.end(), trees.begin(), trees.end());
    RETURN_IF_ERROR(pack.AddCommit(id, before));
  }
  return pack.Write(path);
}

absl::StatusOr<std::set<std::string>> FilesBeyond(git_repository* repo, const git_oid& head,
                                                  const git_oid& tree) {
  ASSIGN_OR_RETURN(const GitTree from, TreeOfCommit(repo, head));
  ASSIGN_OR_RETURN(const GitTree to, LookupTree(repo, tree));
  GitDiff diff;
  RETURN_IF_ERROR(GitStatus(git_diff_tree_to_tree(diff.out(), repo, from.get(), to.get(), nullptr),
                            "comparing"));
  std::set<std::string> files;
  for (size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* const delta = git_diff_get_delta(diff.get(), i);
    if (delta->status == GIT_DELTA_ADDED) files.insert(delta->new_file.path);
  }
  return files;
}

std::string CheckpointEnding(absl::string_view handoff_id) {
  return absl::StrCat("at a checkpoint\n\nHandoff: ", handoff_id, "\n");
}

}  // namespace handoff
