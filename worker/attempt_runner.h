// One attempt on this worker, from its specification to an accepted report, on a thread of its own.
//
// Every phase is idempotent. A runner that begins with an existing directory finds out first how
// far the attempt came (see ShimFate) and goes on from there. The destructor makes it leave: the
// agent goes on, the directory stays, and the next daemon adopts it.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "worker/attempt.h"
#include "worker/attempt_board.h"
#include "worker/attempt_control.h"
#include "worker/log_upload.h"
#include "worker/preparation.h"
#include "worker/run_end.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {

class AttemptRunner {
 public:
  // `over` runs once on the runner's thread, as its last act, when nothing is left to do.
  struct Watchers {
    std::function<void(bool urgent)> changed;
    std::function<void()> over;
  };
  // A new attempt: writes its directory first. `desired` has a spec.
  AttemptRunner(const Surroundings& around, const DesiredAttempt& desired, Watchers watchers);
  // One that an earlier daemon left: its directory has an attempt.pb, or the journal has its end.
  AttemptRunner(const Surroundings& around, const AttemptKey& key, uint64_t epoch,
                Watchers watchers);
  ~AttemptRunner();

  void Renew(BootTime deadline) { control_.Renew(deadline); }
  void Stop(const StopOrder& order);
  void Forget() { control_.Forget(); }
  void Leave() { control_.Leave(); }
  void Wake() { control_.Wake(); }
  AttemptStatus Status() const { return board_.Status(); }
  Held held() const { return board_.held(); }
  bool over() const { return over_; }

 private:
  void Run(const std::string& desired, bool found);
  absl::Status Live(const std::string& desired, bool found);
  absl::Status Resume(Attempt& attempt, AttemptLogs& logs, bool readable);
  absl::Status Begin(Attempt& attempt, AttemptLogs& logs);
  absl::Status GoOn(Attempt& attempt, AttemptLogs& logs);
  absl::Status OnlyCheck(Attempt& attempt, AttemptLogs& logs);
  absl::Status Watch(Attempt& attempt, AttemptLogs& logs, ShimClient* shim);
  absl::Status Fail(Attempt& attempt, AttemptLogs& logs, const Prepared& prepared);
  std::optional<ShimFate> Classify(const Attempt& attempt);

  const Surroundings& around_;
  const Watchers watchers_;
  AttemptControl control_;
  AttemptBoard board_;
  std::atomic<bool> over_{false};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace handoff::worker
