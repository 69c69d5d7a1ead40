// Reading where somebody else may have put anything: a FIFO that would block its reader for ever, a
// device, a directory.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace handoff {

// For reading. Never waits. NOT_FOUND when absent; FAILED_PRECONDITION for anything but a file.
absl::StatusOr<UniqueFd> OpenRegular(const std::string& path);
// SHA-256 in hex of an open file's first `most` bytes, or of all where there are fewer.
absl::StatusOr<std::string> HashOf(int fd, uint64_t most);
// All of it. FAILED_PRECONDITION also above 64 MiB.
absl::StatusOr<std::string> ReadRegularFile(const std::string& path);
// FAILED_PRECONDITION, with what to do, for one that every user of this host may write: for files
// that say what is to be done in our name.
absl::Status CheckNotForAllToWrite(const std::string& path);
// Whether `status` of these says that somebody put something else there or closed it, which stays
// so; not that a disk or this process is in trouble.
bool IsSpoilt(const absl::Status& status);

}  // namespace handoff
