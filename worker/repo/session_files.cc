#include "worker/repo/session_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/beneath.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"
#include "worker/repo/take_file.h"

namespace handoff {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxFiles = 100'000;

absl::StatusOr<git_oid> TakeOnce(const Beneath& files, const std::string& name, uint64_t max_bytes,
                                 git_odb* odb) {
  ASSIGN_OR_RETURN(const UniqueFd fd, files.OpenForRead(name));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoToStatus(errno, name);
  const auto size = static_cast<uint64_t>(info.st_size);
  if (max_bytes > 0 && size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name, " has ", HumanBytes(size), ", more than ", HumanBytes(max_bytes)));
  }
  // A log that an agent appends to is whole up to the size that it had.
  return WriteBlob(fd.get(), size, name, odb);
}

class SessionRestore {
 public:
  SessionRestore(git_repository* repo, RepoProgress& progress) : repo_(repo), progress_(progress) {}

  absl::Status Folder(const git_oid& id, const std::string& directory, int depth) {
    if (depth > kMaxDepth) return absl::InvalidArgumentError("it has too many levels of folders");
    RETURN_IF_ERROR(MakeDirectories(directory));
    ASSIGN_OR_RETURN(const GitTree tree, LookupTree(repo_, id));
    for (size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
      const std::string name = git_tree_entry_name(entry);
      if (name.empty() || name == "." || name == ".." || absl::StrContains(name, '/')) {
        return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no name of a file"));
      }
      if (++count_ > kMaxFiles) return absl::InvalidArgumentError("it has too many files");
      const std::string path = absl::StrCat(directory, "/", name);
      const git_oid& child = *git_tree_entry_id(entry);
      const git_filemode_t mode = git_tree_entry_filemode(entry);
      if (mode == GIT_FILEMODE_TREE) {
        RETURN_IF_ERROR(Folder(child, path, depth + 1));
      } else if (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE) {
        RETURN_IF_ERROR(File(child, path));
      } else {
        return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no regular file"));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status File(const git_oid& id, const std::string& path) {
    progress_.Report("restoring the session");
    GitBlob blob;
    RETURN_IF_ERROR(GitStatus(git_blob_lookup(blob.out(), repo_, &id), path));
    // The directory was made a moment ago, by us: nothing is in the way.
    ASSIGN_OR_RETURN(const UniqueFd fd,
                     OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    return WriteAll(fd.get(),
                    absl::string_view(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                                      static_cast<size_t>(git_blob_rawsize(blob.get()))));
  }

  git_repository* repo_;
  RepoProgress& progress_;
  size_t count_ = 0;
};

}  // namespace

absl::StatusOr<std::optional<git_oid>> WriteSessionTree(const std::string& root,
                                                        const std::vector<std::string>& files,
                                                        uint64_t max_bytes, git_repository* repo,
                                                        git_odb* odb, NoteList& notes) {
  GitIndex index;
  RETURN_IF_ERROR(GitStatus(git_index_new(index.out()), "listing the session's files"));
  const auto below = Beneath::Open(root);
  for (const std::string& name : std::set<std::string>(files.begin(), files.end())) {
    auto id = below.ok() ? TakeOnce(*below, name, max_bytes, odb)
                         : absl::StatusOr<git_oid>(below.status());
    if (absl::IsAborted(id.status())) id = TakeOnce(*below, name, max_bytes, odb);
    absl::Status status = id.status();
    if (status.ok()) {
      git_index_entry entry = {};
      entry.path = name.c_str();
      entry.mode = GIT_FILEMODE_BLOB;
      entry.id = *id;
      status = GitStatus(git_index_add(index.get(), &entry), "its name cannot be kept");
    }
    if (!status.ok()) {
      notes.Add(absl::StrCat("the session's file ", name, " is left out: ", status.message()));
    }
  }
  if (git_index_entrycount(index.get()) == 0) return std::nullopt;
  git_oid tree;
  RETURN_IF_ERROR(GitStatus(git_index_write_tree_to(&tree, index.get(), repo),
                            "writing the tree of the session's files"));
  return tree;
}

absl::Status RestoreSession(git_repository* repo, const git_oid& tree, const std::string& directory,
                            RepoProgress& progress) {
  const std::string temp = absl::StrCat(directory, ".restoring");
  RETURN_IF_ERROR(RemoveTree(temp));
  const absl::Status status = SessionRestore(repo, progress).Folder(tree, temp, 0);
  if (!status.ok()) {
    RemoveTree(temp).IgnoreError();
    return Annotate(status, "the session's files cannot be restored");
  }
  RETURN_IF_ERROR(RemoveTree(directory));
  if (std::rename(temp.c_str(), directory.c_str()) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("renaming to ", directory));
  }
  return absl::OkStatus();
}

}  // namespace handoff
