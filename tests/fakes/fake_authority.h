// The authority of a pool that exists in a test only, and credentials of it on disk.
#pragma once

#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/file.h"
#include "common/identity/authority.h"
#include "common/identity/ticket.h"

namespace handoff {

class FakeAuthority {
 public:
  explicit FakeAuthority(const std::string& pool_id = "test-pool");
  const Authority& authority() const { return authority_; }
  const std::string& pool_id() const { return authority_.certificate.pool_id(); }

  // A directory of authority.pem, certificate.pem and key.pem; the same one for the same name.
  std::string CoordinatorDirectory() const;
  std::string UserDirectory(const std::string& name) const;
  // Anew, with a certificate for this time.
  std::string UserDirectory(const std::string& name, absl::Time from, absl::Time until) const;

  // Of a user, for `key`.
  Certificate IssueUser(const std::string& name, const PublicKey& key,
                        absl::Time from = absl::Now(),
                        absl::Time until = absl::Now() + absl::Hours(90 * 24)) const;
  Ticket MakeLine(TicketKind kind, const std::string& address,
                  absl::Duration ttl = absl::Minutes(15)) const;

 private:
  std::string Directory(const std::string& name, const PeerName& peer, absl::Time from,
                        absl::Time until) const;

  TempDir dir_;
  Authority authority_;
};

}  // namespace handoff
