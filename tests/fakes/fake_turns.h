// What a fake coordinator answers whoever asks for turns of agents. Thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "common/mutex.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

class FakeTurns {
 public:
  // Whoever asks is told that these were asked for; the `looks`th look at the worker after that, 0
  // for the answer itself, has their results.
  void Set(const std::vector<v1::AgentTurn>& results, int looks) {
    const MutexLock lock(mutex_);
    results_ = results;
    looks_ = looks;
  }
  void Refuse(const grpc::Status& refusal) {
    const MutexLock lock(mutex_);
    refusal_ = refusal;
  }
  // It is not told any more that somebody asked.
  void Forget() {
    const MutexLock lock(mutex_);
    results_.clear();
  }

  grpc::Status Ask(const v1::AskTurnsRequest& request) {
    const MutexLock lock(mutex_);
    if (!refusal_.ok()) return refusal_;
    asked_.push_back(request);
    return grpc::Status::OK;
  }
  void Show(v1::Worker& worker) {
    const MutexLock lock(mutex_);
    if (asked_.empty()) return;
    const bool made = looks_-- <= 0;
    for (v1::AgentTurn turn : results_) {
      if (!made) turn.clear_at();
      *worker.add_turns() = turn;
    }
  }
  std::vector<v1::AskTurnsRequest> asked() {
    const MutexLock lock(mutex_);
    return asked_;
  }

 private:
  Mutex mutex_;
  std::vector<v1::AgentTurn> results_ ABSL_GUARDED_BY(mutex_);
  int looks_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::AskTurnsRequest> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
