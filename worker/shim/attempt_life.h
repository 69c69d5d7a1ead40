// What should be done with an attempt's process tree, and when that changes. Pure; not thread-safe.
//
//   run ──lease over──▶ frozen ──renewed──▶ run
//    │ stop, finish, hard cap   │ stop, orphaned
//    ▼                          ▼
//   terminate ──grace, lease──▶ kill ──▶ (nothing is left)
//    run ──the agent ended, and then its output or 2 s──▶ kill
//
// Nothing runs after the lease: a tree that is frozen, or still within its grace at the deadline,
// is killed and not thawed for a farewell. The hard cap counts time in which the agent could run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/handoff/outcome.h"
#include "worker/shim/shim_files.h"

namespace handoff {

class AttemptLife {
 public:
  enum class Wish { kRun, kFrozen, kTerminate, kKill };

  static constexpr absl::Duration kDrain = absl::Seconds(2);
  static constexpr absl::Duration kHardCapGrace = absl::Seconds(10);
  // After Finish the agent has already said that it is done.
  static constexpr absl::Duration kFinishGrace = absl::Seconds(1);
  // Never, when it would be later than that; not before `t`.
  static BootTime After(BootTime t, absl::Duration d) {
    if (t == kNever || d >= absl::Nanoseconds(INT64_MAX - t.ns)) return kNever;
    return t + std::max(d, absl::ZeroDuration());
  }

  explicit AttemptLife(const ShimSpec& spec);

  void Renew(BootTime deadline, BootTime now);
  // The first reason wins; a later call can only shorten the grace.
  void Stop(EndedBy as, const std::string& reason, absl::Duration grace, BootTime now);
  void Finish(absl::Duration grace, BootTime now);
  void AgentEnded(BootTime now);
  void OutputEnded() { output_ended_ = true; }

  // Takes the steps that are due.
  Wish Decide(BootTime now);
  // When Decide may answer otherwise, if nothing happens before.
  BootTime NextChange(BootTime now) const;

  bool stopping() const { return stopping_ || agent_ended_; }
  EndedBy ended_by() const { return ended_by_; }
  const std::string& reason() const { return reason_; }

 private:
  static constexpr BootTime kNever{INT64_MAX};
  void Thaw(BootTime now);

  BootTime lease_;
  BootTime hard_cap_ = kNever;
  absl::Duration orphan_timeout_ = absl::InfiniteDuration();
  BootTime finish_ = kNever;  // end the tree then
  BootTime kill_ = kNever;    // end of the grace or of the drain
  BootTime frozen_since_ = kNever;
  bool stopping_ = false;
  bool agent_ended_ = false;
  bool output_ended_ = false;
  EndedBy ended_by_ = EndedBy::kItself;
  std::string reason_;
};

}  // namespace handoff
