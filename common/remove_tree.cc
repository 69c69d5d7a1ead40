// RemoveTree of file.h.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// One directory is open at a time, whatever the depth. The way back is "..", believed only when it
// is the directory from which the walk came: one that is moved meanwhile must not lead out.
class Removal {
 public:
  explicit Removal(const std::string& path) : path_(path) {}

  absl::Status Run() {
    UniqueFd here = Enter(AT_FDCWD, path_);
    while (!levels_.empty()) {
      if (!levels_.back().folders.empty()) {
        const std::string name = std::move(levels_.back().folders.back());
        levels_.back().folders.pop_back();
        UniqueFd child = Enter(here.get(), name);
        if (child.valid()) here = std::move(child);
        continue;
      }
      const std::string name = std::move(levels_.back().name);
      levels_.pop_back();
      UniqueFd parent = levels_.empty() ? UniqueFd() : Back(here.get());
      if (!levels_.empty() && !parent.valid()) break;
      RemoveFolder(parent.valid() ? parent.get() : AT_FDCWD, name);
      here = std::move(parent);
    }
    return status_;
  }

 private:
  struct Level {
    std::string name;
    dev_t device;
    ino_t inode;
    std::vector<std::string> folders;  // still to be entered
  };

  void Fail(int error, const std::string& name) {
    if (!status_.ok() || error == ENOENT) return;
    const std::string what = absl::StrCat("removing ", path_);
    status_ = ErrnoToStatus(error, name == path_ ? what : absl::StrCat(what, ": at ", name));
  }

  // Opens a directory and removes what is no directory in it. Not valid when it is dealt with.
  UniqueFd Enter(int parent, const std::string& name) {
    UniqueFd fd = OpenFolder(parent, name);
    struct stat info = {};
    bool usable = fd.valid() && ::fstat(fd.get(), &info) == 0;
    if (usable && (info.st_mode & S_IRWXU) != S_IRWXU) ::fchmod(fd.get(), S_IRWXU);
    // Where this may not look up names, the way back is closed too.
    usable = usable && ::fstatat(fd.get(), ".", &info, 0) == 0;
    if (!usable) {
      const int error = errno;
      if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) Fail(error, name);
      return UniqueFd();
    }
    levels_.push_back({name, info.st_dev, info.st_ino, {}});
    RemoveFiles(fd.get());
    return fd;
  }

  static UniqueFd OpenFolder(int parent, const std::string& name) {
    UniqueFd fd(::openat(parent, name.c_str(), kFolder));
    if (fd.valid() || errno != EACCES) return fd;
    // By descriptor: a link that took its place must not be followed.
    const UniqueFd closed(
        ::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!closed.valid()) return fd;
    if (::chmod(absl::StrCat("/proc/self/fd/", closed.get()).c_str(), S_IRWXU) != 0) {
      errno = EACCES;
      return fd;
    }
    return UniqueFd(::openat(parent, name.c_str(), kFolder));
  }

  void RemoveFiles(int fd) {
    std::vector<std::string>& folders = levels_.back().folders;
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(copy), ::closedir);
    if (!dir) {
      Fail(errno, levels_.back().name);
      if (copy >= 0) ::close(copy);
      return;
    }
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat info = {};
      const bool folder =
          entry->d_type == DT_DIR ||
          (entry->d_type == DT_UNKNOWN &&
           ::fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode));
      if (folder) {
        folders.push_back(name);
      } else if (::unlinkat(fd, entry->d_name, 0) != 0) {
        Fail(errno, name);
      }
    }
  }

  UniqueFd Back(int fd) {
    UniqueFd parent(::openat(fd, "..", kFolder));
    struct stat info = {};
    if (!parent.valid() || ::fstat(parent.get(), &info) != 0) {
      Fail(errno, "..");
      return UniqueFd();
    }
    if (info.st_dev == levels_.back().device && info.st_ino == levels_.back().inode) return parent;
    if (status_.ok()) {
      status_ = absl::AbortedError(absl::StrCat("removing ", path_, ": it is being changed"));
    }
    return UniqueFd();
  }

  void RemoveFolder(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) Fail(errno, name);
  }

  const std::string path_;
  absl::Status status_;  // the first failure
  std::vector<Level> levels_;
};

}  // namespace

absl::Status RemoveTree(const std::string& path) {
  std::string top = path;
  while (top.size() > 1 && top.back() == '/') top.pop_back();  // it would follow a link
  struct stat info;
  if (::lstat(top.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
    return ErrnoToStatus(errno, absl::StrCat("removing ", path));
  }
  if (S_ISDIR(info.st_mode)) return Removal(top).Run();
  if (::unlink(top.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoToStatus(errno, absl::StrCat("removing ", path));
}

}  // namespace handoff
