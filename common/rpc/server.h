// A gRPC server with the bounds that every server of ours has, health and reflection included.
#pragma once

#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/auth_metadata_processor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/connection_table.h"
#include "common/rpc/credentials.h"

namespace handoff {

struct ServerOptions {
  std::string listen;
  // Without these no peer is identified, so it listens on loopback or a unix socket only.
  std::shared_ptr<Credentials> credentials;
  ClientCertificate client_certificate = ClientCertificate::kRequired;
  // Looks at every call before it begins, with credentials only; may be null.
  std::shared_ptr<grpc::AuthMetadataProcessor> processor;
  ConnectionLimits limits = ConnectionLimits::OfProcess();
};

// Thread-safe.
class RpcServer {
 public:
  // `services` must outlive the server. INVALID_ARGUMENT for an address that is not loopback when
  // there are no credentials; FAILED_PRECONDITION when it is in use. gRPC's log becomes ours.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(
      const ServerOptions& options, const std::vector<grpc::Service*>& services);
  // Without credentials.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(
      const std::string& listen, const std::vector<grpc::Service*>& services);
  ~RpcServer();  // Stop(0)

  // Where it listens, with the port that the kernel chose.
  const std::string& address() const;
  // What the health service answers; SERVING from the start.
  void SetServing(bool serving);
  // No new calls; running ones are cancelled after `grace`. Returns when none is left.
  void Stop(absl::Duration grace);

 private:
  struct Impl;
  explicit RpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace handoff
