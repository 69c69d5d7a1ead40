#include "common/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

absl::StatusOr<std::vector<std::string>> Components(const std::string& path) {
  std::vector<std::string> parts = absl::StrSplit(path, '/');
  const bool plain = std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    return !part.empty() && part != "." && part != ".." && part.find('\0') == std::string::npos;
  });
  if (!plain) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' is not a plain relative path; nothing was opened"));
  }
  return parts;
}

// "" for the root itself.
std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

const char* KindOf(mode_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

int OpenAt2(int dir, const std::string& path, uint64_t flags, uint64_t mode) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.mode = mode;
  how.resolve = kResolve;
  long fd;
  do {
    // EAGAIN: something was renamed while the kernel resolved the path; it asks to try again.
    fd = ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof(how));
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return static_cast<int>(fd);
}

// Names the first component that is not what it has to be, for an open that failed with `error`.
absl::Status Explain(int root, const std::string& path, bool directory, int error) {
  if (error == ENOSYS) {
    return absl::FailedPreconditionError(
        "this kernel has no openat2, so files in a workspace cannot be opened safely; Linux 5.6 or "
        "newer is required");
  }
  std::string prefix;
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    absl::StrAppend(&prefix, i == 0 ? "" : "/", parts[i]);
    struct stat info;
    // Only to find words: the path may have changed meanwhile, and nothing is opened by it.
    if (::fstatat(root, prefix.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) break;
    const bool last = i + 1 == parts.size();
    if (S_ISDIR(info.st_mode) || (last && !directory && S_ISREG(info.st_mode))) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        prefix, " is ", KindOf(info.st_mode), last && !directory ? "" : ", not a directory",
        "; it was not followed and nothing was changed. Remove it from the repository"));
  }
  if (error == ELOOP || error == EXDEV || error == ENOTDIR) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " leads through a link or out of the directory; it was not opened"));
  }
  return ErrnoToStatus(error, absl::StrCat("opening ", path));
}

absl::Status CheckRegular(int fd, const std::string& path) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is ", KindOf(info.st_mode), ", not a regular file; it was not read"));
  }
  if (info.st_nlink != 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " has ", info.st_nlink, " links: it may be a file from elsewhere; it was not read"));
  }
  return absl::OkStatus();
}

absl::Status CopyBytes(int source, uint64_t bytes, int target) {
  std::vector<char> buffer(256 << 10);
  for (uint64_t offset = 0; offset < bytes;) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer.size(), bytes - offset));
    const ssize_t n = ::pread(source, buffer.data(), want, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading the source");
    if (n == 0) {
      return absl::OutOfRangeError(
          absl::StrCat("the source ends after ", offset, " of ", bytes, " bytes"));
    }
    RETURN_IF_ERROR(WriteAll(target, absl::string_view(buffer.data(), static_cast<size_t>(n))));
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Beneath> Beneath::Open(const std::string& root) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(root, O_PATH | O_DIRECTORY));
  return Beneath(std::move(fd));
}

absl::StatusOr<UniqueFd> Beneath::OpenAt(const std::string& path, uint64_t flags,
                                         uint64_t mode) const {
  UniqueFd fd(OpenAt2(root_.get(), path.empty() ? "." : path, flags, mode));
  if (!fd.valid()) return Explain(root_.get(), path, (flags & O_DIRECTORY) != 0, errno);
  return fd;
}

absl::Status Beneath::MakeDirectories(const std::string& path, unsigned mode) const {
  ASSIGN_OR_RETURN(const std::vector<std::string> parts, Components(path));
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string parent =
        absl::StrJoin(parts.begin(), parts.begin() + static_cast<long>(i), "/");
    ASSIGN_OR_RETURN(UniqueFd dir, OpenAt(parent, O_PATH | O_DIRECTORY, 0));
    if (::mkdirat(dir.get(), parts[i].c_str(), mode) != 0 && errno != EEXIST) {
      return ErrnoToStatus(errno, absl::StrCat("making directory ", parent, "/", parts[i]));
    }
  }
  return OpenAt(path, O_PATH | O_DIRECTORY, 0).status();
}

