// Who is at the other end of a call, as far as the connection tells. Whether they may do anything
// is for others to decide, by the records: a certificate that was revoked is still in its time.
#pragma once

#include <grpcpp/server_context.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

struct PeerIdentity {
  std::string address;  // "192.0.2.7:4711", "[2001:db8::7]:4711" or "unix:"

  // A certificate of our authority was shown, with its key. Without one the rest is empty.
  bool authenticated = false;
  std::vector<std::string> uris;  // of its subject alternative names
  std::string serial;             // lower-case hex, two digits a byte
  // To be held against the clock at every call: a connection may stay open beyond this, and a TLS
  // session that is resumed is not verified again.
  absl::Time not_after = absl::InfinitePast();
  absl::Time not_before = absl::InfinitePast();
};

PeerIdentity IdentityOf(const grpc::ServerContextBase& context);
// The same without the address.
PeerIdentity IdentityOf(const grpc::AuthContext& context);

// From gRPC's form: "ipv4:192.0.2.7:4711", "ipv6:%5B2001:db8::7%5D:4711", "unix:".
std::string PlainAddress(absl::string_view uri);

}  // namespace handoff
