#include "tests/integration/coordinator/any_call.h"

#include <grpcpp/generic/generic_stub.h>

#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "handoff/v1/control.grpc.pb.h"

namespace handoff {

absl::Status CallEmpty(const Channel& channel, const std::string& path) {
  if (path == "/handoff.v1.Control/Watch") {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto events = v1::Control::NewStub(channel)->Watch(&context, v1::WatchRequest());
    v1::Event event;
    const bool began = events->Read(&event);
    if (!began) return FromGrpc(events->Finish());
    context.TryCancel();
    events->Finish();
    return absl::OkStatus();
  }
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(context);
  grpc::CompletionQueue queue;
  const grpc::Slice nothing;
  grpc::ByteBuffer request(&nothing, 1), response;  // without a slice there is no message at all
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, path, request, &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return FromGrpc(status);
}

std::string PathOf(core::Method method) {
  for (const char* service : {"Control", "Pool", "Objects", "Identity"}) {
    std::string name(core::NameOf(method));
    if (name == "PutObject" || name == "GetObject") name = name.substr(0, 3);
    const std::string path = "/handoff.v1." + std::string(service) + "/" + name;
    if (core::FindMethod(path) == method) return path;
  }
  return "";
}

bool TurnedAway(const absl::Status& status) {
  return absl::IsPermissionDenied(status) &&
         status.message().find("may not call") != absl::string_view::npos;
}

}  // namespace handoff
