#include "cli/conversion_notes.h"

#include <git2/sys/filter.h>
#include <git2/sys/repository.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr uint64_t kMaxCompared = 16 << 20;
constexpr size_t kMaxListed = 20;
constexpr absl::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";
constexpr size_t kLfsPointerBytes = 1024;

// A repository that is to libgit2 what a worker's is: our objects, no configuration, no work tree.
absl::StatusOr<GitRepository> WorkersView(git_odb* odb, const std::string& temp) {
  GitRepository view;
  const std::string path = absl::StrCat(temp, "/view.git");
  RETURN_IF_ERROR(GitStatus(git_repository_init(view.out(), path.c_str(), 1), path));
  GitConfig config;
  RETURN_IF_ERROR(GitStatus(git_config_new(config.out()), path));
  RETURN_IF_ERROR(GitStatus(git_repository_set_config(view.get(), config.get()), path));
  RETURN_IF_ERROR(GitStatus(git_repository_set_odb(view.get(), odb), path));
  return view;
}

absl::StatusOr<std::string> AsWorkerWrites(git_repository* view, git_tree* tree,
                                           const git_oid& commit, const std::string& path) {
  git_tree_entry* entry = nullptr;
  RETURN_IF_ERROR(GitStatus(git_tree_entry_bypath(&entry, tree, path.c_str()), path));
  const git_oid id = *git_tree_entry_id(entry);
  git_tree_entry_free(entry);
  GitBlob blob;
  RETURN_IF_ERROR(GitStatus(git_blob_lookup(blob.out(), view, &id), path));
  git_filter_options options = {};
  options.version = GIT_FILTER_OPTIONS_VERSION;
  options.flags =
      GIT_FILTER_ATTRIBUTES_FROM_COMMIT | GIT_FILTER_NO_SYSTEM_ATTRIBUTES | GIT_FILTER_ALLOW_UNSAFE;
  options.attr_commit_id = commit;
  GitFilters filters;
  RETURN_IF_ERROR(GitStatus(git_filter_list_load_ext(filters.out(), view, blob.get(), path.c_str(),
                                                     GIT_FILTER_TO_WORKTREE, &options),
                            path));
  if (!filters) {
    return std::string(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                       static_cast<size_t>(git_blob_rawsize(blob.get())));
  }
  GitBuffer out;
  RETURN_IF_ERROR(
      GitStatus(git_filter_list_apply_to_blob(out.get(), filters.get(), blob.get()), path));
  return out.str();
}

// Files in LFS are pointers in the tree; the attribute is looked for only where a pattern names it.
absl::Status NoteLfs(git_repository* repo, git_tree* tree, std::vector<std::string>& notes) {
  struct Search {
    git_repository* repo;
    size_t found = 0;
    std::string first;
  } search = {repo, 0, ""};
  const int result = git_tree_walk(
      tree, GIT_TREEWALK_PRE,
      [](const char* root, const git_tree_entry* entry, void* payload) {
        Search& self = *static_cast<Search*>(payload);
        if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB) return 0;
        const std::string path = absl::StrCat(root, git_tree_entry_name(entry));
        const char* value = nullptr;
        if (git_attr_get(&value, self.repo, GIT_ATTR_CHECK_FILE_THEN_INDEX, path.c_str(),
                         "filter") != 0 ||
            git_attr_value(value) != GIT_ATTR_VALUE_STRING || absl::string_view(value) != "lfs") {
          return 0;
        }
        GitBlob blob;
        if (git_blob_lookup(blob.out(), self.repo, git_tree_entry_id(entry)) != 0) return 0;
        const absl::string_view content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                                        static_cast<size_t>(git_blob_rawsize(blob.get())));
        if (content.size() < kLfsPointerBytes && absl::StartsWith(content, kLfsPointer)) {
          if (self.found++ == 0) self.first = path;
        }
        return 0;
      },
      &search);
  RETURN_IF_ERROR(GitStatus(result, "looking for Git LFS files"));
  if (search.found > 0) {
    notes.push_back(absl::StrCat(search.found, " files are kept in Git LFS (", search.first,
                                 "); workers do not fetch from LFS and will refuse this checkout"));
  }
  return absl::OkStatus();
}

