#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <utility>

#include "cli/text/exit_status.h"

namespace handoff {
namespace {

// SIGUSR1 is this class's own way to end its thread.
sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGUSR1);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  // A reader that went away (`handoff logs | head`) ends a write with an error, not the process
  // in the middle of a call.
  ::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = Signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { WaitForSignals(); });
}

Interrupt::~Interrupt() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  ::pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

bool Interrupt::requested() const {
  const MutexLock lock(mutex_);
  return requested_;
}

void Interrupt::BeforeLeaving(std::function<void()> last) {
  const MutexLock lock(last_mutex_);
  last_ = std::move(last);
}

void Interrupt::Leave() {
  const MutexLock lock(last_mutex_);
  if (last_) last_();
  ::_exit(static_cast<int>(Exit::kInterrupted));
}

void Interrupt::WaitForSignals() {
  const sigset_t set = Signals();
  while (true) {
    int signal = 0;
    if (::sigwait(&set, &signal) != 0) continue;
    const MutexLock lock(mutex_);
    if (ending_) return;
    if (signal == SIGUSR1 || (signal == SIGINT && not_ours_)) continue;
    // A terminal that closes sends it twice: from the shell and from the kernel.
    if (signal == SIGHUP && requested_) continue;
    if (!told_ || requested_) Leave();
    requested_ = true;
    told_();
  }
}

Interrupt::NotOurs::NotOurs(Interrupt& interrupt) : interrupt_(interrupt) {
  const MutexLock lock(interrupt_.mutex_);
  interrupt_.not_ours_ = true;
}

Interrupt::NotOurs::~NotOurs() {
  const MutexLock lock(interrupt_.mutex_);
  interrupt_.not_ours_ = false;
}

Interrupt::Listener::Listener(Interrupt& interrupt, std::function<void()> told)
    : interrupt_(interrupt) {
  const MutexLock lock(interrupt_.mutex_);
  if (interrupt_.requested_) told();
  interrupt_.told_ = std::move(told);
}

Interrupt::Listener::~Listener() {
  const MutexLock lock(interrupt_.mutex_);
  interrupt_.told_ = nullptr;
}

}  // namespace handoff
