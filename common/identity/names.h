// Who a certificate speaks for, as the URI in it (SPIFFE's form), and the name of a pool.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

enum class PeerKind {
  kCoordinator,  // the one server of a pool; without a name
  kWorker,       // by its UUID
  kRenewal,      // by the UUID of a worker, for which it may ask a new certificate and nothing else
  kUser,         // by the user's name
  kToken,        // by the id of a token, which it may redeem
};
absl::string_view KindName(PeerKind kind);

struct PeerName {
  std::string pool_id;
  PeerKind kind = PeerKind::kWorker;
  std::string name;
  friend bool operator==(const PeerName&, const PeerName&) = default;
};

// A lower-case DNS label of at most 48 characters.
absl::Status CheckPoolId(absl::string_view pool_id);
// At most 64 of a-z, 0-9, '-', '_' and '.', the first a letter or digit; a coordinator has none.
absl::Status CheckPeerName(const PeerName& peer);

// "spiffe://<pool-id>/worker/<uuid>", "spiffe://<pool-id>/coordinator". Of a valid name.
std::string ToUri(const PeerName& peer);
// Takes nothing but what ToUri makes.
absl::StatusOr<PeerName> ParsePeerName(absl::string_view uri);
// "worker 0b6f…", for people.
std::string DescribePeer(const PeerName& peer);

// Of the pool itself, in the certificate of its authority.
std::string PoolUri(absl::string_view pool_id);
absl::StatusOr<std::string> ParsePoolUri(absl::string_view uri);

// The host name in the coordinator's certificate. Clients check this one and not the address by
// which they came, which a tunnel or NAT changes. It never resolves (RFC 2606).
std::string PoolDnsName(absl::string_view pool_id);
// Lower-case, without wildcards, at most 253 characters.
bool IsDnsName(absl::string_view name);

}  // namespace handoff
