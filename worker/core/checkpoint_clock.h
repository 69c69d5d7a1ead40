// When the next checkpoint of a running attempt is due. Pure.
//
// One every `interval`. What costs too much is taken less often: a checkpoint that took longer than
// a twentieth of the pause, or that found nothing new, makes the pause twice as long, up to an
// hour. And one shortly before the lease ends, while nobody renews it: the tree is frozen at that
// moment, and the work may be given to another host.
#pragma once

#include <algorithm>
#include <limits>

#include "absl/time/time.h"
#include "common/clock.h"

namespace handoff::worker {

class CheckpointClock {
 public:
  static constexpr BootTime kNever{std::numeric_limits<int64_t>::max()};

  CheckpointClock(absl::Duration interval, BootTime begin);

  // The lease goes until `deadline` now.
  void Renewed(BootTime now, BootTime deadline);
  // Never while one is being taken.
  bool Due(BootTime now) const { return !busy_ && now >= std::min(due_, lease_due_); }
  void Begin(BootTime now);
  // `changed`: it has something that the one before had not.
  void End(BootTime now, bool changed);
  // When Due becomes true by itself.
  BootTime next() const { return busy_ ? kNever : std::min(due_, lease_due_); }

 private:
  const absl::Duration interval_;
  absl::Duration pause_;
  bool busy_ = false;
  BootTime begun_;
  BootTime due_;
  BootTime lease_due_ = kNever;
};

}  // namespace handoff::worker
