// Finds a shim that cannot act any more. The agent is of the same user and can stop it (SIGSTOP);
// then neither a stop nor the hard cap nor the end of the lease would ever be obeyed. So when it
// should have acted by itself it is asked, and one that does not answer is to be killed. One that
// answers knows better: time spent frozen moves the hard cap. Pure; not thread-safe.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/time/time.h"
#include "common/clock.h"

namespace handoff::worker {

class OverdueShim {
 public:
  static constexpr BootTime kNever{std::numeric_limits<int64_t>::max()};
  // A busy host gets its time.
  static constexpr absl::Duration kPatience = absl::Seconds(5);
  static constexpr absl::Duration kAskAgain = absl::Seconds(5);

  enum class Advice { kNothing, kAsk, kKill };

  // It was told to be over by then.
  void StoppedUntil(BootTime due) { stop_due_ = std::min(stop_due_, due); }
  // It said something.
  void Heard(BootTime now);
  // `due`: when it should have acted for another reason than a stop.
  Advice Judge(BootTime due, BootTime now);
  // When to judge again.
  BootTime next() const { return next_; }

 private:
  BootTime stop_due_ = kNever;
  std::optional<BootTime> asked_;
  BootTime ask_from_;
  BootTime next_ = kNever;
};

}  // namespace handoff::worker
