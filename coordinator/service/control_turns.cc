// The part of ControlService that is about turns that somebody asks for.

#include <utility>

#include "coordinator/service/answer.h"
#include "coordinator/service/control_service.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/rights.h"
#include "coordinator/service/validate.h"

namespace handoff {

grpc::ServerUnaryReactor* ControlService::AskTurns(Context* context,
                                                   const v1::AskTurnsRequest* request,
                                                   v1::Worker* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kAskTurns, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(
      core::AskTurns{request->worker(), request->agent(), guest->subject, guest->caller},
      AnswerWith(reactor, [eyes = EyesOf(*guest), response](const core::AskTurns::Reply& reply) {
        *response = ToProto(reply.worker, eyes);
        return absl::OkStatus();
      }));
  return reactor;
}

}  // namespace handoff
