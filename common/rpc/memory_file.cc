#include "common/rpc/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/unique_fd.h"

namespace handoff {

absl::Status MemoryFile::Replace(absl::string_view content) {
  UniqueFd next(::memfd_create("credentials", MFD_CLOEXEC));
  if (!next.valid()) return ErrnoToStatus(errno, "making a file in memory");
  if (::fchmod(next.get(), 0600) != 0) return ErrnoToStatus(errno, "protecting a file in memory");
  RETURN_IF_ERROR(WriteAll(next.get(), content));
  const timespec stamp = {++generation_, 0};
  const timespec times[2] = {stamp, stamp};
  if (::futimens(next.get(), times) != 0) return ErrnoToStatus(errno, "stamping a file in memory");
  if (fd_ < 0) {
    fd_ = next.Release();
  } else if (::dup3(next.get(), fd_, O_CLOEXEC) < 0) {
    return ErrnoToStatus(errno, "replacing a file in memory");
  }
  return absl::OkStatus();
}

std::string MemoryFile::path() const { return absl::StrCat("/proc/self/fd/", fd_); }

}  // namespace handoff
