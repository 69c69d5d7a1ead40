#include "tests/fakes/fake_identity_client.h"

#include <utility>

#include "common/check.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/identity/verify.h"
#include "common/status.h"

namespace handoff::worker {

FakeIdentityClient::FakeIdentityClient(const Clock& clock, const std::string& pool_id)
    : clock_(clock), authority_(MakeAuthority(pool_id, clock.Now()).value()) {}

std::string FakeIdentityClient::Line(const std::vector<std::string>& addresses,
                                     absl::Duration ttl) const {
  const absl::Time now = clock_.Now();
  const auto ticket =
      MakeTicket(TicketKind::kWorker, addresses, authority_, NewTokenId(), now, now + ttl);
  CHECK(ticket.ok());
  const auto line = EncodeTicket(*ticket);
  CHECK(line.ok());
  return std::string(line->Reveal());
}

IssuedPair FakeIdentityClient::Issue(const PublicKey& key, const std::string& worker_uuid) const {
  const absl::Time now = clock_.Now();
  const std::string& pool_id = authority_.certificate.pool_id();
  const auto issue = [&](PeerKind kind, absl::Duration life) {
    return handoff::Issue(
               authority_, key,
               {.peer = {pool_id, kind, worker_uuid}, .not_before = now, .not_after = now + life})
        .value()
        .ToPem();
  };
  return {issue(PeerKind::kWorker, absl::Hours(24)),
          issue(PeerKind::kRenewal, absl::Hours(24 * 90)),
          pool_id,
          worker_uuid,
          {}};
}

absl::StatusOr<PeerName> FakeIdentityClient::Check(const ShownIdentity& shown) const {
  ASSIGN_OR_RETURN(const Certificate certificate, Certificate::FromPem(shown.certificate));
  ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(shown.key.Reveal()));
  CHECK(certificate.public_key() == key.public_key());
  CHECK(shown.authority == authority_.certificate.ToPem());
  const absl::Status verified =
      VerifyCertificate(certificate, authority_.certificate, clock_.Now(), CertificateUse::kClient);
  // A handshake that fails: no answer.
  if (!verified.ok()) return absl::UnavailableError(verified.message());
  return *certificate.peer();
}

absl::StatusOr<IssuedPair> FakeIdentityClient::Redeem(const std::string& address,
                                                      const ShownIdentity& shown,
                                                      const Redemption& redemption) {
  ASSIGN_OR_RETURN(const PeerName peer, Check(shown));
  calls.push_back({address, peer, redemption.worker_uuid, redemption.name});
  if (const auto it = failing.find(address); it != failing.end()) return it->second;
  CHECK(peer.kind == PeerKind::kToken && peer.name == redemption.token_id);
  CHECK(redemption.secret.size() == 32);
  if (std::exchange(used_[redemption.token_id], true)) {
    return absl::UnauthenticatedError("this token is not good");
  }
  if (lose_answer) return absl::UnknownError("the connection broke");
  ASSIGN_OR_RETURN(const PublicKey key, ReadSigningRequest(redemption.signing_request));
  IssuedPair issued = Issue(key, redemption.worker_uuid);
  spoil(issued);
  return issued;
}

absl::StatusOr<IssuedPair> FakeIdentityClient::Renew(const std::string& address,
                                                     const ShownIdentity& shown,
                                                     const std::string& signing_request,
                                                     std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError("stopped");
  auto peer = Check(shown);
  calls.push_back({address, peer.value_or(PeerName{}), "", ""});
  if (!peer.ok()) return peer.status();
  if (const auto it = failing.find(address); it != failing.end()) return it->second;
  ASSIGN_OR_RETURN(const PublicKey key, ReadSigningRequest(signing_request));
  IssuedPair issued = Issue(key, peer->name);
  spoil(issued);
  return issued;
}

}  // namespace handoff::worker
