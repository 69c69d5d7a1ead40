#include "worker/repo/facts.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"
#include "worker/repo/git_dir.h"
#include "worker/repo/submodules.h"
#include "worker/repo/tree_facts.h"

namespace handoff {
namespace {

constexpr int kMaxCommits = 100;
constexpr int kMaxFiles = 500;
constexpr size_t kMaxSubject = 200;
constexpr size_t kMaxPath = 512;
constexpr int kMaxUnread = 64;
constexpr size_t kMaxWhy = 300;

v1::Facts::FileChange::Kind KindOf(FileFact::Kind kind) {
  switch (kind) {
    case FileFact::Kind::kAdded:
      return v1::Facts::FileChange::ADDED;
    case FileFact::Kind::kModified:
      return v1::Facts::FileChange::MODIFIED;
    case FileFact::Kind::kDeleted:
      return v1::Facts::FileChange::DELETED;
    case FileFact::Kind::kTypeChanged:
      return v1::Facts::FileChange::TYPE_CHANGED;
  }
  return v1::Facts::FileChange::KIND_UNSPECIFIED;
}

void AddFile(const FileFact& fact, const std::string& prefix, v1::Facts& facts) {
  facts.set_files_changed(facts.files_changed() + 1);
  facts.set_lines_added(facts.lines_added() + fact.added);
  facts.set_lines_deleted(facts.lines_deleted() + fact.deleted);
  if (facts.files_size() >= kMaxFiles) return;
  v1::Facts::FileChange* file = facts.add_files();
  // Escaped before it is cut: an escape is four times as long as the byte that it stands for.
  file->set_path(Clip(EscapeInvalidUtf8(absl::StrCat(prefix, fact.path)), kMaxPath));
  file->set_kind(KindOf(fact.kind));
  file->set_added(fact.added);
  file->set_deleted(fact.deleted);
  file->set_committed(fact.committed);
}

// base..head, oldest first; of more than kMaxCommits the newest.
absl::Status AddCommits(git_repository* repo, const git_oid& base, const git_oid& head,
                        v1::Facts& facts) {
  GitRevwalk walk;
  RETURN_IF_ERROR(GitStatus(git_revwalk_new(walk.out(), repo), "listing commits"));
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
  RETURN_IF_ERROR(GitStatus(git_revwalk_push(walk.get(), &head), "listing commits"));
  RETURN_IF_ERROR(GitStatus(git_revwalk_hide(walk.get(), &base), "listing commits"));
  std::vector<git_oid> ids;
  git_oid id;
  while (static_cast<int>(ids.size()) < kMaxCommits && git_revwalk_next(&id, walk.get()) == 0) {
    ids.push_back(id);
  }
  std::reverse(ids.begin(), ids.end());
  for (const git_oid& commit_id : ids) {
    ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, commit_id));
    const char* subject = git_commit_summary(commit.get());
    v1::Facts::Commit* out = facts.add_commits();
    out->set_id(OidText(commit_id));
    out->set_subject(OneLine(EscapeInvalidUtf8(subject != nullptr ? subject : ""), kMaxSubject));
  }
  return absl::OkStatus();
}

std::optional<git_oid> HeadOf(const HeadState& head) {
  const auto id = ParseOid(head.commit);
  if (!id.ok()) return std::nullopt;
  return *id;
}

absl::Status AddSubmodule(const FactsRequest& request, const PreparedSubmodule& submodule,
                          RepoProgress& progress, v1::Facts& facts) {
  const std::string directory = absl::StrCat(request.workspace, "/", submodule.path);
  ASSIGN_OR_RETURN(const git_oid base, ParseOid(submodule.commit));
  ASSIGN_OR_RETURN(const HeadState head, ReadHead(directory));
  ASSIGN_OR_RETURN(TreeFacts tree,
                   TreeFacts::Open(directory, {absl::StrCat(submodule.mirror, "/objects")},
                                   submodule.base_index, base));
  if (head.commit != submodule.commit) {
    FileFact moved;
    moved.path = submodule.path;
    AddFile(moved, "", facts);
  }
  ASSIGN_OR_RETURN(const auto files, tree.Files(HeadOf(head), progress));
  for (const FileFact& file : files) AddFile(file, absl::StrCat(submodule.path, "/"), facts);
  return absl::OkStatus();
}

bool StoreHas(const std::string& store, const git_oid& id) {
  GitRepository repository;
  GitOdb odb;
  return git_repository_open_bare(repository.out(), store.c_str()) == 0 &&
         git_repository_odb(odb.out(), repository.get()) == 0 &&
         git_odb_exists(odb.get(), &id) != 0;
}

}  // namespace

absl::StatusOr<v1::Facts> CollectFacts(const FactsRequest& request, RepoProgress& progress) {
  v1::Facts facts;
  facts.set_base_commit(request.base_commit);
  ASSIGN_OR_RETURN(const git_oid base, ParseOid(request.base_commit));
  git_oid submitted = base;
  if (!request.worktree_commit.empty()) {
    ASSIGN_OR_RETURN(submitted, ParseOid(request.worktree_commit));
    // Gone with its history, when the workspace was made from a checkpoint alone.
    if (!StoreHas(request.store, submitted)) submitted = base;
  }
  ASSIGN_OR_RETURN(const HeadState head, ReadHead(request.workspace));
  facts.set_head_commit(head.commit);
  facts.set_branch(EscapeInvalidUtf8(head.branch));
  ASSIGN_OR_RETURN(TreeFacts tree,
                   TreeFacts::Open(request.workspace,
                                   {absl::StrCat(request.store, "/objects"),
                                    absl::StrCat(request.mirror, "/objects")},
                                   absl::StrCat(request.store, "/base-index"), submitted));
  ASSIGN_OR_RETURN(const auto files, tree.Files(HeadOf(head), progress));
  for (const FileFact& file : files) AddFile(file, "", facts);
  const auto head_id = HeadOf(head);
  if (head_id.has_value()) RETURN_IF_ERROR(AddCommits(tree.repository(), base, *head_id, facts));
  ASSIGN_OR_RETURN(const auto submodules,
                   LoadSubmodules(absl::StrCat(request.store, "/submodules.json")));
  for (const PreparedSubmodule& submodule : submodules) {
    if (!tree.submodules().contains(submodule.path)) continue;
    // An agent may remove a submodule or break it: what the rest says stands all the same.
    const absl::Status added = AddSubmodule(request, submodule, progress, facts);
    if (added.ok() || facts.unread_size() >= kMaxUnread) continue;
    facts.add_unread(OneLine(
        EscapeInvalidUtf8(absl::StrCat("submodule ", submodule.path, ": ", added.message())),
        kMaxWhy));
  }
  return facts;
}

}  // namespace handoff
