#include "cli/snapshot/submodule_state.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/snapshot/clean_filters.h"
#include "common/git/work_tree.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kNamed = 3;

bool IsPublished(git_repository* repo, const git_oid& head) {
  GitReferenceIterator iterator;
  if (git_reference_iterator_glob_new(iterator.out(), repo, "refs/remotes/*") != 0) return false;
  std::vector<git_oid> tips;
  while (true) {
    GitReference ref;
    if (git_reference_next(ref.out(), iterator.get()) != 0) break;
    const git_oid* target = git_reference_target(ref.get());
    if (target != nullptr) tips.push_back(*target);
  }
  for (const git_oid& tip : tips) {
    if (SameOid(tip, head)) return true;
  }
  return !tips.empty() && git_graph_reachable_from_any(repo, &head, tips.data(), tips.size()) == 1;
}

const char* Word(PathState state) {
  switch (state) {
    case PathState::kModified:
      return "modified";
    case PathState::kDeleted:
      return "deleted";
    case PathState::kUntracked:
    case PathState::kNested:
      return "untracked";
    default:
      return "";
  }
}

void Add(std::vector<std::string>& changes, absl::string_view path, absl::string_view word) {
  if (changes.size() < kNamed) changes.push_back(absl::StrCat(path, " (", word, ")"));
}

absl::Status ReadChanges(git_repository* repo, const std::string& path, SubmoduleState& state) {
  GitIndex index;
  RETURN_IF_ERROR(GitStatus(git_repository_index(index.out(), repo), path));
  ASSIGN_OR_RETURN(const GitTree head, TreeOfCommit(repo, state.head));
  GitDiff staged;
  RETURN_IF_ERROR(GitStatus(
      git_diff_tree_to_index(staged.out(), repo, head.get(), index.get(), nullptr), path));
  for (size_t i = 0; i < git_diff_num_deltas(staged.get()); ++i) {
    Add(state.changes, git_diff_get_delta(staged.get(), i)->new_file.path, "staged");
  }
  ASSIGN_OR_RETURN(const WorkTree tree,
                   WorkTree::Open(repo, index.get(), git_index_path(index.get())));
  ASSIGN_OR_RETURN(const auto changes, tree.Changes(nullptr));
  CleanFilters filters(repo, nullptr);
  const auto may_be_filtered = [](const PathChange& change) {
    return change.state == PathState::kModified && change.mode != GIT_FILEMODE_LINK;
  };
  std::vector<std::string> modified;
  for (const PathChange& change : changes) {
    if (may_be_filtered(change)) modified.push_back(change.path);
  }
  RETURN_IF_ERROR(filters.Clean(modified));
  for (const PathChange& change : changes) {
    if (may_be_filtered(change) && filters.Apply(change.path)) {
      const git_index_entry* entry = git_index_get_bypath(index.get(), change.path.c_str(), 0);
      const auto id = filters.Cleaned(change.path);
      if (id.ok() && entry->mode == change.mode && SameOid(*id, entry->id)) continue;
    }
    if (change.state == PathState::kSubmodule) {
      ASSIGN_OR_RETURN(const SubmoduleState inner,
                       ReadSubmodule(absl::StrCat(path, "/", change.path)));
      if (inner.initialised && (!inner.changes.empty() || !SameOid(inner.head, change.id))) {
        Add(state.changes, change.path, "submodule with changes");
      }
    } else if (*Word(change.state) != '\0') {
      Add(state.changes, change.path, Word(change.state));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SubmoduleState> ReadSubmodule(const std::string& path) {
  SubmoduleState state;
  GitRepository repo;
  // Its folder may be empty; then nothing of the person's is in it.
  const int opened =
      git_repository_open_ext(repo.out(), path.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr);
  if (opened == GIT_ENOTFOUND) return state;
  RETURN_IF_ERROR(GitStatus(opened, path));
  if (git_reference_name_to_id(&state.head, repo.get(), "HEAD") != 0) return state;
  state.initialised = true;
  RETURN_IF_ERROR(ReadChanges(repo.get(), path, state));
  state.published = IsPublished(repo.get(), state.head);
  return state;
}

bool SubmoduleChangesMatter(git_repository* repo, const std::string& path) {
  git_submodule* submodule = nullptr;
  if (git_submodule_lookup(&submodule, repo, path.c_str()) != 0) return true;
  std::string ignore;
  switch (git_submodule_ignore(submodule)) {  // of .gitmodules
    case GIT_SUBMODULE_IGNORE_UNTRACKED:
    case GIT_SUBMODULE_IGNORE_DIRTY:
    case GIT_SUBMODULE_IGNORE_ALL:
      ignore = "all";
      break;
    default:
      break;
  }
  GitConfig config;
  const char* value = nullptr;
  const std::string key = absl::StrCat("submodule.", git_submodule_name(submodule), ".ignore");
  if (git_repository_config_snapshot(config.out(), repo) == 0 &&
      git_config_get_string(&value, config.get(), key.c_str()) == 0) {
    ignore = value;
  }
  git_submodule_free(submodule);
  return ignore.empty() || ignore == "none";
}

bool SubmoduleHasUrl(git_repository* repo, const std::string& path) {
  git_submodule* submodule = nullptr;
  if (git_submodule_lookup(&submodule, repo, path.c_str()) != 0) return false;
  const char* url = git_submodule_url(submodule);
  const bool found = url != nullptr && *url != '\0';
  git_submodule_free(submodule);
  return found;
}

}  // namespace handoff
