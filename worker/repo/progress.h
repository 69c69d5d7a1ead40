// What handoff-repo tells while it works: one JSON line a change on stdout, which is also the sign
// of life that its parent waits for. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace handoff {

class RepoProgress {
 public:
  // `fd` is not owned; -1 says nothing.
  explicit RepoProgress(int fd) : fd_(fd) {}

  // {"progress":"submodule x: cloning","percent":43,"bytes":6200000}. Said when text or percent
  // changed, otherwise once a second. A percent below 0 is left out, and so is no byte.
  void Report(absl::string_view text, int percent = -1, uint64_t bytes = 0);
  void ReportPart(absl::string_view text, uint64_t done, uint64_t total, uint64_t bytes = 0);

  // Put before every text from now on; empty: nothing.
  void set_prefix(std::string prefix);

 private:
  const int fd_;
  Mutex mutex_;
  std::string prefix_ ABSL_GUARDED_BY(mutex_);
  std::string last_text_ ABSL_GUARDED_BY(mutex_);
  int last_percent_ ABSL_GUARDED_BY(mutex_) = -1;
  std::optional<BootTime> last_time_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
