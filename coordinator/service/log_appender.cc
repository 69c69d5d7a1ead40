#include "coordinator/service/log_appender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/refusal.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

LogKey KeyOf(const v1::AppendLogRequest& request) {
  return {request.handoff_id(), request.number(), request.checks()};
}

}  // namespace

LogAppender::LogAppender(const ServiceParts& parts, std::string caller_uuid)
    : caller_uuid_(std::move(caller_uuid)),
      engine_(parts.engine),
      reader_(parts.reader),
      logs_(parts.logs),
      followers_(parts.followers) {}

LogAppender::~LogAppender() {
  if (token_ != 0) followers_.Remove(token_);
}

void LogAppender::Subscribe() { token_ = followers_.Add(Followers::kNoEvents, weak_from_this()); }

void LogAppender::OnReadDone(bool ok) {
  {
    MutexLock lock(mutex_);
    signals_.read_done = true;
    signals_.read_ok = ok;
  }
  Wake();
}

void LogAppender::OnWriteDone(bool ok) {
  {
    MutexLock lock(mutex_);
    signals_.write_done = true;
    signals_.cancelled |= !ok;
  }
  Wake();
}

void LogAppender::OnCancel() {
  {
    MutexLock lock(mutex_);
    signals_.cancelled = true;
  }
  Wake();
}

LogAppender::Signals LogAppender::TakeSignals() {
  MutexLock lock(mutex_);
  Signals taken = signals_;
  signals_.read_done = signals_.write_done = false;
  return taken;
}

void LogAppender::Step() {
  if (ended_) return;
  Signals signals = TakeSignals();
  if (signals.write_done) writing_ = false;
  if (signals.read_done) {
    reading_ = false;
    no_more_ = !signals.read_ok;
    if (signals.read_ok) {
      if (const absl::Status taken = TakeMessage(); !taken.ok()) signals.error = taken;
      MutexLock lock(mutex_);
      signals.durable = signals_.durable;
      signals.in_flight = signals_.in_flight;
    }
  }
  if (writing_) {
    // An end waits for it, a read need not.
  } else if (signals.cancelled) {
    return End(absl::CancelledError("the worker has gone"));
  } else if (cut()) {
    return End(WasRevoked());
  } else if (!signals.error.ok()) {
    return End(signals.error);
  } else if (followers_.closed()) {
    return End(absl::UnavailableError("the coordinator is stopping; append again later"));
  } else if (!key_.id.empty() && (!acked_ || signals.durable > acked_offset_)) {
    acked_ = writing_ = true;
    acked_offset_ = signals.durable;
    response_.set_durable_offset(acked_offset_);
    StartWrite(&response_);
  } else if (no_more_ && signals.in_flight == 0) {
    return End(absl::OkStatus());
  }
  if (!reading_ && !no_more_ && signals.in_flight < kCreditBytes) {
    reading_ = true;
    StartRead(&request_);
  }
}

void LogAppender::End(const absl::Status& status) {
  ended_ = true;
  Finish(ToGrpc(status));
}

absl::Status LogAppender::TakeMessage() {
  if (key_.id.empty()) RETURN_IF_ERROR(Open());
  RETURN_IF_ERROR(CheckSender());
  if (!request_.data().empty()) Append();
  return absl::OkStatus();
}

absl::Status LogAppender::Open() {
  RETURN_IF_ERROR(Validate(request_));
  if (caller_uuid_.empty() || request_.worker_uuid() != caller_uuid_) {
    return absl::PermissionDeniedError(absl::StrCat("this certificate is not that of worker ",
                                                    request_.worker_uuid(),
                                                    "; nothing was appended"));
  }
  // NOT_FOUND of one that was purged: its worker forgets the log.
  const auto handoff = reader_.Get(request_.handoff_id());
  RETURN_IF_ERROR(handoff.status());
  const bool held =
      std::any_of(handoff->attempts.begin(), handoff->attempts.end(), [&](const auto& attempt) {
        return attempt.number == request_.number() && attempt.epoch == request_.epoch() &&
               attempt.epoch != 0 && attempt.worker_uuid == request_.worker_uuid();
      });
  if (!held) {
    return absl::PermissionDeniedError(absl::StrCat(
        "worker ", request_.worker_uuid(), " was never given attempt ", request_.number(), " of ",
        request_.handoff_id(), " with epoch ", request_.epoch(), "; nothing was appended"));
  }
  worker_uuid_ = request_.worker_uuid();
  sender_ = {request_.worker_start(), request_.worker_nonce()};
  RETURN_IF_ERROR(CheckSender());
  ASSIGN_OR_RETURN(const uint64_t size, logs_.Size(KeyOf(request_)));
  key_ = KeyOf(request_);
  MutexLock lock(mutex_);
  signals_.durable = size;
  return absl::OkStatus();
}

// With each message: another daemon may have taken this one's place meanwhile.
absl::Status LogAppender::CheckSender() const {
  const auto daemon = engine_.DaemonOf(worker_uuid_);
  if (!daemon.has_value()) return absl::OkStatus();  // removed, with logs still to send
  return core::CheckDaemon(sender_, *daemon, "Nothing was appended");
}

void LogAppender::Append() {
  const uint64_t bytes = request_.data().size();
  {
    MutexLock lock(mutex_);
    signals_.in_flight += bytes;
  }
  const auto self = std::static_pointer_cast<LogAppender>(shared_from_this());
  logs_.Append(key_, request_.offset(), request_.data(),
               [self, bytes](absl::StatusOr<uint64_t> durable) {
                 {
                   MutexLock lock(self->mutex_);
                   self->signals_.in_flight -= bytes;
                   if (durable.ok()) {
                     self->signals_.durable = std::max(self->signals_.durable, *durable);
                   } else if (self->signals_.error.ok()) {
                     self->signals_.error = durable.status();
                   }
                 }
                 // Not here: this is the log store's thread, for which every log waits.
                 self->followers_.Notify(self->token_);
               });
}

}  // namespace handoff
