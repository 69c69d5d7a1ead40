#include "coordinator/identity/issuer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/identity/authority.h"
#include "common/status.h"

namespace handoff {

namespace {

absl::Status NotTheOne(const std::string& directory, const std::string& pool_id,
                       absl::string_view what_is_there, const std::string& fingerprint) {
  return absl::FailedPreconditionError(absl::StrCat(
      directory, " holds ", what_is_there, " of pool ", pool_id,
      ", and the database knows users and workers that were let in by the first",
      fingerprint.empty() ? "" : absl::StrCat(" (SHA-256 ", fingerprint, ")"),
      ". The coordinator did not start, and nothing was made or changed: with another authority "
      "nobody of them could come in. Restore sealing.key, authority.key.sealed and authority.pem "
      "there from the backup that the database belongs to. If they are lost for good, begin anew "
      "with an empty data directory: every user and worker has to be let in again."));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Issuer>> Issuer::Open(const std::string& directory,
                                                     const std::string& pool_id, const Known& known,
                                                     const Clock& clock) {
  const std::string& expected = known.fingerprint;
  ASSIGN_OR_RETURN(const bool there, HasAuthority(directory));
  if (!there && (known.in_use || !expected.empty()))
    return NotTheOne(directory, pool_id, "no authority", expected);
  ASSIGN_OR_RETURN(PoolAuthority authority, OpenOrCreateAuthority(directory, pool_id, clock.Now()));
  if (!expected.empty() && authority.authority.certificate.Fingerprint() != expected)
    return NotTheOne(directory, pool_id, "another authority", expected);
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
