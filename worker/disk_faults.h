// Checkouts that did not fit on the disk: the network cannot tell whether they would fit now.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/mutex.h"

namespace handoff::worker {

class DiskFaults {
 public:
  // `free` says how many bytes may still be written.
  explicit DiskFaults(std::function<absl::StatusOr<uint64_t>()> free) : free_(std::move(free)) {}

  // A checkout under this hold did not fit.
  void Note(const std::string& hold_key);
  // Why it still would not; absent when more is free than was then, or nothing is known.
  std::optional<std::string> StillFull(const std::string& hold_key);

 private:
  const std::function<absl::StatusOr<uint64_t>()> free_;
  Mutex mutex_;
  std::map<std::string, uint64_t> free_then_ ABSL_GUARDED_BY(mutex_);  // by hold key
};

}  // namespace handoff::worker
