#include "common/identity/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr absl::string_view kHalfMade = ".tmp-";

std::string DirectoryOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status WriteAndLink(int fd, absl::string_view content, const std::string& temp,
                          const std::string& path) {
  RETURN_IF_ERROR(WriteAll(fd, content));
  RETURN_IF_ERROR(SyncData(fd));
  // A rename would replace what is there.
  if (::link(temp.c_str(), path.c_str()) == 0) return absl::OkStatus();
  if (errno == EEXIST) {
    return absl::AlreadyExistsError(absl::StrCat(path, " is there already; it was not replaced"));
  }
  return ErrnoToStatus(errno, absl::StrCat("linking ", path));
}

absl::Status Refuse(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path, " ", why, ". It was not used."));
}

absl::Status CheckIsPrivate(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) return Refuse(path, "is no regular file");
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return Refuse(path, absl::StrCat("belongs to another user (uid ", info.st_uid, ", not ",
                                     ::geteuid(), ")"));
  }
  if ((info.st_mode & 077) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path, " is open to other users (mode ", absl::StrFormat("%04o", info.st_mode & 07777),
      "). It was not used. If nobody else can have read it: chmod 600 ", path,
      "; otherwise what is in it has to be replaced."));
}

}  // namespace

absl::Status WritePrivateFile(const std::string& path, absl::string_view content) {
  return WriteFileDurably(path, content, 0600);
}

absl::Status CreatePrivateFile(const std::string& path, absl::string_view content) {
  const std::string temp = absl::StrCat(path, kHalfMade, RandomHex(8));
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  const absl::Status status = WriteAndLink(fd.get(), content, temp, path);
  ::unlink(temp.c_str());
  if (!status.ok()) return Annotate(status, absl::StrCat("writing ", path));
  return SyncDirectory(DirectoryOf(path));
}

bool IsHalfMade(absl::string_view other, absl::string_view name) {
  return absl::ConsumePrefix(&other, name) && absl::ConsumePrefix(&other, kHalfMade) &&
         other.size() == 16 &&
         other.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

absl::StatusOr<Secret> ReadPrivateFile(const std::string& path, size_t max_bytes) {
  // A FIFO must not hold us up; what was opened is what is judged.
  auto fd = OpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  struct stat info;
  if (!fd.ok() && ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    return Refuse(path, "is a symbolic link; a key is only read from a file of its own");
  }
  if (!fd.ok()) return fd.status();
  if (::fstat(fd->get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  RETURN_IF_ERROR(CheckIsPrivate(path, info));
  Secret content = Secret::OfSize(max_bytes + 1);
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t n = ::read(fd->get(), content.bytes() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", path));
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " is larger than the allowed ", max_bytes, " bytes"));
  }
  content.Shorten(size);
  return content;
}

}  // namespace handoff
