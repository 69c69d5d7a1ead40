// A pool as far as it issues certificates: real ones, by an authority of its own. One thread.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/identity/authority.h"
#include "worker/rpc/identity_client.h"

namespace handoff::worker {

inline constexpr char kFakePool[] = "0123456789abcdef0123456789abcdef";

class FakeIdentityClient final : public IdentityClient {
 public:
  explicit FakeIdentityClient(const Clock& clock, const std::string& pool_id = kFakePool);

  // As `handoff worker invite` prints it.
  std::string Line(const std::vector<std::string>& addresses = {"coordinator:7433"},
                   absl::Duration ttl = absl::Minutes(15)) const;
  // Of that worker and key, from now on.
  IssuedPair Issue(const PublicKey& key, const std::string& worker_uuid) const;
  const Authority& authority() const { return authority_; }

  absl::StatusOr<IssuedPair> Redeem(const std::string& address, const ShownIdentity& shown,
                                    const Redemption& redemption) override;
  absl::StatusOr<IssuedPair> Renew(const std::string& address, const ShownIdentity& shown,
                                   const std::string& signing_request,
                                   std::stop_token stop) override;

  // What is said there instead of an answer.
  std::map<std::string, absl::Status> failing;
  // The token is used up, and then nobody hears it.
  bool lose_answer = false;
  // Done to what is issued.
  std::function<void(IssuedPair&)> spoil = [](IssuedPair&) {};

  struct Call {
    std::string address;
    PeerName shown;
    std::string worker_uuid;
    std::string name;
  };
  std::vector<Call> calls;  // in order; those that failed, too

 private:
  absl::StatusOr<PeerName> Check(const ShownIdentity& shown) const;

  const Clock& clock_;
  const Authority authority_;
  std::map<std::string, bool> used_;  // by id of the token
};

}  // namespace handoff::worker
