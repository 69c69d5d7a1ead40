// Reading where somebody else may have put anything: a FIFO that would block its reader for ever, a
// device, a directory.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace handoff {

// For reading. Never waits. NOT_FOUND when absent; FAILED_PRECONDITION for anything but a file.
absl::StatusOr<UniqueFd> OpenRegular(const std::string& path);
// All of it, as ReadFile does.
absl::StatusOr<std::string> ReadRegularFile(const std::string& path);

}  // namespace handoff
