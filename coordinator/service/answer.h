// How a unary call is answered, at once or when the engine has decided.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/status.h"

namespace handoff {

inline grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                        const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  SendRetryAfter(status, *context);
  reactor->Finish(ToGrpc(status));
  return reactor;
}

template <typename Message>
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                 absl::StatusOr<Message> result, Message* response) {
  if (result.ok()) *response = *std::move(result);
  return Answer(context, result.status());
}

// A command that the engine dropped because it stops was not decided: the caller may try again.
inline absl::Status FromEngine(const absl::Status& status) {
  if (!absl::IsCancelled(status)) return status;
  return absl::UnavailableError("the coordinator is stopping; nothing was done, try again");
}

// A callback for Engine::Post that answers `reactor` after `fill` has translated the reply, on the
// engine's thread: translating must be short.
template <typename Fill>
auto AnswerWith(grpc::ServerUnaryReactor* reactor, Fill fill) {
  return [reactor, fill = std::move(fill)](auto result) {
    absl::Status status = FromEngine(result.status());
    if (result.ok()) status = fill(*result);
    reactor->Finish(ToGrpc(status));
  };
}

// The same for what an owner's rate may refuse: says when to try again, too. A context makes its
// default reactor anew each time that it is asked, so both are given.
template <typename Fill>
auto AnswerWith(grpc::CallbackServerContext* context, grpc::ServerUnaryReactor* reactor,
                Fill fill) {
  return [context, reactor, fill = std::move(fill)](auto result) {
    absl::Status status = FromEngine(result.status());
    if (result.ok()) status = fill(*result);
    SendRetryAfter(status, *context);
    reactor->Finish(ToGrpc(status));
  };
}

}  // namespace handoff
