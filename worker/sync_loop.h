// The conversation with the coordinator: one Sync outstanding, one thread. A change cancels it and
// sends the next; an answer is reconciled and acted upon on this thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "worker/core/reconcile.h"
#include "worker/identity.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff::worker {

class SyncLoop {
 public:
  // All run on the loop's thread.
  struct Hooks {
    std::function<void(SyncRequest&)> describe;  // what this worker is and runs
    std::function<Holding()> holding;
    std::function<void(const Reconciled&, const SyncAnswer&)> act;
    std::function<absl::Status(const std::string&)> joined;  // a pool, for the first time
    std::function<void()> ready;                             // the first answer was taken
  };
  SyncLoop(CoordinatorClient& client, const Clock& clock, const Identity& identity, int slots,
           Hooks hooks);
  ~SyncLoop();

  void Start();
  void Stop();
  // Something that a request says is different now. Thread-safe.
  void Changed(bool urgent);

 private:
  struct Arrival {
    uint64_t seq = 0;
    absl::StatusOr<SyncAnswer> answer;
  };
  // What callbacks of calls in flight reach: they may come after the loop is gone.
  struct Mailbox {
    Mutex mutex;
    CondVar changed;
    std::deque<Arrival> arrivals ABSL_GUARDED_BY(mutex);
    bool urgent ABSL_GUARDED_BY(mutex) = false;
    std::optional<BootTime> soft_since ABSL_GUARDED_BY(mutex);
    bool stopping ABSL_GUARDED_BY(mutex) = false;
  };

  void Run();
  void Send();
  std::optional<Arrival> Await();
  // The pause before the next request.
  absl::Duration Take(const Arrival& arrival);
  absl::Duration TakeError(const absl::Status& error);
  void Pause(absl::Duration most, bool any_change_ends_it);
  bool stopping() const;
  void GrowPatience();
  void Complain(const std::string& message);
  void ComplainOnce(const std::string& message);

  CoordinatorClient& client_;
  const Clock& clock_;
  const Identity identity_;
  const int slots_;
  const Hooks hooks_;
  const std::shared_ptr<Mailbox> mailbox_;
  // Of the loop's thread.
  Memory memory_;
  Outstanding outstanding_;
  uint64_t seq_ = 0;
  std::unique_ptr<SyncCall> call_;
  absl::Duration patience_;
  absl::Duration soft_patience_;
  BootTime answered_at_;  // when an answer was taken last; at first when the loop was made
  absl::Duration lease_ = absl::InfiniteDuration();  // the shortest of that answer
  int failures_ = 0;
  bool ready_ = false;
  std::string complaint_;
  BootTime complained_at_;
  std::minstd_rand random_;
  std::jthread thread_;
};

}  // namespace handoff::worker
