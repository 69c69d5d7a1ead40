#include "coordinator/identity/issuer.h"

#include <utility>

#include "common/identity/authority.h"
#include "common/status.h"

namespace handoff {

absl::StatusOr<std::unique_ptr<Issuer>> Issuer::Open(const std::string& directory,
                                                     const std::string& pool_id,
                                                     const Clock& clock) {
  ASSIGN_OR_RETURN(PoolAuthority authority, OpenOrCreateAuthority(directory, pool_id, clock.Now()));
  return std::unique_ptr<Issuer>(new Issuer(std::move(authority), pool_id, clock));
}

Issuer::Issuer(PoolAuthority authority, std::string pool_id, const Clock& clock)
    : authority_(std::move(authority)), pool_id_(std::move(pool_id)), clock_(clock) {}

void Issuer::SetAddresses(std::vector<std::string> addresses) {
  MutexLock lock(mutex_);
  addresses_ = std::move(addresses);
}

std::vector<std::string> Issuer::addresses() const {
  MutexLock lock(mutex_);
  return addresses_;
}

absl::StatusOr<std::string> Issuer::IssueTo(const PublicKey& key, PeerKind kind,
                                            const std::string& name, const std::string& serial,
                                            absl::Time not_after) const {
  IssueSpec spec;
  spec.peer = {pool_id_, kind, name};
  spec.serial = serial;
  spec.not_before = clock_.Now();
  spec.not_after = not_after;
  ASSIGN_OR_RETURN(const Certificate certificate, Issue(authority_.authority, key, spec));
  return certificate.ToPem();
}

absl::StatusOr<Certificate> Issuer::IssueServer(const PublicKey& key,
                                                std::vector<std::string> hosts,
                                                absl::Duration life) const {
  IssueSpec spec;
  spec.peer = {pool_id_, PeerKind::kCoordinator, ""};
  spec.not_before = clock_.Now();
  spec.not_after = spec.not_before + life;
  spec.dns_names = std::move(hosts);
  return Issue(authority_.authority, key, spec);
}

absl::StatusOr<Ticket> Issuer::MakeTicket(TicketKind kind, absl::Duration ttl) const {
  const absl::Time now = clock_.Now();
  return handoff::MakeTicket(kind, addresses(), authority_.authority, NewTokenId(), now,
                             absl::FromUnixSeconds(absl::ToUnixSeconds(now + ttl)));
}

}  // namespace handoff
