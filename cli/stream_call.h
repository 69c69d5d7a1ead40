// The right to end a call, or one after the other, from another thread: of a stream kept over its
// reconnections. Thread-safe.
#pragma once

#include "absl/time/time.h"
#include "common/mutex.h"

namespace grpc {
class ClientContext;
}

namespace handoff {

class StreamCall {
 public:
  // Ends the call that runs now and every later one at once.
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);
  bool cancelled() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits before the next try; false: cancelled meanwhile.
  bool Pause(absl::Duration time) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class Client;
  // The call that Cancel ends; nullptr: none. The context outlives its entry here.
  void Enter(grpc::ClientContext* context) ABSL_LOCKS_EXCLUDED(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace handoff
