#include "worker/sync_loop.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/backoff.h"

namespace handoff::worker {
namespace {

// A change cancels the outstanding call only after this, so that changes that come together go in
// one request. Doubled while no answer gets through: a busy worker must hear one now and then.
constexpr absl::Duration kPatience = absl::Milliseconds(2);
constexpr absl::Duration kMostPatience = absl::Milliseconds(64);
constexpr absl::Duration kSoft = absl::Milliseconds(500);
// The coordinator holds a Sync for up to 12 s, so that silence for this long means that answers do
// not come through in the time between two changes: then calls are left alone for longer.
constexpr absl::Duration kStarved = absl::Seconds(15);
constexpr absl::Duration kMostStarvedPatience = absl::Seconds(5);
// An attempt that was just started soon runs, and then the request says so.
constexpr absl::Duration kAfterStart = absl::Milliseconds(3);
constexpr absl::Duration kAfterNothing = absl::Milliseconds(500);
// While the channel is down calls fail on this host, so trying often costs nothing; the channel
// itself comes back within 5 s.
constexpr Backoff kAway{absl::Milliseconds(100), absl::Seconds(1)};
constexpr Backoff kRefused{absl::Milliseconds(200), absl::Seconds(5)};
// Whoever is not let in is not let in again soon; but a certificate that ran out may be renewed.
constexpr Backoff kDenied{absl::Seconds(1), absl::Minutes(1)};
constexpr absl::Duration kComplainEvery = absl::Minutes(1);

}  // namespace

SyncLoop::SyncLoop(CoordinatorClient& client, const Clock& clock, const Identity& identity,
                   int slots, Hooks hooks)
    : client_(client),
      clock_(clock),
      identity_(identity),
      slots_(slots),
      hooks_(std::move(hooks)),
      mailbox_(std::make_shared<Mailbox>()),
      memory_{identity.pool_id, 0, 0},
      patience_(kPatience),
      soft_patience_(kSoft),
      answered_at_(clock.Boot()),
      random_(static_cast<std::minstd_rand::result_type>(identity.nonce)) {}

SyncLoop::~SyncLoop() { Stop(); }

void SyncLoop::Start() {
  thread_ = std::jthread([this] { Run(); });
}

void SyncLoop::Stop() {
  {
    MutexLock lock(mailbox_->mutex);
    mailbox_->stopping = true;
  }
  mailbox_->changed.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void SyncLoop::Changed(bool urgent) {
  {
    MutexLock lock(mailbox_->mutex);
    if (urgent) {
      mailbox_->urgent = true;
    } else if (!mailbox_->soft_since) {
      mailbox_->soft_since = clock_.Boot();
    } else {
      return;
    }
  }
  mailbox_->changed.NotifyAll();
}

bool SyncLoop::stopping() const {
  MutexLock lock(mailbox_->mutex);
  return mailbox_->stopping;
}

void SyncLoop::Run() {
  while (!stopping()) {
    Send();
    const std::optional<Arrival> arrival = Await();
    if (!arrival) {
      GrowPatience();
      continue;  // a change: the next request cancels this one
    }
    patience_ = kPatience;
    soft_patience_ = kSoft;
    const absl::Duration pause = Take(*arrival);
    outstanding_ = {};
    // An error is waited out; otherwise whatever is new goes at once.
    Pause(pause, arrival->answer.ok());
  }
  call_.reset();
}

// A call was cancelled for a change.
void SyncLoop::GrowPatience() {
  if (clock_.Boot() - answered_at_ < std::min(kStarved, lease_ / 3)) {
    patience_ = std::min(kMostPatience, patience_ * 2);
    return;
  }
  const absl::Duration most = std::min(kMostStarvedPatience, lease_ / 6);
  patience_ = std::min(most, patience_ * 2);
  soft_patience_ = std::max(kSoft, std::min(most, soft_patience_ * 2));
}

void SyncLoop::Send() {
  {
    // Before it is described: a change from now on is for the next one.
    MutexLock lock(mailbox_->mutex);
    mailbox_->urgent = false;
    mailbox_->soft_since.reset();
  }
  SyncRequest request;
  hooks_.describe(request);
  request.pool_id = memory_.pool_id;
  request.worker_uuid = identity_.uuid;
  request.start = identity_.start;
  request.nonce = identity_.nonce;
  request.seq = ++seq_;
  request.seen_term = memory_.term;
  request.seen_revision = memory_.revision;
  outstanding_ = {seq_, clock_.Boot()};
  call_.reset();
  call_ = client_.Sync(request, [mailbox = mailbox_, seq = seq_](auto answer) {
    {
      MutexLock lock(mailbox->mutex);
      mailbox->arrivals.push_back({seq, std::move(answer)});
    }
    mailbox->changed.NotifyAll();
  });
}

// The end of the outstanding call; nothing when a change comes first, or the loop is stopped.
std::optional<SyncLoop::Arrival> SyncLoop::Await() {
  Mailbox& box = *mailbox_;
  while (true) {
    std::optional<Arrival> arrival;
    {
      MutexLock lock(box.mutex);
      while (box.arrivals.empty()) {
        if (box.stopping) return std::nullopt;
        const BootTime now = clock_.Boot();
        absl::Duration wait = absl::InfiniteDuration();
        if (box.urgent) wait = outstanding_.sent + patience_ - now;
        if (box.soft_since) {
          wait = std::min(
              wait, std::max(*box.soft_since + kSoft, outstanding_.sent + soft_patience_) - now);
        }
        if (wait <= absl::ZeroDuration()) return std::nullopt;
        box.changed.WaitFor(box.mutex, wait);
      }
      arrival.emplace(std::move(box.arrivals.front()));
      box.arrivals.pop_front();
    }
    if (arrival->seq == outstanding_.seq) return arrival;
    // Of a call that was cancelled: an answer that was on its way may still stop something.
    if (arrival->answer.ok()) Take(*arrival);
  }
}

absl::Duration SyncLoop::Take(const Arrival& arrival) {
  if (!arrival.answer.ok()) return TakeError(arrival.answer.status());
  const SyncAnswer& answer = *arrival.answer;
  // The answer says what it answers, but the call knows it: a mix-up must not renew a lease.
  const Outstanding of_call = arrival.seq == answer.in_reply_to && arrival.seq == seq_
                                  ? Outstanding{seq_, outstanding_.sent}
                                  : Outstanding{};
  const Reconciled reconciled =
      Reconcile(hooks_.holding(), slots_, memory_, of_call, answer, clock_.Boot());
  using Verdict = Reconciled::Verdict;
  if (reconciled.verdict == Verdict::kOtherPool) {
    Complain(reconciled.refusal);
    return kRefused.most;
  }
  if (reconciled.verdict == Verdict::kOld) {
    // One that was overtaken is nothing to speak of; one of an earlier start of the coordinator is.
    if (of_call.seq != 0 && answer.term < memory_.term) {
      Complain(absl::StrCat(
          "its records are older (term ", answer.term, ") than what it said before (term ",
          memory_.term,
          "). Nothing it says is done; what runs here goes on until its lease ends. Was it "
          "restored "
          "from a copy, or does an older copy of it run? Give the address of the right one, or "
          "start this worker again to take it as it is"));
    }
    return kAfterNothing;
  }
  if (memory_.pool_id.empty()) {
    // Before anything is done for it: another pool must never be served by this data directory.
    if (const absl::Status joined = hooks_.joined(reconciled.memory.pool_id); !joined.ok()) {
      Complain(std::string(joined.message()));
      return kRefused.most;
    }
  }
  memory_ = reconciled.memory;
  hooks_.act(reconciled, answer);
  if (reconciled.verdict != Verdict::kTaken) return absl::ZeroDuration();
  failures_ = 0;
  answered_at_ = clock_.Boot();
  lease_ = absl::InfiniteDuration();
  for (const DesiredAttempt& desired : answer.attempts) {
    if (!desired.stop) lease_ = std::min(lease_, desired.lease);
  }
  if (!complaint_.empty()) SPDLOG_INFO("the coordinator answers again");
  complaint_.clear();
  if (!std::exchange(ready_, true)) hooks_.ready();
  if (!reconciled.actions.deferred.empty()) return std::max(answer.sync_after, kAfterNothing);
  return std::max(answer.sync_after,
                  reconciled.actions.start.empty() ? absl::ZeroDuration() : kAfterStart);
}

absl::Duration SyncLoop::TakeError(const absl::Status& error) {
  if (absl::IsCancelled(error)) return absl::ZeroDuration();
  ++failures_;
  const double random = static_cast<double>(random_() % 1000) / 1000;
  if (absl::IsUnauthenticated(error) || absl::IsPermissionDenied(error)) {
    ComplainOnce(absl::StrCat(
        "it does not let this worker in: ", absl::StripSuffix(error.message(), "."),
        ". What runs here goes on until its lease ends, and then stands still. If this worker was "
        "revoked, join as a new one, with another --data-dir and a line of `handoff worker "
        "invite`"));
    return kDenied.Delay(failures_, random);
  }
  Complain(std::string(error.message()));
  const bool away = absl::IsUnavailable(error) || absl::IsDeadlineExceeded(error);
  return (away ? kAway : kRefused).Delay(failures_, random);
}

void SyncLoop::Pause(absl::Duration most, bool any_change_ends_it) {
  const BootTime until = clock_.Boot() + most;
  Mailbox& box = *mailbox_;
  MutexLock lock(box.mutex);
  while (!box.stopping) {
    const absl::Duration left = until - clock_.Boot();
    if (left <= absl::ZeroDuration()) return;
    if (any_change_ends_it && box.urgent) return;
    box.changed.WaitFor(box.mutex, left);
  }
}

// Once for each new reason, and then now and then.
void SyncLoop::Complain(const std::string& message) {
  if (message != complaint_ || clock_.Boot() - complained_at_ >= kComplainEvery) {
    complaint_.clear();
    ComplainOnce(message);
  }
}

void SyncLoop::ComplainOnce(const std::string& message) {
  if (std::exchange(complaint_, message) == message) return;
  complained_at_ = clock_.Boot();
  SPDLOG_WARN("no answer from the coordinator: {}", message);
}

}  // namespace handoff::worker
