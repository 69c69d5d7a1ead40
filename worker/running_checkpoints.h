// Checkpoints of an attempt while its agent runs, taken and uploaded on a thread of their own, so
// that the watch never waits for one. Used on the runner's thread only.
#pragma once

#include <memory>
#include <optional>

#include "worker/attempt.h"
#include "worker/core/checkpoint_clock.h"

namespace handoff::worker {

class RunningCheckpoints {
 public:
  RunningCheckpoints(const Surroundings& around, const Attempt& attempt, AttemptControl& control);
  // Cuts short what is under way.
  ~RunningCheckpoints();

  // Sees to the one that is under way, and begins the next one when it is due. The control is woken
  // when there is something to see to.
  void Step();
  // When Step has something to do without that.
  BootTime next() const;
  // No more of them: returns once nothing is under way.
  void End();

 private:
  struct Run;

  const Surroundings& around_;
  const Attempt& attempt_;
  AttemptControl& control_;
  // Absent: there is nothing to take one of, or no more are wanted.
  std::optional<CheckpointClock> clock_;
  BootTime deadline_;  // of the lease, as far as it was heard
  std::unique_ptr<Run> run_;
};

}  // namespace handoff::worker
