#include "worker/disk_faults.h"

#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff::worker {
namespace {

// What a busy host's disk goes up and down by in any case.
constexpr uint64_t kNoise = 64 << 20;

}  // namespace

void DiskFaults::Note(const std::string& hold_key) {
  const auto free = free_();
  MutexLock lock(mutex_);
  free_then_[hold_key] = free.value_or(0);
}

std::optional<std::string> DiskFaults::StillFull(const std::string& hold_key) {
  const auto free = free_();
  MutexLock lock(mutex_);
  const auto then = free_then_.find(hold_key);
  if (then == free_then_.end()) return std::nullopt;
  if (!free.ok()) return std::string(free.status().message());
  if (*free > then->second + kNoise) {
    free_then_.erase(then);
    return std::nullopt;
  }
  return absl::StrCat("The checkout did not fit on this worker, and with ", HumanBytes(*free),
                      " no more is free than it was then. Free some space.");
}

}  // namespace handoff::worker
