// Calls that a coordinator in a test does not answer, as over a connection that nothing comes
// through any more.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "common/mutex.h"

namespace handoff {

// Thread-safe.
class HeldCalls {
 public:
  // Who enters from now on is held until they leave; of one method where it is named, after the
  // first `let_pass` of them.
  void Begin(const std::string& method = "", int let_pass = 0) ABSL_LOCKS_EXCLUDED(mutex_);
  // Until one is held.
  void Await() ABSL_LOCKS_EXCLUDED(mutex_);
  // Until none is any more: whether each left before the time of their call was up.
  bool AllLeftEarly() ABSL_LOCKS_EXCLUDED(mutex_);

  // By handlers. Returns at once before Begin, and for a test that asks by itself: nullptr.
  void Enter(const grpc::ServerContext* context, const std::string& method)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Mutex mutex_;
  CondVar changed_;
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  std::string method_ ABSL_GUARDED_BY(mutex_);
  int let_pass_ ABSL_GUARDED_BY(mutex_) = 0;
  int held_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stayed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace handoff
