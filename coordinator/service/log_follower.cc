#include "coordinator/service/log_follower.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kChunkBytes = 256 << 10;

std::string LastMarker(const core::Attempt& attempt, bool checks) {
  v1::AttemptEnd end;
  if (attempt.end.has_value() && end.ParseFromString(attempt.end->bytes)) {
    if (checks) return "";  // what is said below is of the agent's log
    if (end.log_differs()) {
      return absl::StrCat("this log is not what worker ", attempt.worker_name,
                          " recorded: its SHA-256 differs");
    }
    if (end.log_tail_lost()) {
      return absl::StrCat("the tail of this log was lost with the process that read the agent on ",
                          attempt.worker_name);
    }
    return "";
  }
  if (attempt.state != core::AttemptState::kLost) return "";
  return absl::StrCat("worker ", attempt.worker_name,
                      " was lost: what it had not sent of this log is missing, and is added if it "
                      "comes back");
}

}  // namespace

LogFollower::LogFollower(v1::ReadLogRequest request, Reader& reader, LogStore& logs,
                         Followers& followers)
    : request_(std::move(request)), reader_(reader), logs_(logs), followers_(followers) {}

LogFollower::~LogFollower() {
  if (log_token_ != 0) logs_.Unfollow(log_token_);
  if (events_token_ != 0) followers_.Remove(events_token_);
}

void LogFollower::Subscribe() {
  events_token_ =
      followers_.Add(request_.follow() ? request_.id() : Followers::kNoEvents, weak_from_this());
}

LogFollower::Next LogFollower::Pull(v1::LogChunk& chunk, absl::Status& status) {
  if (phase_ == Phase::kLocate) {
    if (const auto decided = Locate(chunk, status); decided.has_value()) return *decided;
  }
  return phase_ == Phase::kEnded ? Next::kEnd : ReadMore(chunk, status);
}

absl::StatusOr<core::Attempt> LogFollower::FindAttempt() {
  ASSIGN_OR_RETURN(const core::Handoff handoff, reader_.Get(request_.id()));
  const int wanted = attempt_ != 0 ? attempt_ : request_.attempt();
  if (wanted == 0 && !handoff.attempts.empty()) return handoff.attempts.back();
  for (const core::Attempt& attempt : handoff.attempts) {
    if (attempt.number == wanted) return attempt;
  }
  return absl::NotFoundError(absl::StrCat("handoff ", handoff.id, " has no attempt ", wanted,
                                          "; it has ", handoff.attempts.size()));
}

std::optional<LogFollower::Next> LogFollower::Locate(v1::LogChunk& chunk, absl::Status& status) {
  const auto attempt = FindAttempt();
  if (!attempt.ok()) {
    status = attempt.status();
    return Next::kEnd;
  }
  chunk.set_attempt(attempt->number);
  if (attempt->state == core::AttemptState::kQueued && request_.follow()) {
    if (std::exchange(told_to_wait_, true)) return Wait(status);
    chunk.set_marker(absl::StrCat("attempt ", attempt->number, " waits for a worker; `handoff why ",
                                  request_.id(), "` says for what"));
    return Next::kMessage;
  }
  attempt_ = attempt->number;
  offset_ = request_.offset();
  status = StartAtTail();
  if (!status.ok()) return Next::kEnd;
  if (request_.follow()) FollowLog();
  phase_ = Phase::kRead;
  return std::nullopt;
}

absl::Status LogFollower::StartAtTail() {
  if (request_.tail_bytes() == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t size, logs_.Size(Key()));
  if (size <= request_.tail_bytes()) return absl::OkStatus();
  const uint64_t start = size - request_.tail_bytes();
  // One byte earlier, because a newline just before `start` makes it the beginning of a line.
  ASSIGN_OR_RETURN(const std::string head, logs_.Read(Key(), start - 1, kChunkBytes));
  const size_t newline = head.find('\n');
  const uint64_t at_line = newline == std::string::npos ? start : start + newline;
  // A tail within one long line has no beginning of a line but its end.
  offset_ = std::max(offset_, at_line < size ? at_line : start);
  return absl::OkStatus();
}

void LogFollower::FollowLog() {
  log_token_ = logs_.Follow(Key(), [this_token = events_token_, &followers = followers_] {
    followers.Notify(this_token);
  });
}

LogFollower::Next LogFollower::ReadMore(v1::LogChunk& chunk, absl::Status& status) {
  auto data = logs_.Read(Key(), offset_, kChunkBytes);
  std::optional<core::Attempt> attempt;
  if (data.ok() && data->empty()) {
    // The state first and then once more the log: what came before the end is never left out.
    auto found = FindAttempt();
    if (!found.ok()) {
      status = found.status();
      return Next::kEnd;
    }
    attempt = *std::move(found);
    data = logs_.Read(Key(), offset_, kChunkBytes);
  }
  if (!data.ok()) {
    status = data.status();
    return Next::kEnd;
  }
  if (!data->empty()) {
    chunk.set_attempt(attempt_);
    chunk.set_offset(offset_);
    offset_ += data->size();
    chunk.set_data(*std::move(data));
    return Next::kMessage;
  }
  const bool ended = core::IsTerminal(attempt->state);
  if (!ended && request_.follow()) return Wait(status);
  phase_ = Phase::kEnded;
  chunk.set_attempt(attempt_);
  chunk.set_offset(offset_);
  chunk.set_end(ended);
  if (ended) chunk.set_marker(LastMarker(*attempt, request_.checks()));
  return Next::kMessage;
}

LogFollower::Next LogFollower::Wait(absl::Status& status) {
  if (!followers_.closed()) return Next::kWait;
  status = absl::UnavailableError(
      "the coordinator is stopping; follow again from the offset after the last byte");
  return Next::kEnd;
}

}  // namespace handoff
