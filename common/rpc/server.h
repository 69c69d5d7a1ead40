// A gRPC server with the bounds that every server of ours has, health and reflection included.
//
// It listens on loopback or on a unix socket only: peers are not identified yet, so nobody else may
// reach it.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace handoff {

// Thread-safe.
class RpcServer {
 public:
  // `services` must outlive the server. INVALID_ARGUMENT for an address that is not loopback;
  // FAILED_PRECONDITION when it is in use.
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
