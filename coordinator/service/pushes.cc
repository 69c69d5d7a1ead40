#include "coordinator/service/pushes.h"

#include "absl/strings/str_cat.h"
#include "common/handoff/names.h"
#include "common/rpc/proto_time.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

constexpr size_t kMaxMessage = 1024;
constexpr size_t kMaxResult = 4 << 10;

std::string Sentence(const v1::PushResult& result) {
  const std::string what = result.state() == v1::PushResult::PUSHED
                               ? absl::StrCat("Pushed ", result.commit(), " to ")
                           : result.state() == v1::PushResult::UP_TO_DATE
                               ? absl::StrCat(result.commit(), " was already at ")
                               : "Nothing was pushed to ";
  return absl::StrCat(what, result.ref(), result.message().empty() ? "." : ". ",
                      OneLine(result.message(), kMaxMessage));
}

}  // namespace

bool AsksForPush(const std::string& spec) {
  v1::HandoffSpec parsed;
  return parsed.ParseFromString(spec) && parsed.push() && !parsed.repository().url().empty();
}

bool AsksForPush(const core::Report::Reply& reply, int number) {
  return reply.current && core::MayPush(reply.handoff, number) && AsksForPush(reply.handoff.spec);
}

absl::Status Validate(const v1::SavePushRequest& request) {
  if (request.worker_uuid().empty()) return absl::InvalidArgumentError("worker_uuid is empty");
  RETURN_IF_ERROR(ValidateLine("worker_uuid", request.worker_uuid(), 64));
  RETURN_IF_ERROR(ValidateLine("pool_id", request.pool_id(), 64));
  RETURN_IF_ERROR(ValidateId(request.handoff_id()));
  if (request.number() < 1 || request.number() > core::kMaxAttempts) {
    return absl::InvalidArgumentError(absl::StrCat("there is no attempt ", request.number()));
  }
  const v1::PushResult& result = request.result();
  if (result.ByteSizeLong() > kMaxResult) {
    return absl::InvalidArgumentError(absl::StrCat("the result of a push has ",
                                                   result.ByteSizeLong(), " bytes; at most ",
                                                   kMaxResult, " are allowed"));
  }
  if (!v1::PushResult::State_IsValid(result.state()) ||
      result.state() == v1::PushResult::STATE_UNSPECIFIED) {
    return absl::InvalidArgumentError("the result of a push has a state");
  }
  RETURN_IF_ERROR(ValidateLine("ref", result.ref(), 256));
  RETURN_IF_ERROR(ValidateLine("commit", result.commit(), 64));
  return ValidateLine("message", result.message(), kMaxMessage);
}

core::SavePush ToCore(const v1::SavePushRequest& request) {
  core::SavePush save;
  save.sender = {request.pool_id(), request.worker_uuid(), request.worker_start(),
                 request.worker_nonce()};
  save.handoff_id = request.handoff_id();
  save.number = request.number();
  save.epoch = request.epoch();
  // It is kept and shown: what we do not know could be anything.
  v1::PushResult result = request.result();
  result.DiscardUnknownFields();
  BoundTimes(result);
  save.bytes = result.SerializeAsString();
  save.pushed = request.result().state() == v1::PushResult::PUSHED ||
                request.result().state() == v1::PushResult::UP_TO_DATE;
  save.message = Sentence(request.result());
  return save;
}

}  // namespace handoff
