// Connections to a server's front door by OpenSSL, and nothing after them.
#pragma once

#include "absl/time/time.h"
#include "common/rpc/certificate.h"
#include "tests/bench/latencies.h"

namespace handoff {

struct Handshakes {
  Latencies all;  // from connect() to the first bytes of HTTP/2, which follow when both sides have
                  // verified the other
  int resumed = 0;
  absl::Duration took;
};
// TLS 1.3 with the certificate of `client`, one after another by each of `threads`. With `resume`
// each comes with the session ticket of the one before, if the server gave one.
Handshakes HandshakesFor(int port, const CredentialSet& client, int threads, bool resume,
                         absl::Duration span);

}  // namespace handoff
