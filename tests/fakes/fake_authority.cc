#include "tests/fakes/fake_authority.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/identity/private_file.h"

namespace handoff {

FakeAuthority::FakeAuthority(const std::string& pool_id)
    : dir_(*TempDir::Make("authority-")), authority_(*MakeAuthority(pool_id, absl::Now())) {}

std::string FakeAuthority::Directory(const std::string& name, const PeerName& peer, absl::Time from,
                                     absl::Time until) const {
  const std::string path = absl::StrCat(dir_.path(), "/", name);
  const auto key = PrivateKey::Generate();
  CHECK(key.ok());
  const auto certificate = Issue(authority_, key->public_key(), {peer, "", from, until, {}});
  CHECK(certificate.ok());
  CHECK(MakeDirectories(path).ok());
  CHECK(WritePrivateFile(path + "/authority.pem", authority_.certificate.ToPem()).ok());
  CHECK(WritePrivateFile(path + "/certificate.pem", certificate->ToPem()).ok());
  const auto pem = key->ToPem();
  CHECK(pem.ok() && WritePrivateFile(path + "/key.pem", pem->Reveal()).ok());
  return path;
}

std::string FakeAuthority::CoordinatorDirectory() const {
  const std::string path = dir_.path() + "/coordinator";
  if (PathExists(path)) return path;
  return Directory("coordinator", {pool_id(), PeerKind::kCoordinator, ""}, absl::Now(),
                   absl::Now() + absl::Hours(24));
}

std::string FakeAuthority::UserDirectory(const std::string& name) const {
  const std::string path = absl::StrCat(dir_.path(), "/user-", name);
  if (PathExists(path)) return path;
  return UserDirectory(name, absl::Now(), absl::Now() + absl::Hours(24));
}

std::string FakeAuthority::UserDirectory(const std::string& name, absl::Time from,
                                         absl::Time until) const {
  return Directory("user-" + name, {pool_id(), PeerKind::kUser, name}, from, until);
}

Certificate FakeAuthority::IssueUser(const std::string& name, const PublicKey& key, absl::Time from,
                                     absl::Time until) const {
  auto certificate =
      Issue(authority_, key, {{pool_id(), PeerKind::kUser, name}, "", from, until, {}});
  CHECK(certificate.ok());
  return *std::move(certificate);
}

Ticket FakeAuthority::MakeLine(TicketKind kind, const std::string& address,
                               absl::Duration ttl) const {
  const absl::Time now = absl::Now();
  auto ticket = MakeTicket(kind, {address}, authority_, NewTokenId(), now, now + ttl);
  CHECK(ticket.ok());
  return *std::move(ticket);
}

}  // namespace handoff
