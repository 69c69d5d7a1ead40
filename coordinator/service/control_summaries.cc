// The part of ControlService that is about summaries.

#include "coordinator/service/answer.h"
#include "coordinator/service/control_service.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/rights.h"
#include "coordinator/service/validate.h"

namespace handoff {

grpc::ServerUnaryReactor* ControlService::Summarize(Context* context,
                                                    const v1::SummarizeRequest* request,
                                                    v1::Handoff* response) {
  const auto found = FindFor(*context, core::Method::kSummarize, request->id(), parts_,
                             IdRule::kOnlyOne, Validate(*request));
  if (!found.ok()) return Answer(context, found.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(ToCore(*request, found->id),
                     AnswerWith(reactor, [response](const core::Summarize::Reply& reply) {
                       *response = ToProto(reply.handoff, Detail::kFull);
                       return absl::OkStatus();
                     }));
  return reactor;
}

}  // namespace handoff
