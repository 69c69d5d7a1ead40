// How this worker gets certificates. Pure types, so that tests run against a fake; the gRPC one
// stands beside it.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/secret.h"

namespace handoff::worker {

// What is shown to the coordinator, and what it must show. PEM.
struct ShownIdentity {
  std::string pool_id;
  std::string authority;
  std::string certificate;
  Secret key;
};

struct Redemption {
  std::string token_id;
  absl::string_view secret;
  std::string signing_request;  // DER
  std::string worker_uuid;
  std::string name;
};

// What the pool says of it is as whoever made the token wanted it: only a redemption has that.
struct IssuedPair {
  std::string certificate;  // PEM
  std::string renewal;      // PEM
  std::string pool_id;
  std::string subject;
  std::map<std::string, std::string> labels;
  std::string owner = {};  // whose work it takes, unless it is shared: then everybody's
  bool shared = false;
  std::vector<std::string> repos = {};  // patterns; empty: of any repository
};

// Thread-safe. Each call has a connection of its own, to `address`. Nothing here retries.
class IdentityClient {
 public:
  virtual ~IdentityClient() = default;
  // UNAVAILABLE or DEADLINE_EXCEEDED when nobody was reached: the token is as good as before.
  // UNKNOWN when the coordinator was reached, and then gave no answer: it may have used the token.
  virtual absl::StatusOr<IssuedPair> Redeem(const std::string& address, const ShownIdentity& shown,
                                            const Redemption& redemption) = 0;
  // CANCELLED when `stop` was requested; UNAVAILABLE or DEADLINE_EXCEEDED when there is no answer.
  virtual absl::StatusOr<IssuedPair> Renew(const std::string& address, const ShownIdentity& shown,
                                           const std::string& signing_request,
                                           std::stop_token stop) = 0;
};

}  // namespace handoff::worker
