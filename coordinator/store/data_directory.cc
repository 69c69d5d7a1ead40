#include "coordinator/store/data_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/only_ours.h"
#include "common/status.h"

namespace handoff {

namespace {

// Names in directories of this user may be new ones, made now or by a process that was killed
// before it synced them: without any one of them all below is lost with the power.
absl::Status SyncNamesOf(const std::string& path) {
  std::error_code error;
  std::filesystem::path directory = std::filesystem::canonical(path, error);
  if (error) return ErrnoToStatus(error.value(), path);
  struct stat info {};
  do {
    directory = directory.parent_path();
    if (::stat(directory.c_str(), &info) != 0) return ErrnoToStatus(errno, directory.string());
    const absl::Status synced = SyncDirectory(directory);
    // Somebody else's may not be readable (0711), or be of a kind that is not synced (autofs).
    if (info.st_uid == ::geteuid()) RETURN_IF_ERROR(synced);
  } while (info.st_uid == ::geteuid() && directory.has_relative_path());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DataDirectory> DataDirectory::Open(const std::string& path) {
  RETURN_IF_ERROR(MakeDirectories(path));
  RETURN_IF_ERROR(CheckOnlyOursToWrite(path));
  RETURN_IF_ERROR(SyncNamesOf(path));
  absl::StatusOr<UniqueFd> lock = LockFile(absl::StrCat(path, "/lock"));
  if (absl::IsFailedPrecondition(lock.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "another coordinator is using ", path,
        "; this one did not start. Stop that one first, or give this one another --data-dir"));
  }
  RETURN_IF_ERROR(lock.status());
  return DataDirectory(path, *std::move(lock));
}

}  // namespace handoff
