#include "tests/fakes/held_calls.h"

#include <chrono>

namespace handoff {

void HeldCalls::Begin(const std::string& method, int let_pass) {
  const MutexLock lock(mutex_);
  begun_ = true;
  method_ = method;
  let_pass_ = let_pass;
}

void HeldCalls::Await() {
  const MutexLock lock(mutex_);
  while (held_ == 0) changed_.Wait(mutex_);
}

bool HeldCalls::AllLeftEarly() {
  const MutexLock lock(mutex_);
  while (held_ > 0) changed_.Wait(mutex_);
  return !stayed_;
}

void HeldCalls::Enter(const grpc::ServerContext* context, const std::string& method) {
  if (context == nullptr) return;
  // Whoever stays to the end may still be the first to notice.
  const auto late = context->deadline() - std::chrono::seconds(5);
  const MutexLock lock(mutex_);
  if (!begun_ || (!method_.empty() && method_ != method)) return;
  if (let_pass_ > 0) {
    --let_pass_;
    return;
  }
  ++held_;
  changed_.NotifyAll();
  // That a call was cancelled is noticed at the next look.
  while (!context->IsCancelled()) changed_.WaitFor(mutex_, absl::Milliseconds(20));
  --held_;
  stayed_ = stayed_ || std::chrono::system_clock::now() > late;
  changed_.NotifyAll();
}

}  // namespace handoff
