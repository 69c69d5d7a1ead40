#include "worker/core/checkpoint_clock.h"

namespace handoff::worker {
namespace {

constexpr absl::Duration kLongestPause = absl::Hours(1);
constexpr int kMostShare = 20;  // the part of its pause that taking one may last
constexpr absl::Duration kBeforeLeaseEnds = absl::Seconds(60);
constexpr int kLeaseShare = 10;

}  // namespace

CheckpointClock::CheckpointClock(absl::Duration interval, BootTime begin)
    : interval_(interval), pause_(interval), due_(begin + interval) {}

void CheckpointClock::Renewed(BootTime now, BootTime deadline) {
  const absl::Duration left = deadline - now;
  if (left <= absl::ZeroDuration()) return;  // it is over
  const absl::Duration before = std::min(kBeforeLeaseEnds, left / kLeaseShare);
  lease_due_ = deadline + -before;
}

void CheckpointClock::Begin(BootTime now) {
  busy_ = true;
  begun_ = now;
  if (now >= lease_due_) lease_due_ = kNever;  // once; until the lease is renewed
}

void CheckpointClock::End(BootTime now, bool changed) {
  busy_ = false;
  const absl::Duration took = now - begun_;
  const absl::Duration most = std::max(kLongestPause, interval_);
  pause_ = changed ? interval_ : std::min(pause_ * 2, most);
  while (took > pause_ / kMostShare && pause_ < most) pause_ = std::min(pause_ * 2, most);
  due_ = now + pause_;
}

}  // namespace handoff::worker
