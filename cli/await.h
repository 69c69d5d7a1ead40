// Waiting for handoffs to end: told by the coordinator's events, not by asking again and again.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/verb.h"
#include "common/mutex.h"

namespace handoff {

// Ids of handoffs that changed after a revision. Reads a Watch stream on a thread of its own and
// opens it again where it ended. Thread-safe.
class ChangeFeed {
 public:
  explicit ChangeFeed(Client& client) : client_(client) {}
  ~ChangeFeed();
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  // Before the first Wait, which begins to read. `id` empty: of all handoffs.
  void Follow(std::string id, uint64_t revision);
  // What changed since the last call; waits until something did, Stop() was called or the time
  // passed.
  std::set<std::string> Wait(absl::Duration most) ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  // For calls of the thread that waits: Stop() ends them, too.
  StreamCall* looking() { return &looking_; }
  bool stopped() const { return call_.cancelled(); }

 private:
  void Read();

  Client& client_;
  std::string id_;
  uint64_t revision_ = 0;
  StreamCall call_;
  StreamCall looking_;
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> ids_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Shows progress until `enough` holds for each of `ids` (parts of ids will do), calls `done` for
// each as it gets there, and returns them in the order of `ids`. Outlives a coordinator that is
// started again. DEADLINE_EXCEEDED after `timeout`, CANCELLED on Ctrl-C; the handoffs go on in both
// cases. UNAVAILABLE when no coordinator answered at first for about 20 s.
absl::StatusOr<std::vector<v1::Handoff>> Await(
    Context& context, const std::vector<std::string>& ids, absl::Duration timeout,
    const std::function<bool(const v1::Handoff&)>& enough,
    const std::function<void(const v1::Handoff&)>& done);

}  // namespace handoff
