#include "worker/shim/attempt_life.h"

#include <algorithm>

namespace handoff {

AttemptLife::AttemptLife(const ShimSpec& spec) : lease_{spec.lease_deadline_ns} {
  if (spec.hard_cap_ns > 0) hard_cap_ = {spec.hard_cap_ns};
  if (spec.orphan_timeout_ns > 0) orphan_timeout_ = absl::Nanoseconds(spec.orphan_timeout_ns);
}

void AttemptLife::Renew(BootTime deadline, BootTime now) {
  // Without this a lease that ended unnoticed would not move the hard cap.
  Decide(now);
  lease_ = deadline;
  if (now < lease_) Thaw(now);
}

void AttemptLife::Thaw(BootTime now) {
  if (frozen_since_ == kNever) return;
  hard_cap_ = After(hard_cap_, now - frozen_since_);
  frozen_since_ = kNever;
}

void AttemptLife::Stop(EndedBy as, const std::string& reason, absl::Duration grace, BootTime now) {
  kill_ = std::min(kill_, After(now, grace));
  // An agent that ended by itself did so, whatever came afterwards: only what it left is ended.
  if (agent_ended_) kill_ = now;
  if (stopping_ || agent_ended_) return;
  stopping_ = true;
  ended_by_ = as;
  reason_ = reason;
}

void AttemptLife::Finish(absl::Duration grace, BootTime now) { finish_ = After(now, grace); }

void AttemptLife::AgentEnded(BootTime now) {
  if (agent_ended_) return;
  agent_ended_ = true;
  kill_ = std::min(kill_, After(now, kDrain));
}

AttemptLife::Wish AttemptLife::Decide(BootTime now) {
  const bool lease_over = now >= lease_;
  if (agent_ended_) {
    return output_ended_ || lease_over || now >= kill_ ? Wish::kKill : Wish::kRun;
  }
  if (!stopping_ && now >= finish_) {
    Stop(EndedBy::kAfterResult, "the agent did not exit after its result", kFinishGrace, now);
  }
  if (!stopping_ && !lease_over && now >= hard_cap_) {
    Stop(EndedBy::kHardCap, "the time limit of the attempt was reached", kHardCapGrace, now);
  }
  if (stopping_) return lease_over || now >= kill_ ? Wish::kKill : Wish::kTerminate;
  if (!lease_over) return Wish::kRun;
  // Not since lease_: a host that wakes after days gives its coordinator time to renew.
  if (frozen_since_ == kNever) frozen_since_ = now;
  if (now >= After(frozen_since_, orphan_timeout_)) {
    Stop(EndedBy::kOrphaned, "the lease was not renewed", absl::ZeroDuration(), now);
    return Wish::kKill;
  }
  return Wish::kFrozen;
}

BootTime AttemptLife::NextChange(BootTime now) const {
  BootTime next = kNever;
  const auto add = [&](BootTime t) {
    if (t > now) next = std::min(next, t);
  };
  add(lease_);
  add(kill_);
  if (stopping_ || agent_ended_) return next;
  add(finish_);
  add(hard_cap_);
  if (frozen_since_ != kNever) add(After(frozen_since_, orphan_timeout_));
  return next;
}

}  // namespace handoff
