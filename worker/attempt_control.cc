#include "worker/attempt_control.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>

#include "common/check.h"

namespace handoff::worker {
namespace {

// A cancelled attempt has to be over soon after the grace of its agent.
constexpr int kHurrySeconds = 2;

UniqueFd NewEvent() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  CHECK(fd.valid());
  return fd;
}

void Add(const UniqueFd& fd) {
  const uint64_t one = 1;
  // Full means that it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(fd.get(), &one, sizeof(one));
}

}  // namespace

Signal::Signal() : fd_(NewEvent()) {}

void Signal::Raise() {
  if (source_.request_stop()) Add(fd_);
}

AttemptControl::AttemptControl()
    : wake_(NewEvent()), hurry_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  CHECK(hurry_.valid());
}

void AttemptControl::Renew(BootTime deadline) {
  {
    MutexLock lock(mutex_);
    deadline_ = deadline;
  }
  Wake();
}

void AttemptControl::Stop(const StopOrder& order) {
  {
    MutexLock lock(mutex_);
    if (sealed_ || stop_) return;
    stop_ = order;
    if (hurries_) StartHurry();
  }
  interrupt_.Raise();
  Wake();
}

void AttemptControl::Forget() {
  {
    MutexLock lock(mutex_);
    forget_ = true;
  }
  Wake();
}

void AttemptControl::Leave() {
  leave_.Raise();
  interrupt_.Raise();
  {
    MutexLock lock(mutex_);
    const itimerspec now{{}, {0, 1}};
    ::timerfd_settime(hurry_.get(), 0, &now, nullptr);
  }
  Wake();
}

void AttemptControl::Wake() { Add(wake_); }

void AttemptControl::Drain() {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
}

void AttemptControl::Wait(const Clock& clock, BootTime until) {
  const absl::Duration left = until - clock.Boot();
  const int64_t wait = std::clamp<int64_t>(absl::ToInt64Milliseconds(left) + 1, 0, 60'000);
  pollfd poll_fd{wake_.get(), POLLIN, 0};
  ::poll(&poll_fd, 1, static_cast<int>(wait));
  Drain();
}

BootTime AttemptControl::deadline() const {
  MutexLock lock(mutex_);
  return deadline_;
}

std::optional<StopOrder> AttemptControl::stop() const {
  MutexLock lock(mutex_);
  return stop_;
}

bool AttemptControl::forget() const {
  MutexLock lock(mutex_);
  return forget_;
}

int AttemptControl::Hurry() {
  MutexLock lock(mutex_);
  hurries_ = true;
  if (stop_) StartHurry();
  return hurry_.get();
}

void AttemptControl::StartHurry() {
  if (leaving()) return;  // it is over already
  const itimerspec soon{{}, {kHurrySeconds, 0}};
  ::timerfd_settime(hurry_.get(), 0, &soon, nullptr);
}

std::optional<StopOrder> AttemptControl::Seal() {
  MutexLock lock(mutex_);
  sealed_ = true;
  return stop_;
}

}  // namespace handoff::worker
