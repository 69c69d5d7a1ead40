// How often the daemon was started, in a file of its own that is overwritten in place: a restart
// needs no free disk space, so that a full disk cannot keep a daemon from its running agents. Two
// slots take turns, each with a checksum, so that a torn write leaves the one before.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace handoff::worker {

// 0 when there is no file, or no sound slot in it.
absl::StatusOr<uint64_t> ReadStartCounter(const std::string& path);
// Synced. Makes the file when it is not there or not whole.
absl::Status WriteStartCounter(const std::string& path, uint64_t count);

}  // namespace handoff::worker
