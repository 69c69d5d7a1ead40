// The Identity service over gRPC.
#pragma once

#include "common/clock.h"
#include "worker/rpc/identity_client.h"

namespace handoff::worker {

class GrpcIdentityClient final : public IdentityClient {
 public:
  explicit GrpcIdentityClient(const Clock& clock) : clock_(clock) {}
  absl::StatusOr<IssuedPair> Redeem(const std::string& address, const ShownIdentity& shown,
                                    const Redemption& redemption) override;
  absl::StatusOr<IssuedPair> Renew(const std::string& address, const ShownIdentity& shown,
                                   const std::string& signing_request,
                                   std::stop_token stop) override;

 private:
  const Clock& clock_;
};

}  // namespace handoff::worker