absl::StatusOr<UniqueFd> Beneath::OpenForRead(const std::string& path) const {
  RETURN_IF_ERROR(Components(path).status());
  // O_PATH opens nothing that a FIFO or a device could react to; what was judged is then opened by
  // its descriptor, so that it cannot be exchanged in between.
  ASSIGN_OR_RETURN(UniqueFd found, OpenAt(path, O_PATH, 0));
  RETURN_IF_ERROR(CheckRegular(found.get(), path));
  return OpenFile(absl::StrCat("/proc/self/fd/", found.get()), O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

absl::StatusOr<UniqueFd> Beneath::OpenForAppend(const std::string& path, unsigned mode) const {
  RETURN_IF_ERROR(Components(path).status());
  // One that is there is judged before it is opened, as above; one that is not is ours alone.
  UniqueFd made(OpenAt2(root_.get(), path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, mode));
  if (made.valid()) return made;
  if (errno != EEXIST) return Explain(root_.get(), path, /*directory=*/false, errno);
  ASSIGN_OR_RETURN(UniqueFd found, OpenAt(path, O_PATH, 0));
  RETURN_IF_ERROR(CheckRegular(found.get(), path));
  return OpenFile(absl::StrCat("/proc/self/fd/", found.get()),
                  O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY);
}

absl::StatusOr<std::string> Beneath::Read(const std::string& path, uint64_t max_bytes) const {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenForRead(path));
  std::string content;
  std::vector<char> buffer(64 << 10);
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", path));
    if (n == 0) return content;
    if (content.size() + static_cast<size_t>(n) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " is larger than the allowed ", max_bytes, " bytes"));
    }
    content.append(buffer.data(), static_cast<size_t>(n));
  }
}

template <typename Fill>
absl::Status Beneath::Replace(const std::string& path, unsigned mode, const Fill& fill) const {
  RETURN_IF_ERROR(Components(path).status());
  ASSIGN_OR_RETURN(UniqueFd dir, OpenAt(ParentOf(path), O_PATH | O_DIRECTORY, 0));
  const std::string name = NameOf(path);
  const std::string temp = absl::StrCat(".", name, ".", RandomHex(8));
  UniqueFd fd(OpenAt2(dir.get(), temp, O_WRONLY | O_CREAT | O_EXCL, mode));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("making a file beside ", path));
  absl::Status status = fill(fd.get());
  if (status.ok() && ::renameat(dir.get(), temp.c_str(), dir.get(), name.c_str()) != 0) {
    status = errno == EISDIR ? absl::FailedPreconditionError("it is a directory")
                             : ErrnoToStatus(errno, "renaming");
  }
  if (!status.ok()) ::unlinkat(dir.get(), temp.c_str(), 0);
  return Annotate(status, absl::StrCat("writing ", path));
}

absl::Status Beneath::Remove(const std::string& path) const {
  RETURN_IF_ERROR(Components(path).status());
  ASSIGN_OR_RETURN(UniqueFd dir, OpenAt(ParentOf(path), O_PATH | O_DIRECTORY, 0));
  if (::unlinkat(dir.get(), NameOf(path).c_str(), 0) == 0) return absl::OkStatus();
  if (errno == EISDIR)
    return absl::FailedPreconditionError(absl::StrCat(path, " is a directory; it was not removed"));
  return ErrnoToStatus(errno, absl::StrCat("removing ", path));
}

absl::Status Beneath::WriteAtomically(const std::string& path, absl::string_view content) const {
  return Replace(path, 0644, [&](int fd) { return WriteAll(fd, content); });
}

absl::Status Beneath::CopyFrom(int source, uint64_t bytes, const std::string& path,
                               unsigned mode) const {
  return Replace(path, mode, [&](int fd) { return CopyBytes(source, bytes, fd); });
}

}  // namespace handoff
