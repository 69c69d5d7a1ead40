#include "cli/snapshot/conversion_notes.h"

#include <sys/stat.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/snapshot/worker_view.h"
#include "common/file.h"
#include "common/git/encoding.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr uint64_t kMaxCompared = 16 << 20;
constexpr size_t kMaxListed = 20;
constexpr absl::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";
constexpr size_t kLfsPointerBytes = 1024;

// Files whose content here is made by a program that workers do not run, or that they cannot have.
struct Programs {
  git_repository* repo;
  const WorkerView& view;
  git_config* config;  // of the person
  struct Found {
    size_t files = 0;
    std::string first;
    void Add(const std::string& path) {
      if (files++ == 0) first = path;
    }
  };
  std::map<std::string, Found> filters;
  std::map<std::string, Found> encodings;

  bool Runs(const std::string& filter) const {
    for (const char* kind : {"smudge", "process"}) {
      const char* program = nullptr;
      const std::string key = absl::StrCat("filter.", filter, ".", kind);
      if (git_config_get_string(&program, config, key.c_str()) == 0 && *program != '\0')
        return true;
    }
    return false;
  }

  bool IsLfsPointer(const git_oid& id) const {
    GitBlob blob;
    if (git_blob_lookup(blob.out(), repo, &id) != 0) return false;
    const absl::string_view content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                                    static_cast<size_t>(git_blob_rawsize(blob.get())));
    return content.size() < kLfsPointerBytes && absl::StartsWith(content, kLfsPointer);
  }

  void Look(const std::string& path, const git_oid& id) {
    const std::string filter = view.Attribute(path, "filter");
    if (filter == "lfs" ? IsLfsPointer(id) : !filter.empty() && Runs(filter)) {
      filters[filter].Add(path);
    }
    const std::string encoding =
        WorkingTreeEncoding(view.Attribute(path, "working-tree-encoding").c_str());
    if (!encoding.empty()) encodings[encoding].Add(path);
  }
};

int OnEntry(const char* folder, const git_tree_entry* entry, void* payload) {
  const git_filemode_t mode = git_tree_entry_filemode(entry);
  if (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE) {
    static_cast<Programs*>(payload)->Look(absl::StrCat(folder, git_tree_entry_name(entry)),
                                          *git_tree_entry_id(entry));
  }
  return 0;
}

// Every path is looked at only where a rule names such a thing at all.
absl::Status NotePrograms(git_repository* repo, const WorkerView& view,
                          std::vector<std::string>& notes) {
  if (!view.Mentions("filter=") && !view.Mentions("working-tree-encoding=")) {
    return absl::OkStatus();
  }
  GitConfig config;
  RETURN_IF_ERROR(GitStatus(git_repository_config_snapshot(config.out(), repo), "configuration"));
  Programs programs = {repo, view, config.get(), {}, {}};
  RETURN_IF_ERROR(GitStatus(git_tree_walk(view.tree(), GIT_TREEWALK_PRE, &OnEntry, &programs),
                            "looking for filters"));
  for (const auto& [filter, found] : programs.filters) {
    notes.push_back(
        filter == "lfs"
            ? absl::StrCat(found.files, " files are kept in Git LFS (", found.first,
                           "); workers do not fetch from LFS and will refuse this checkout")
            : absl::StrCat(found.files, " files use the filter '", filter, "' (", found.first,
                           "), which workers do not run; there they have the bytes that git "
                           "stores"));
  }
  for (const auto& [encoding, found] : programs.encodings) {
    notes.push_back(absl::StrCat(
        found.files, " files have the working-tree-encoding ", encoding, " (", found.first, "); ",
        CheckEncoding(encoding).ok() ? "workers write them in it too"
                                     : "workers do not know it and will refuse this checkout"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Differs(git_repository* repo, const WorkerView& view, const SentFile& file) {
  if (file.filtered) return false;  // noted with its filter
  if (!file.converted) {            // what lies here is what is stored
    ASSIGN_OR_RETURN(const bool converts, view.Converts(file.path));
    if (!converts) return false;
  }
  const std::string here = absl::StrCat(git_repository_workdir(repo), file.path);
  struct stat info;
  if (::lstat(here.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  const auto content = ReadFile(here, kMaxCompared);
  if (!content.ok()) return false;
  ASSIGN_OR_RETURN(const std::string there, view.Content(file.path, file.id));
  return there != *content;
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
                                                         const std::vector<SentFile>& sent,
                                                         const git_oid& commit,
                                                         const std::string& temp) {
  std::vector<std::string> notes;
  NoteSettings(repo, notes);
  ASSIGN_OR_RETURN(const WorkerView view, WorkerView::Make(odb, commit, temp));
  RETURN_IF_ERROR(NotePrograms(repo, view, notes));
  size_t differing = 0;
  for (const SentFile& file : sent) {
    ASSIGN_OR_RETURN(const bool differs, Differs(repo, view, file));
    if (!differs || ++differing > kMaxListed) continue;
    notes.push_back(absl::StrCat(
        file.path,
        ": the attributes of the repository change its bytes (line endings, encoding or "
        "$Id$); the worker has what a fresh clone would have"));
  }
  if (differing > kMaxListed) {
    notes.push_back(absl::StrCat("and ", differing - kMaxListed, " more files like that"));
  }
  return notes;
}

}  // namespace handoff
