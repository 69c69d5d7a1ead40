#include "common/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"
#include "common/rpc/grpc_log.h"
#include "common/rpc/limits.h"
#include "common/rpc/listener.h"
#include "common/status.h"

namespace handoff {
namespace {

int Milliseconds(absl::Duration d) { return static_cast<int>(absl::ToInt64Milliseconds(d)); }

void SetBounds(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookaheadBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kMinPingInterval));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(kHandshakeTimeout));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.SetResourceQuota(grpc::ResourceQuota("server").Resize(kServerMemoryQuota));
}

void EnablePluginsOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

}  // namespace

struct RpcServer::Impl {
  std::string address;
  std::shared_ptr<Credentials> credentials;  // may be null
  std::unique_ptr<Listener> listener;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  std::unique_ptr<grpc::Server> server;
};

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(
    const std::string& listen, const std::vector<grpc::Service*>& services) {
  ServerOptions options;
  options.listen = listen;
  return Start(options, services);
}

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(
    const ServerOptions& options, const std::vector<grpc::Service*>& services) {
  ASSIGN_OR_RETURN(const Address address, ParseAddress(options.listen));
  if (options.credentials == nullptr && !IsLoopback(address)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "refusing to listen on ", address.ToString(),
        ": peers are not identified without credentials, so anybody who reaches this address could "
        "run commands on the workers. Listen on 127.0.0.1:PORT or unix:/path, and reach it from "
        "other hosts through an ssh tunnel"));
  }
  TakeGrpcLog();
  auto impl = std::make_unique<Impl>();
  ASSIGN_OR_RETURN(impl->listener, Listener::Bind(address));
  impl->address = impl->listener->address().ToString();
  impl->credentials = options.credentials;
  EnablePluginsOnce();
  grpc::ServerBuilder builder;
  SetBounds(builder);
  for (grpc::Service* service : services) builder.RegisterService(service);
  auto credentials = options.credentials == nullptr
                         ? grpc::InsecureServerCredentials()
                         : options.credentials->ForServer(options.client_certificate);
  if (options.processor != nullptr) credentials->SetAuthMetadataProcessor(options.processor);
  impl->acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      std::move(credentials));
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr) return absl::InternalError("gRPC did not start the server");
  impl->listener->Start(options.limits, [i = impl.get()](UniqueFd connection) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
    parameters.listener_fd = i->listener->fd();
    parameters.fd = connection.Release();
    i->acceptor->HandleNewConnection(&parameters);
  });
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(impl)));
}

RpcServer::RpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RpcServer::~RpcServer() { Stop(absl::ZeroDuration()); }

const std::string& RpcServer::address() const { return impl_->address; }

void RpcServer::SetServing(bool serving) {
  impl_->server->GetHealthCheckService()->SetServingStatus(serving);
}

void RpcServer::Stop(absl::Duration grace) {
  impl_->listener->Stop();
  impl_->server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
}

}  // namespace handoff
