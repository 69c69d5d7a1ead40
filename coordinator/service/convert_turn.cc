// The part of convert.h that is about turns that somebody asked for.

#include <string>

#include "common/rpc/proto_time.h"
#include "common/text.h"
#include "coordinator/service/convert.h"

namespace handoff {

core::TurnResult ToCore(const v1::TurnResult& result) {
  const v1::AgentTurn& from = result.turn();
  // What is not taken over is the coordinator's to say.
  v1::AgentTurn turn;
  turn.set_failure(v1::Failure::Class_IsValid(from.failure()) ? from.failure()
                                                              : v1::Failure::INTERNAL);
  turn.set_message(OneLine(from.message(), 1 << 10));
  turn.set_model(OneLine(from.model(), 200));
  if (from.has_retry_at()) *turn.mutable_retry_at() = from.retry_at();
  if (from.has_took()) *turn.mutable_took() = from.took();
  *turn.mutable_usage() = from.usage();
  turn.DiscardUnknownFields();
  BoundTimes(turn);
  return {result.number(), turn.SerializeAsString()};
}

v1::AgentTurn ToProto(const core::AgentTurn& from) {
  v1::AgentTurn turn;
  if (!turn.ParseFromString(from.bytes)) turn.set_failure(v1::Failure::INTERNAL);
  turn.set_agent(from.agent);
  *turn.mutable_asked_at() = ToProto(from.asked_at);
  if (from.made()) *turn.mutable_at() = ToProto(from.at);
  return turn;
}

}  // namespace handoff
