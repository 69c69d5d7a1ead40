// The Identity service over gRPC.
#pragma once

#include "common/clock.h"
#include "worker/rpc/identity_client.h"
#include "worker/rpc/tunnels.h"

namespace handoff::worker {

class GrpcIdentityClient final : public IdentityClient {
 public:
  // A redemption opens a tunnel of its own, at which ssh may ask a person; a renewal takes the
  // daemon's.
  GrpcIdentityClient(const Clock& clock, Tunnels& tunnels) : clock_(clock), tunnels_(tunnels) {}
  absl::StatusOr<IssuedPair> Redeem(const std::string& address, const ShownIdentity& shown,
                                    const Redemption& redemption) override;
  absl::StatusOr<IssuedPair> Renew(const std::string& address, const ShownIdentity& shown,
                                   const std::string& signing_request,
                                   std::stop_token stop) override;

 private:
  const Clock& clock_;
  Tunnels& tunnels_;
};

}  // namespace handoff::worker
