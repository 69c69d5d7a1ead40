#include "cli/snapshot/worker_view.h"

#include <git2/sys/filter.h>
#include <git2/sys/repository.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/beneath.h"
#include "common/git/encoding.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kMaxRules = 16 << 20;  // libgit2 reads no larger file of them either
constexpr char kFile[] = ".gitattributes";

struct Collection {
  git_repository* repository;
  const Beneath& files;
  std::string& rules;
  bool found = false;
  absl::Status failure;

  absl::Status Add(const std::string& folder, const git_oid& id) {
    GitBlob blob;
    const int read = git_blob_lookup(blob.out(), repository, &id);
    // A partial clone may lack what lies outside of its sparse checkout. Only notes are made of it.
    if (read == GIT_ENOTFOUND) return absl::OkStatus();
    RETURN_IF_ERROR(GitStatus(read, folder));
    const absl::string_view content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                                    static_cast<size_t>(git_blob_rawsize(blob.get())));
    if (content.size() > kMaxRules) return absl::OkStatus();
    if (!folder.empty()) {
      RETURN_IF_ERROR(files.MakeDirectories(folder.substr(0, folder.size() - 1)));
    }
    RETURN_IF_ERROR(files.WriteAtomically(absl::StrCat(folder, kFile), content));
    absl::StrAppend(&rules, content, "\n");
    found = true;
    return absl::OkStatus();
  }
};

int OnEntry(const char* folder, const git_tree_entry* entry, void* payload) {
  Collection& self = *static_cast<Collection*>(payload);
  const git_filemode_t mode = git_tree_entry_filemode(entry);
  const bool file = mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
  if (!file || absl::string_view(git_tree_entry_name(entry)) != kFile) return 0;
  self.failure = self.Add(folder, *git_tree_entry_id(entry));
  return self.failure.ok() ? 0 : -1;
}

}  // namespace

absl::StatusOr<WorkerView> WorkerView::Make(git_odb* odb, const git_oid& commit,
                                            const std::string& temp) {
  WorkerView view;
  const std::string path = absl::StrCat(temp, "/view");
  RETURN_IF_ERROR(GitStatus(git_repository_init(view.repository_.out(), path.c_str(), 0), path));
  GitConfig config;
  RETURN_IF_ERROR(GitStatus(git_config_new(config.out()), path));
  RETURN_IF_ERROR(GitStatus(git_repository_set_config(view.repository(), config.get()), path));
  RETURN_IF_ERROR(GitStatus(git_repository_set_odb(view.repository(), odb), path));
  ASSIGN_OR_RETURN(view.tree_, TreeOfCommit(view.repository(), commit));
  // As files: out of the commit, libgit2 reads the trees on the way to them again for every path.
  ASSIGN_OR_RETURN(const Beneath files, Beneath::Open(path));
  Collection collection = {view.repository(), files, view.rules_, false, absl::OkStatus()};
  const int result = git_tree_walk(view.tree(), GIT_TREEWALK_PRE, &OnEntry, &collection);
  RETURN_IF_ERROR(Annotate(collection.failure, "reading the attributes"));
  RETURN_IF_ERROR(GitStatus(result, "looking for attributes"));
  view.has_attributes_ = collection.found;
  return view;
}

bool WorkerView::Mentions(const std::string& text) const { return absl::StrContains(rules_, text); }

std::string WorkerView::Attribute(const std::string& path, const char* name) const {
  const char* value = nullptr;
  const bool found =
      git_attr_get(&value, repository(), GIT_ATTR_CHECK_NO_SYSTEM, path.c_str(), name) == 0 &&
      git_attr_value(value) == GIT_ATTR_VALUE_STRING;
  return found ? value : "";
}

absl::StatusOr<GitFilters> WorkerView::FiltersOf(const std::string& path, git_blob* blob) const {
  GitFilters filters;
  RETURN_IF_ERROR(GitStatus(
      git_filter_list_load(filters.out(), repository(), blob, path.c_str(), GIT_FILTER_TO_WORKTREE,
                           GIT_FILTER_NO_SYSTEM_ATTRIBUTES | GIT_FILTER_ALLOW_UNSAFE),
      path));
  return filters;
}

absl::StatusOr<bool> WorkerView::Converts(const std::string& path) const {
  if (!has_attributes_) return false;
  ASSIGN_OR_RETURN(const GitFilters filters, FiltersOf(path, nullptr));
  if (filters) return true;
  ASSIGN_OR_RETURN(const std::string encoding,
                   WorkingTreeEncoding(repository(), path, GIT_ATTR_CHECK_NO_SYSTEM));
  return !encoding.empty();
}

absl::StatusOr<std::string> WorkerView::Content(const std::string& path, const git_oid& id) const {
  GitBlob blob;
  RETURN_IF_ERROR(GitStatus(git_blob_lookup(blob.out(), repository(), &id), path));
  std::string content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                      static_cast<size_t>(git_blob_rawsize(blob.get())));
  ASSIGN_OR_RETURN(const GitFilters filters, FiltersOf(path, blob.get()));
  if (filters) {
    GitBuffer out;
    RETURN_IF_ERROR(
        GitStatus(git_filter_list_apply_to_blob(out.get(), filters.get(), blob.get()), path));
    content = out.str();
  }
  ASSIGN_OR_RETURN(const std::string encoding,
                   WorkingTreeEncoding(repository(), path, GIT_ATTR_CHECK_NO_SYSTEM));
  if (encoding.empty()) return content;
  auto encoded = Utf8ToEncoding(content, encoding);
  return encoded.ok() ? *std::move(encoded) : content;
}

}  // namespace handoff
