#include "coordinator/store/data_directory.h"

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {

absl::StatusOr<DataDirectory> DataDirectory::Open(const std::string& path) {
  RETURN_IF_ERROR(MakeDirectories(path));
  RETURN_IF_ERROR(SyncDirectory(absl::StrCat(path, "/..")));
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
