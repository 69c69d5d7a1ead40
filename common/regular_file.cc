#include "common/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr off_t kMostBytes = 64 << 20;

absl::Status NoFile(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(path, " is no regular file; it was not read"));
}

}  // namespace

absl::StatusOr<UniqueFd> OpenRegular(const std::string& path) {
  int fd;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  // Links in a circle; a socket, or a device without its driver.
  if (fd < 0 && (errno == ELOOP || errno == ENXIO)) return NoFile(path);
  if (fd < 0) return ErrnoToStatus(errno, absl::StrCat("opening ", path));
  UniqueFd file(fd);
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) return NoFile(path);
  return file;
}

absl::StatusOr<std::string> HashOf(int fd, uint64_t most) {
  Sha256 sum;
  std::string block(std::min<uint64_t>(most, 1 << 20), '\0');
  for (uint64_t at = 0; at < most;) {
    const size_t room = static_cast<size_t>(std::min<uint64_t>(block.size(), most - at));
    const ssize_t n = ::pread(fd, block.data(), room, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading a file");
    if (n == 0) break;
    sum.Update(absl::string_view(block.data(), static_cast<size_t>(n)));
    at += static_cast<uint64_t>(n);
  }
  return sum.Hex();
}

absl::StatusOr<std::string> ReadRegularFile(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenRegular(path));
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (info.st_size > kMostBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is larger than the allowed ", kMostBytes, " bytes; it was not read"));
  }
  // By its descriptor: what was judged cannot be exchanged in between.
  auto content = ReadFile(absl::StrCat("/proc/self/fd/", file.get()));
  if (!content.ok()) return Annotate(content.status(), path);
  return content;
}

absl::Status CheckNotForAllToWrite(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return absl::OkStatus();  // who reads it says so
  if ((info.st_mode & S_IWOTH) == 0 || !S_ISREG(info.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path,
                   " can be written by every user of this host, who could have programs run as "
                   "this one. It was not used. If nobody did: chmod o-w ",
                   ShellQuote(path)));
}

bool IsSpoilt(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status);
}

}  // namespace handoff
