// Control.Delete: what people want to see no more, or want gone.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/service/answer.h"
#include "coordinator/service/control_service.h"
#include "coordinator/service/rights.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

absl::Status LogsGone(const std::string& id, const absl::Status& removed) {
  if (removed.ok()) return removed;
  return absl::InternalError(
      absl::StrCat(id, " was purged, but not all of its logs could be removed: ", removed.message(),
                   ". They are removed when the coordinator starts again"));
}

}  // namespace

grpc::ServerUnaryReactor* ControlService::Delete(Context* context, const v1::DeleteRequest* request,
                                                 v1::DeleteResponse*) {
  const auto found = FindFor(*context, core::Method::kDelete, request->id(), parts_,
                             IdRule::kOnlyOne, Validate(*request));
  if (!found.ok()) {
    // The answer to an earlier call may have been lost.
    const auto guest = parts_.door.Enter(*context, core::Method::kDelete);
    const bool done = absl::IsNotFound(found.status()) && request->purge() && guest.ok() &&
                      parts_.reader.WasPurged(request->id(), EyesOf(*guest)).value_or(false);
    return Answer(context, done ? absl::OkStatus() : found.status());
  }
  Unary* const reactor = context->DefaultReactor();
  core::Delete command{found->id, request->purge(), found->guest.subject};
  parts_.engine.Post(std::move(command), [this, reactor, purge = request->purge()](auto reply) {
    const absl::Status status = FromEngine(reply.status());
    if (!status.ok() || !purge) return reactor->Finish(ToGrpc(status));
    parts_.purger.RemoveLogs(reply->id, [reactor, id = reply->id](const absl::Status& removed) {
      reactor->Finish(ToGrpc(LogsGone(id, removed)));
    });
  });
  return reactor;
}

}  // namespace handoff
