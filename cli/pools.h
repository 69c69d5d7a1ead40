// The pools that this person may use, and which of them is meant. Reads files and a given
// environment; changes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/credential_directory.h"
#include "common/identity/ticket.h"

namespace handoff {

// Where the coordinator is, and who we are to it: one of the two below.
struct PoolAccess {
  std::vector<std::string> addresses;  // to be tried in this order
  std::optional<StoredCredential> stored;
  std::optional<Ticket> ticket;  // HANDOFF_TOKEN, or a line that is redeemed

  const std::string& pool_id() const;
  // Their name in the pool; "" for a ticket: the coordinator knows whose it is.
  std::string user() const;
};

struct PoolQuestion {
  std::string coordinator;               // --coordinator
  std::vector<std::string> environment;  // NAME=value
  absl::Time now;
};

// HANDOFF_TOKEN; else HANDOFF_CREDENTIALS, a directory; else, of the pools they are logged in to,
// the one whose address is asked for, which config.toml names, to which they logged in last, or the
// only one; else the running `handoff dev`. UNAUTHENTICATED with what to do when there is none, or
// when the certificate is out of its time, unless a socket gives the next one; FAILED_PRECONDITION
// when several fit.
absl::StatusOr<PoolAccess> FindPool(const PoolQuestion& question);

// Only among those they are logged in to, whatever the state of the certificate.
absl::StatusOr<StoredCredential> FindLogin(const PoolQuestion& question);

}  // namespace handoff
