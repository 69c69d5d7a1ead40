// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include "common/clock.h"
#include "common/mutex.h"

namespace handoff {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time now = absl::FromUnixSeconds(1'795'000'000)) : now_(now) {}

  absl::Time Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }
  BootTime Boot() const override {
    MutexLock lock(mutex_);
    return boot_;
  }

  // Time passes, for people and for intervals.
  void Advance(absl::Duration d) {
    MutexLock lock(mutex_);
    now_ += d;
    boot_ = boot_ + d;
  }
  // Somebody sets the wall clock; no time passes.
  void StepWall(absl::Duration d) {
    MutexLock lock(mutex_);
    now_ += d;
  }

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  BootTime boot_ ABSL_GUARDED_BY(mutex_) = {1'000'000'000};
};

}  // namespace handoff
