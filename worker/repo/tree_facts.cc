#include "worker/repo/tree_facts.h"

#include <git2/sys/repository.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/git/objects.h"
#include "common/status.h"
#include "worker/repo/git_dir.h"

namespace handoff {
namespace {

constexpr absl::string_view kOurs = ".cursor/agent-handoffs";
constexpr uint64_t kMaxCountedFile = 8 << 20;     // lines of larger files are not counted
constexpr uint64_t kMaxCountedBytes = 512 << 20;  // nor, beyond this, those of any more files

bool IsOurs(absl::string_view path) {
  return absl::ConsumePrefix(&path, kOurs) && (path.empty() || path[0] == '/');
}

// The entry's id and mode in `tree`, if there is one.
std::optional<std::pair<git_oid, uint32_t>> Find(git_tree* tree, const std::string& path) {
  git_tree_entry* entry = nullptr;
  if (tree == nullptr || git_tree_entry_bypath(&entry, tree, path.c_str()) != 0) return {};
  const std::pair<git_oid, uint32_t> found(*git_tree_entry_id(entry),
                                           git_tree_entry_filemode(entry));
  git_tree_entry_free(entry);
  return found;
}

}  // namespace

absl::StatusOr<TreeFacts> TreeFacts::Open(const std::string& directory,
                                          const std::vector<std::string>& objects,
                                          const std::string& base_index,
                                          const git_oid& base_commit) {
  RETURN_IF_ERROR(CheckObjects(directory));
  ASSIGN_OR_RETURN(TempDir shadow, TempDir::Make("handoff-facts-"));
  GitRepository repository;
  RETURN_IF_ERROR(
      GitStatus(git_repository_init(repository.out(), shadow.path().c_str(), 1), directory));
  ASSIGN_OR_RETURN(const GitOdb odb, MakeObjectDatabase(""));
  for (const std::string& own : objects) {
    RETURN_IF_ERROR(AddObjects(odb.get(), own, /*follow_alternates=*/false));
  }
  RETURN_IF_ERROR(AddObjects(odb.get(), absl::StrCat(directory, "/.git/objects"), false));
  RETURN_IF_ERROR(GitStatus(git_repository_set_odb(repository.get(), odb.get()), directory));
  RETURN_IF_ERROR(
      GitStatus(git_repository_set_workdir(repository.get(), directory.c_str(), 0), directory));
  TreeFacts facts(std::move(shadow), std::move(repository));
  ASSIGN_OR_RETURN(facts.base_tree_, TreeOfCommit(facts.repository(), base_commit));
  facts.index_path_ = base_index;
  if (PathExists(base_index)) {
    RETURN_IF_ERROR(GitStatus(git_index_open(facts.index_.out(), base_index.c_str()), base_index));
    return facts;
  }
  // Without our index every file is hashed: slow, and as true.
  RETURN_IF_ERROR(GitStatus(git_index_new(facts.index_.out()), base_index));
  RETURN_IF_ERROR(
      GitStatus(git_index_read_tree(facts.index_.get(), facts.base_tree_.get()), base_index));
  return facts;
}

absl::StatusOr<std::vector<FileFact>> TreeFacts::Files(const std::optional<git_oid>& head,
                                                       RepoProgress& progress) {
  ASSIGN_OR_RETURN(const WorkTree tree,
                   WorkTree::Open(repository_.get(), index_.get(), index_path_));
  ASSIGN_OR_RETURN(const auto changes,
                   tree.Changes([&] { progress.Report("comparing the work tree"); }));
  GitTree head_tree;
  if (head.has_value()) {
    ASSIGN_OR_RETURN(head_tree, TreeOfCommit(repository_.get(), *head));
  }
  std::vector<FileFact> facts;
  for (const PathChange& change : changes) {
    progress.Report("counting lines");
    if (change.state == PathState::kSubmodule) submodules_.insert(change.path);
    const bool silent = change.state == PathState::kIgnored ||
                        change.state == PathState::kSubmodule ||
                        (change.state == PathState::kSpecial && !change.in_index);
    if (silent || IsOurs(change.path)) continue;
    ASSIGN_OR_RETURN(FileFact fact, Describe(tree, change, head_tree.get()));
    facts.push_back(std::move(fact));
  }
  RETURN_IF_ERROR(AddCommittedOnly(tree, head_tree.get(), facts));
  std::sort(facts.begin(), facts.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return facts;
}

absl::StatusOr<FileFact> TreeFacts::Describe(const WorkTree& tree, const PathChange& change,
                                             git_tree* head_tree) {
  FileFact fact;
  fact.path = change.path;
  const auto committed = Find(head_tree, change.path);
  const auto base = Find(base_tree_.get(), change.path);
  if (change.state == PathState::kDeleted) {
    fact.kind = FileFact::Kind::kDeleted;
    fact.committed = head_tree != nullptr && !committed.has_value();
    CountLines(base.has_value() ? &base->first : nullptr, "", fact);
    return fact;
  }
  if (!change.in_index) fact.kind = FileFact::Kind::kAdded;
  if (base.has_value() && change.mode != 0 && (change.mode & 0170000) != (base->second & 0170000)) {
    fact.kind = FileFact::Kind::kTypeChanged;
  }
  const bool content =
      change.state == PathState::kModified || change.state == PathState::kUntracked;
  if (!content || change.size > WorkTree::kLoadLimit) return fact;
  // Gone or exchanged since it was listed: the change itself stays a fact.
  const auto loaded = tree.Load(change.path);
  if (!loaded.ok()) return fact;
  git_oid id;
  RETURN_IF_ERROR(GitStatus(
      git_odb_hash(&id, loaded->blob.data(), loaded->blob.size(), GIT_OBJECT_BLOB), fact.path));
  fact.committed =
      committed.has_value() && SameOid(committed->first, id) && committed->second == change.mode;
  CountLines(base.has_value() ? &base->first : nullptr, loaded->blob, fact);
  return fact;
}

// Files that an agent committed although they are ignored: no walk of the work tree names them.
absl::Status TreeFacts::AddCommittedOnly(const WorkTree& tree, git_tree* head_tree,
                                         std::vector<FileFact>& facts) {
  if (head_tree == nullptr) return absl::OkStatus();
  std::set<std::string> known;
  for (const FileFact& fact : facts) known.insert(fact.path);
  GitDiff diff;
  git_diff_options options;
  git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  // Else a file that became a link before it was submitted counts as removed and added by HEAD.
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
  RETURN_IF_ERROR(GitStatus(
      git_diff_tree_to_tree(diff.out(), repository_.get(), base_tree_.get(), head_tree, &options),
      "comparing HEAD"));
  for (size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    const std::string path = delta->new_file.path;
    if (delta->status != GIT_DELTA_ADDED || known.contains(path) || IsOurs(path)) continue;
    const auto content = tree.Load(path);
    if (!content.ok()) continue;
    git_oid id;
    RETURN_IF_ERROR(GitStatus(
        git_odb_hash(&id, content->blob.data(), content->blob.size(), GIT_OBJECT_BLOB), path));
    FileFact fact;
    fact.path = path;
    fact.kind = FileFact::Kind::kAdded;
    fact.committed = SameOid(id, delta->new_file.id);
    CountLines(nullptr, content->blob, fact);
    facts.push_back(std::move(fact));
  }
  return absl::OkStatus();
}

void TreeFacts::CountLines(const git_oid* old_id, const std::string& content, FileFact& fact) {
  GitBlob old_blob;
  if (old_id != nullptr && git_blob_lookup(old_blob.out(), repository_.get(), old_id) != 0) {
    return;  // a submodule, or not readable
  }
  const uint64_t old_size = old_blob ? git_blob_rawsize(old_blob.get()) : 0;
  counted_bytes_ += old_size + content.size();
  if (old_size > kMaxCountedFile || content.size() > kMaxCountedFile ||
      counted_bytes_ > kMaxCountedBytes) {
    return;
  }
  git_diff_options options;
  git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  options.context_lines = 0;
  GitPatch patch;
  size_t added = 0, deleted = 0;
  if (git_patch_from_blob_and_buffer(patch.out(), old_blob.get(), "old", content.data(),
                                     content.size(), "new", &options) == 0 &&
      patch && git_patch_line_stats(nullptr, &added, &deleted, patch.get()) == 0) {
    fact.added = added;
    fact.deleted = deleted;
  }
}

}  // namespace handoff
