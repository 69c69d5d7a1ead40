#include "common/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

std::string DirectoryOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status Replace(const std::string& path, absl::string_view content, int mode, bool durable) {
  // Not the pid: in a container it is the same at every start, and so would be what a crash left.
  uint64_t nonce = 0;
  if (::getrandom(&nonce, sizeof(nonce), 0) < 0) return ErrnoToStatus(errno, "getrandom");
  const std::string temp = absl::StrCat(path, ".tmp-", absl::Hex(nonce, absl::kZeroPad16));
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  absl::Status status = WriteAll(fd.get(), content);
  if (status.ok() && durable) status = SyncData(fd.get());
  if (status.ok() && ::rename(temp.c_str(), path.c_str()) != 0) {
    status = ErrnoToStatus(errno, absl::StrCat("renaming to ", path));
  }
  if (!status.ok()) {
    ::unlink(temp.c_str());
    return Annotate(status, absl::StrCat("writing ", path));
  }
  return durable ? SyncDirectory(DirectoryOf(path)) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, int mode) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoToStatus(errno, absl::StrCat("opening ", path));
  return UniqueFd(fd);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY));
  std::string content;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", path));
    if (n == 0) return content;
    if (content.size() + static_cast<size_t>(n) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " is larger than the allowed ", max_bytes, " bytes"));
    }
    content.append(buffer, static_cast<size_t>(n));
  }
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content, int mode) {
  return Replace(path, content, mode, /*durable=*/false);
}

absl::Status WriteFileDurably(const std::string& path, absl::string_view content, int mode) {
  return Replace(path, content, mode, /*durable=*/true);
}

absl::Status WriteAll(int fd, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "write");
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status PWriteAll(int fd, absl::string_view data, uint64_t offset) {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "pwrite");
    data.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::Status SyncData(int fd) {
  if (::fdatasync(fd) != 0) return ErrnoToStatus(errno, "fdatasync");
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return ErrnoToStatus(errno, absl::StrCat("fsync ", path));
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  const int error = errno;
  if (error == ENOENT && DirectoryOf(path) != path) {
    RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
    return ErrnoToStatus(errno, absl::StrCat("making directory ", path));
  }
  struct stat info;
  if (error == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  return ErrnoToStatus(error, absl::StrCat("making directory ", path));
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  if (!dir) return ErrnoToStatus(errno, absl::StrCat("listing ", path));
  std::vector<std::string> names;
  errno = 0;  // the end leaves it alone
  while (const dirent* entry = ::readdir(dir.get())) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return ErrnoToStatus(errno, absl::StrCat("listing ", path));
  std::sort(names.begin(), names.end());
  return names;
}

bool PathExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

absl::StatusOr<bool> IsThere(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoToStatus(errno, absl::StrCat("stat ", path));
}

absl::StatusOr<uint64_t> FileSize(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  return static_cast<uint64_t>(info.st_size);
}

absl::StatusOr<uint64_t> FreeDiskBytes(const std::string& path) {
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("statvfs ", path));
  }
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

absl::StatusOr<UniqueFd> LockFile(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return absl::FailedPreconditionError(absl::StrCat(path, " is locked by another process"));
    }
    return ErrnoToStatus(errno, absl::StrCat("locking ", path));
  }
  return fd;
}

absl::StatusOr<TempDir> TempDir::Make(absl::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(base != nullptr && *base != '\0' ? base : "/tmp", "/", prefix, "XXXXXX");
  if (::mkdtemp(path.data()) == nullptr)
    return ErrnoToStatus(errno, absl::StrCat("mkdtemp ", path));
  return TempDir(std::move(path));
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (!path_.empty()) RemoveTree(path_).IgnoreError();
}

}  // namespace handoff
