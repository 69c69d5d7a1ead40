#include "common/only_ours.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {

absl::Status CheckOnlyOursToWrite(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return ErrnoToStatus(errno, path);
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, " belongs to another user (uid ",
                                                      info.st_uid,
                                                      "). It was not used; run this as that user"));
  }
  if ((info.st_mode & 022) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path,
                   " can be written by other users of this host. It was not used. If none of "
                   "them did: chmod go-w ",
                   ShellQuote(path)));
}

}  // namespace handoff
