#include "worker/repo/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {

absl::StatusOr<UniqueFd> LockDirectory(const std::string& path, absl::string_view holder,
                                       RepoProgress& progress) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY | O_DIRECTORY));
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return ErrnoToStatus(errno, absl::StrCat("locking ", path));
    }
    // Polled, so that the parent sees a sign of life: the holder has a parent of its own that ends
    // it when it makes no progress, and dies with that parent, so this wait ends too.
    progress.Report(absl::StrCat("waiting for ", holder));
    absl::SleepFor(absl::Milliseconds(20));
  }
  return fd;
}

}  // namespace handoff
