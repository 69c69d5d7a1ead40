// What the rest of the daemon wants of one attempt, and how its runner hears of it: a mailbox.
// Thread-safe; the runner's thread reads, everybody else writes.
#pragma once

#include <optional>
#include <stop_token>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/unique_fd.h"
#include "worker/core/reconcile.h"

namespace handoff::worker {

// Raised once and then for ever: a descriptor for those who poll, a token for those who wait.
class Signal {
 public:
  Signal();
  void Raise();
  bool raised() const { return source_.stop_requested(); }
  int fd() const { return fd_.get(); }
  std::stop_token token() const { return source_.get_token(); }

 private:
  UniqueFd fd_;
  std::stop_source source_;
};

class AttemptControl {
 public:
  AttemptControl();

  void Renew(BootTime deadline);
  // The first order wins. Too late once the end is sealed.
  void Stop(const StopOrder& order);
  // The coordinator has the end already: report at once, and do not insist.
  void Forget();
  // The daemon ends: leave everything as it is for the next one.
  void Leave();
  void Wake();

  // ---- For the runner.
  // Readable when something changed since the last Drain.
  int fd() const { return wake_.get(); }
  void Drain();
  // Waits for a change or until `until`.
  void Wait(const Clock& clock, BootTime until);
  BootTime deadline() const;
  std::optional<StopOrder> stop() const;
  bool forget() const;
  bool leaving() const { return leave_.raised(); }
  // Raised by Leave.
  const Signal& leave() const { return leave_; }
  // Raised by Stop and by Leave: what may be cut short when the attempt is not wanted any more.
  const Signal& interrupt() const { return interrupt_; }
  // Readable once what is done after the agent's end has taken too long for somebody who waits for
  // a stop: a moment after Stop, or after this call if that came first. At once after Leave.
  int Hurry();
  // From now on a stop changes nothing; the one that came before.
  std::optional<StopOrder> Seal();

 private:
  void StartHurry() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  UniqueFd wake_;
  UniqueFd hurry_;  // a timer
  Signal leave_;
  Signal interrupt_;
  mutable Mutex mutex_;
  BootTime deadline_ ABSL_GUARDED_BY(mutex_);
  std::optional<StopOrder> stop_ ABSL_GUARDED_BY(mutex_);
  bool hurries_ ABSL_GUARDED_BY(mutex_) = false;
  bool sealed_ ABSL_GUARDED_BY(mutex_) = false;
  bool forget_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace handoff::worker