bool MentionsLfs(git_repository* repo, const git_oid& blob_id) {
  GitBlob blob;
  if (git_blob_lookup(blob.out(), repo, &blob_id) != 0) return false;
  const absl::string_view content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                                  static_cast<size_t>(git_blob_rawsize(blob.get())));
  return absl::StrContains(content, "filter=lfs");
}

// Cheap for the many repositories without: only the attribute files are looked at.
absl::StatusOr<bool> UsesLfs(git_repository* repo, git_tree* tree) {
  struct Search {
    git_repository* repo;
    bool found = false;
  } search = {repo, false};
  const int result = git_tree_walk(
      tree, GIT_TREEWALK_PRE,
      [](const char* /*root*/, const git_tree_entry* entry, void* payload) {
        Search& self = *static_cast<Search*>(payload);
        if (absl::string_view(git_tree_entry_name(entry)) == ".gitattributes" &&
            MentionsLfs(self.repo, *git_tree_entry_id(entry))) {
          self.found = true;
          return -1;
        }
        return 0;
      },
      &search);
  if (search.found) return true;
  RETURN_IF_ERROR(GitStatus(result, "looking for Git LFS files"));
  return false;
}

void NoteSettings(git_repository* repo, std::vector<std::string>& notes) {
  GitConfig config;
  if (git_repository_config_snapshot(config.out(), repo) != 0) return;
  const char* value = nullptr;
  if (git_config_get_string(&value, config.get(), "core.autocrlf") == 0 &&
      (absl::string_view(value) == "true" || absl::string_view(value) == "1")) {
    notes.push_back(
        "core.autocrlf is set here: text files have CRLF line endings here and LF on the worker");
  }
  if (git_config_get_string(&value, config.get(), "core.eol") == 0 &&
      absl::string_view(value) == "crlf") {
    notes.push_back(
        "core.eol is crlf here: files with the attribute text have CRLF line endings here and LF "
        "on the worker");
  }
  const auto size = FileSize(absl::StrCat(git_repository_commondir(repo), "info/attributes"));
  if (size.ok() && *size > 0) {
    notes.push_back(
        ".git/info/attributes is not part of the repository and has no effect on the "
        "worker");
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ConversionNotes(git_repository* repo, git_odb* odb,
                                                         const std::vector<std::string>& sent,
                                                         const git_oid& commit,
                                                         const std::string& temp) {
  std::vector<std::string> notes;
  NoteSettings(repo, notes);
  ASSIGN_OR_RETURN(const GitTree tree, TreeOfCommit(repo, commit));
  ASSIGN_OR_RETURN(const bool lfs, UsesLfs(repo, tree.get()));
  if (lfs) RETURN_IF_ERROR(NoteLfs(repo, tree.get(), notes));
  if (sent.empty()) return notes;
  ASSIGN_OR_RETURN(const GitRepository view, WorkersView(odb, temp));
  size_t differing = 0;
  for (const std::string& path : sent) {
    const std::string here = absl::StrCat(git_repository_workdir(repo), path);
    struct stat info;
    if (::lstat(here.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    const auto content = ReadFile(here, kMaxCompared);
    if (!content.ok()) continue;
    ASSIGN_OR_RETURN(const std::string there, AsWorkerWrites(view.get(), tree.get(), commit, path));
    if (there == *content) continue;
    if (++differing <= kMaxListed) {
      notes.push_back(absl::StrCat(
          path,
          ": the attributes of the repository change its bytes (line endings, encoding or "
          "$Id$); the worker has what a fresh clone would have"));
    }
  }
  if (differing > kMaxListed) {
    notes.push_back(absl::StrCat("and ", differing - kMaxListed, " more files like that"));
  }
  return notes;
}

}  // namespace handoff
