#include "worker/pushing.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"
#include "common/unique_fd.h"
#include "handoff/v1/types.pb.h"
#include "worker/proto_time.h"
#include "worker/repo/push_request.h"

namespace handoff::worker {
namespace {

constexpr absl::Duration kLongest = absl::Minutes(10);
constexpr int kTries = 5;
constexpr Backoff kBackoff{absl::Seconds(1), absl::Seconds(30)};
constexpr Backoff kStoring{absl::Milliseconds(100), absl::Seconds(5)};
constexpr size_t kMostMessage = 1000;
constexpr uint64_t kMostRef = 1 << 10;

// Readable when `other` is, or after `most`.
absl::StatusOr<UniqueFd> EitherOf(int other, absl::Duration most, UniqueFd& timer) {
  timer = UniqueFd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec when = {};
  when.it_value = absl::ToTimespec(std::max(most, absl::Milliseconds(1)));
  UniqueFd both(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event = {};
  event.events = EPOLLIN;
  const bool made = timer.valid() && both.valid() &&
                    ::timerfd_settime(timer.get(), 0, &when, nullptr) == 0 &&
                    ::epoll_ctl(both.get(), EPOLL_CTL_ADD, timer.get(), &event) == 0 &&
                    ::epoll_ctl(both.get(), EPOLL_CTL_ADD, other, &event) == 0;
  if (!made) return ErrnoToStatus(errno, "limiting a push");
  return both;
}

// Within the lease. One that is over by now, or is not known after a start of the daemon, says less
// than the answer that just came.
BootTime Until(BootTime now, BootTime lease) {
  return lease > now ? std::min(now + kLongest, lease) : now + kLongest;
}

class Pushing {
 public:
  Pushing(const Surroundings& around, const Attempt& attempt, AttemptControl& control,
          AttemptBoard& board, v1::Handoff& handoff)
      : around_(around),
        attempt_(attempt),
        control_(control),
        board_(board),
        handoff_(handoff),
        until_(Until(around.clock.Boot(), control.deadline())) {}

  absl::Status Run() {
    const int index = attempt_.key.number - 1;
    if (index >= handoff_.attempts_size()) return absl::OkStatus();
    board_.SetStage(Stage::kReporting, "pushing", AttemptBoard::Urgency::kSoon);
    const auto answer = Try();
    if (control_.leaving()) return absl::CancelledError("the daemon leaves");
    v1::PushResult& result = *handoff_.mutable_attempts(index)->mutable_push();
    result.set_ref(absl::StrCat("refs/heads/handoff/", attempt_.key.handoff_id));
    ToProto(around_.clock.Now(), result.mutable_at());
    if (answer.ok()) {
      result.set_state(answer->state == PushAnswer::kPushed     ? v1::PushResult::PUSHED
                       : answer->state == PushAnswer::kUpToDate ? v1::PushResult::UP_TO_DATE
                                                                : v1::PushResult::REFUSED);
      result.set_commit(answer->commit);
      result.set_message(OneLine(EscapeInvalidUtf8(answer->message), kMostMessage));
    } else {
      result.set_state(v1::PushResult::FAILED);
      // It may have arrived all the same, and must not stop those that come after it.
      result.set_commit(MayBeThere());
      result.set_message(
          OneLine(EscapeInvalidUtf8(absl::StrCat(answer.status().message(), ".")), kMostMessage));
    }
    return Store(result);
  }

 private:
  PushRequest Request() const {
    const v1::Repository& repository = attempt_.wanted().repository();
    const v1::Checkpoint& checkpoint = handoff_.attempts(attempt_.key.number - 1).checkpoint();
    PushRequest request;
    request.url = repository.url();
    request.store = around_.data.store(attempt_.key.handoff_id);
    request.handoff_id = attempt_.key.handoff_id;
    request.attempt = attempt_.key.number;
    request.commit = checkpoint.commit();
    request.user_name = repository.user_name();
    request.user_email = repository.user_email();
    request.taken_at = checkpoint.taken_at().seconds();
    request.from = {repository.commit()};
    // Also of a push whose answer did not come.
    for (const v1::Attempt& earlier : handoff_.attempts()) {
      if (!earlier.push().commit().empty()) request.from.push_back(earlier.push().commit());
    }
    request.credentials = around_.config.repo;
    return request;
  }

  // The commit that this attempt's pushes sent; "" before the first.
  std::string MayBeThere() const {
    const auto id = ReadFile(absl::StrCat(around_.data.store(attempt_.key.handoff_id), "/",
                                          PushedRef(attempt_.key.handoff_id, attempt_.key.number)),
                             kMostRef);
    return id.ok() ? std::string(absl::StripAsciiWhitespace(*id)) : "";
  }

  // The branch moves at most once, however often this is tried: what is there already is told as
  // that.
  absl::StatusOr<PushAnswer> Try() {
    const PushRequest request = Request();
    if (request.commit.empty())
      return absl::FailedPreconditionError("There is no checkpoint of its work");
    for (int failures = 0;;) {
      const absl::Duration left = until_ - around_.clock.Boot();
      if (left <= absl::ZeroDuration())
        return absl::UnavailableError("There was no time left to push before the lease ended");
      UniqueFd timer;
      ASSIGN_OR_RETURN(const UniqueFd cancel, EitherOf(control_.leave().fd(), left, timer));
      const auto answer = around_.repo.Push(request, cancel.get(), nullptr);
      if (control_.leaving() || answer.ok()) return answer;
      if (absl::IsCancelled(answer.status()))
        return absl::UnavailableError("The push took too long and was ended");
      if (!absl::IsUnavailable(answer.status()) || ++failures == kTries) return answer;
      SPDLOG_INFO("{}: the push failed: {}", attempt_.key.ToString(),
                  std::string(answer.status().message()));
      Pause(kBackoff.Delay(failures, 0.5));
    }
  }

  absl::Status Store(const v1::PushResult& result) {
    for (int failures = 0;;) {
      const absl::Status stored = around_.client.SavePush(
          {around_.pool_id(), attempt_.key, attempt_.epoch, result.SerializeAsString()},
          control_.leave().token());
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      const bool later = absl::IsUnavailable(stored) || absl::IsDeadlineExceeded(stored) ||
                         absl::IsResourceExhausted(stored) || absl::IsAborted(stored);
      if (!later) {
        if (!stored.ok()) {
          SPDLOG_WARN("{}: what became of its push was not taken: {}", attempt_.key.ToString(),
                      std::string(stored.message()));
        }
        return absl::OkStatus();
      }
      Pause(kStoring.Delay(++failures, 0.5));
    }
  }

  void Pause(absl::Duration pause) {
    const BootTime until = around_.clock.Boot() + pause;
    while (around_.clock.Boot() < until && !control_.leaving()) control_.Wait(around_.clock, until);
  }

  const Surroundings& around_;
  const Attempt& attempt_;
  AttemptControl& control_;
  AttemptBoard& board_;
  v1::Handoff& handoff_;
  const BootTime until_;
};

}  // namespace

absl::Status PushWork(const Surroundings& around, const Attempt& attempt, AttemptControl& control,
                      AttemptBoard& board, v1::Handoff& handoff) {
  return Pushing(around, attempt, control, board, handoff).Run();
}

}  // namespace handoff::worker
