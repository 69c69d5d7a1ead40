#include "worker/core/overdue_shim.h"

namespace handoff::worker {

void OverdueShim::Heard(BootTime now) {
  if (!asked_) return;
  asked_.reset();
  ask_from_ = now + kAskAgain;
}

OverdueShim::Advice OverdueShim::Judge(BootTime due, BootTime now) {
  const BootTime first = std::min(due, stop_due_);
  if (now < first) {
    asked_.reset();
    next_ = first;
    return Advice::kNothing;
  }
  if (!asked_ && now < ask_from_) {
    next_ = ask_from_;
    return Advice::kNothing;
  }
  const bool asks = !asked_;
  if (asks) asked_ = now;
  next_ = *asked_ + kPatience;
  if (asks) return Advice::kAsk;
  if (now < next_) return Advice::kNothing;
  next_ = now + kAskAgain;  // if even that does not end it
  return Advice::kKill;
}

}  // namespace handoff::worker
