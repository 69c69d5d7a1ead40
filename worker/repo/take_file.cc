#include "worker/repo/take_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mode == b.st_mode && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

absl::Status Changed(const std::string& path) {
  return absl::AbortedError(absl::StrCat(path, " changes while it is read"));
}

// Looked at by its name: a folder above it that was exchanged meanwhile shows as another file.
absl::StatusOr<struct stat> Look(const std::string& root, const std::string& path) {
  struct stat info;
  if (::lstat(absl::StrCat(root, "/", path).c_str(), &info) != 0) return ErrnoToStatus(errno, path);
  if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) {
    return absl::NotFoundError(absl::StrCat(path, " is no file any more"));
  }
  return info;
}

absl::StatusOr<git_oid> Write(const WorkTree& tree, const std::string& path,
                              const struct stat& info, git_odb* odb) {
  git_oid id;
  const auto size = static_cast<uint64_t>(info.st_size);
  if (S_ISREG(info.st_mode) && size > WorkTree::kLoadLimit) {
    ASSIGN_OR_RETURN(const UniqueFd fd, tree.OpenForRead(path));
    return WriteBlob(fd.get(), size, path, odb);
  }
  ASSIGN_OR_RETURN(const FileContent content, tree.Load(path));
  if (!SameFile(content.info, info) || content.raw.size() != size) return Changed(path);
  RETURN_IF_ERROR(GitStatus(
      git_odb_write(&id, odb, content.blob.data(), content.blob.size(), GIT_OBJECT_BLOB), path));
  return id;
}

}  // namespace

absl::StatusOr<TakenFile> TakeFile(const WorkTree& tree, const std::string& root,
                                   const std::string& path, uint64_t max_bytes, git_odb* odb) {
  for (int tries = 0; tries < 2; ++tries) {
    ASSIGN_OR_RETURN(const auto before, Look(root, path));
    const auto size = static_cast<uint64_t>(before.st_size);
    if (max_bytes > 0 && size > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(HumanBytes(size), ", more than ", HumanBytes(max_bytes)));
    }
    const auto id = Write(tree, path, before, odb);
    ASSIGN_OR_RETURN(const auto after, Look(root, path));
    if (!SameFile(before, after)) continue;
    if (absl::IsAborted(id.status())) continue;
    RETURN_IF_ERROR(id);
    TakenFile taken;
    taken.id = *id;
    taken.mode = S_ISLNK(before.st_mode)           ? GIT_FILEMODE_LINK
                 : (before.st_mode & S_IXUSR) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE
                                                   : GIT_FILEMODE_BLOB;
    return taken;
  }
  return Changed(path);
}

absl::StatusOr<git_oid> WriteBlob(int fd, uint64_t size, const std::string& name, git_odb* odb) {
  git_odb_stream* stream = nullptr;
  RETURN_IF_ERROR(GitStatus(git_odb_open_wstream(&stream, odb, size, GIT_OBJECT_BLOB), name));
  // A checkpoint takes thousands of small files: to fill a large buffer for each would be most of
  // it.
  std::string buffer(std::min<uint64_t>(size, 1 << 20), '\0');
  git_oid id = {};
  int result = 0;
  uint64_t total = 0;
  while (result == 0 && total < size) {
    const ssize_t n = ::read(fd, buffer.data(), std::min<uint64_t>(buffer.size(), size - total));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    total += static_cast<uint64_t>(n);
    result = git_odb_stream_write(stream, buffer.data(), static_cast<size_t>(n));
  }
  if (result == 0 && total == size) result = git_odb_stream_finalize_write(&id, stream);
  git_odb_stream_free(stream);
  if (total != size) return Changed(name);
  RETURN_IF_ERROR(GitStatus(result, name));
  return id;
}

}  // namespace handoff
