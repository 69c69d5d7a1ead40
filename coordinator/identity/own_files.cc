#include "coordinator/identity/own_files.h"

#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/authority.h"
#include "common/identity/private_file.h"
#include "common/identity/verify.h"
#include "common/status.h"
#include "coordinator/core/identity_rules.h"

namespace handoff {
namespace {

constexpr absl::Duration kServerLife = absl::Hours(90 * 24);
constexpr absl::Duration kEvery = absl::Hours(1);
constexpr absl::Duration kTokenTtl = absl::Minutes(5);
constexpr size_t kMaxFileBytes = 64 << 10;

std::string AuthorityFile(const std::string& directory) { return directory + "/authority.pem"; }
std::string CertificateFile(const std::string& directory) { return directory + "/certificate.pem"; }
std::string KeyFile(const std::string& directory) { return directory + "/key.pem"; }

// The key stays the same through renewals, so that certificate and key always belong together,
// whichever of them a reader finds.
absl::StatusOr<PrivateKey> LoadOrMakeKey(const std::string& directory) {
  const auto held = ReadPrivateFile(KeyFile(directory), kMaxFileBytes);
  if (held.ok()) {
    absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(held->Reveal());
    if (key.ok()) return key;
    return absl::FailedPreconditionError(absl::StrCat(
        KeyFile(directory), ": ", key.status().message(),
        ". Nothing was started. Restore it, or remove it: another one is made, and a certificate "
        "for it."));
  }
  if (!absl::IsNotFound(held.status())) return held.status();
  ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  ASSIGN_OR_RETURN(const Secret pem, key.ToPem());
  RETURN_IF_ERROR(WritePrivateFile(KeyFile(directory), pem.Reveal()));
  return key;
}

// The one that lies there, if it is good for this key.
std::optional<Certificate> Held(const std::string& directory, const Issuer& issuer,
                                const PublicKey& key, CertificateUse use, absl::Time now) {
  const auto pem = ReadFile(CertificateFile(directory), kMaxFileBytes);
  if (!pem.ok()) return std::nullopt;
  auto certificate = Certificate::FromPem(*pem);
  if (!certificate.ok() || certificate->public_key() != key) return std::nullopt;
  if (!VerifyCertificate(*certificate, issuer.authority(), now, use).ok()) return std::nullopt;
  return *std::move(certificate);
}

bool HasHalfOfItsLife(const Certificate& certificate, absl::Time now) {
  const absl::Duration life = certificate.not_after() - certificate.not_before();
  return certificate.not_after() - now >= life / 2;
}

absl::Status WriteSet(const std::string& directory, const Issuer& issuer,
                      const std::string& certificate) {
  RETURN_IF_ERROR(WriteFileAtomically(AuthorityFile(directory), issuer.authority().ToPem()));
  return WriteFileAtomically(CertificateFile(directory), certificate);
}

template <typename Command>
absl::StatusOr<typename Command::Reply> Ask(Engine& engine, Command command) {
  std::promise<absl::StatusOr<typename Command::Reply>> answer;
  auto future = answer.get_future();
  engine.Post(std::move(command), [&answer](absl::StatusOr<typename Command::Reply> reply) {
    answer.set_value(std::move(reply));
  });
  return future.get();
}

core::Caller Coordinator() {
  core::Caller caller;
  caller.is_coordinator = true;
  return caller;
}

absl::Status EnsureAdmin(const std::string& name, Engine& engine) {
  core::AddUser add;
  add.caller = Coordinator();
  add.name = name;
  add.role = core::Role::kAdmin;
  const absl::Status added = Ask(engine, std::move(add)).status();
  return absl::IsAlreadyExists(added) ? absl::OkStatus() : added;
}

// The coordinator lets the admin in as it lets in everybody: by a token, which it redeems itself.
absl::StatusOr<core::Credential> Admit(const std::string& name, const std::string& serial,
                                       Engine& engine) {
  const Secret secret = Secret::Random(32);
  core::CreateTokens create;
  create.caller = Coordinator();
  create.purpose = core::TokenPurpose::kLogin;
  create.user = name;
  create.ttl = kTokenTtl;
  create.secrets = {{NewTokenId(), HashSecret(secret)}};
  core::RedeemToken redeem;
  redeem.caller = Coordinator();
  redeem.purpose = core::TokenPurpose::kLogin;
  redeem.token_id = create.secrets[0].id;
  redeem.secret_hash = create.secrets[0].hash;
  redeem.device = "the coordinator's host";
  redeem.serial = serial;
  RETURN_IF_ERROR(Ask(engine, std::move(create)).status());
  ASSIGN_OR_RETURN(core::RedeemToken::Reply reply, Ask(engine, std::move(redeem)));
  return std::move(reply.credential);
}

}  // namespace

absl::Status RefreshServerFiles(const std::string& directory, const Issuer& issuer,
                                const std::vector<std::string>& hosts, absl::Time now) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  ASSIGN_OR_RETURN(const PrivateKey key, LoadOrMakeKey(directory));
  const auto held = Held(directory, issuer, key.public_key(), CertificateUse::kServer, now);
  if (held.has_value() && HasHalfOfItsLife(*held, now))
    return WriteSet(directory, issuer, held->ToPem());
  ASSIGN_OR_RETURN(const Certificate made,
                   issuer.IssueServer(key.public_key(), hosts, kServerLife));
  return WriteSet(directory, issuer, made.ToPem());
}

absl::Status RefreshLocalAdmin(const std::string& directory, const std::string& name,
                               const Issuer& issuer, Engine& engine, absl::Time now) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  ASSIGN_OR_RETURN(const PrivateKey key, LoadOrMakeKey(directory));
  const auto identities = engine.identities();
  const auto held = Held(directory, issuer, key.public_key(), CertificateUse::kClient, now);
  if (held.has_value() && held->peer()->name == name) {
    const Identified* const known = identities->Find(held->serial());
    if (known != nullptr && known->revoked) {
      SPDLOG_WARN(
          "the certificate in {} lets nobody in: it was revoked, or '{}' is disabled, which "
          "another admin changes with `handoff user enable {}`. To have another certificate made, "
          "remove that directory and start the coordinator again, or wait an hour",
          directory, name, name);
      return absl::OkStatus();
    }
    if (known != nullptr && HasHalfOfItsLife(*held, now)) {
      return WriteSet(directory, issuer, held->ToPem());
    }
  }
  const std::string serial = NewSerial();
  RETURN_IF_ERROR(EnsureAdmin(name, engine));
  const auto credential = Admit(name, serial, engine);
  if (absl::IsNotFound(credential.status())) {
    SPDLOG_WARN(
        "'{}' is disabled in the pool, so {} lets nobody in. `handoff user enable {}` as another "
        "admin changes that",
        name, directory, name);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(credential.status());
  ASSIGN_OR_RETURN(const std::string pem, issuer.IssueTo(key.public_key(), PeerKind::kUser, name,
                                                         serial, credential->not_after));
  return WriteSet(directory, issuer, pem);
}

absl::StatusOr<Secret> MakeLoginLine(const std::string& name, absl::Duration ttl,
                                     const Issuer& issuer, Engine& engine) {
  ASSIGN_OR_RETURN(const Ticket ticket, issuer.MakeTicket(TicketKind::kUser, ttl));
  core::CreateTokens create;
  create.caller = Coordinator();
  create.purpose = core::TokenPurpose::kLogin;
  create.user = name;
  create.ttl = ttl;
  create.secrets = {{ticket.token_id, HashSecret(ticket.secret)}};
  RETURN_IF_ERROR(Ask(engine, std::move(create)).status());
  return EncodeTicket(ticket);
}

std::string LocalAdminName() {
  const passwd* entry = ::getpwuid(::geteuid());
  std::string name = entry == nullptr ? "" : absl::AsciiStrToLower(entry->pw_name);
  return core::CheckUserName(name).ok() ? name : absl::StrCat("uid-", ::geteuid());
}

OwnFiles::OwnFiles(Options options, const Issuer& issuer, Engine& engine, const Clock& clock)
    : options_(std::move(options)),
      issuer_(issuer),
      engine_(engine),
      clock_(clock),
      thread_([this] { Run(); }) {}

OwnFiles::~OwnFiles() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.NotifyOne();
  }
  thread_.join();
}

absl::Status OwnFiles::Refresh() {
  const absl::Time now = clock_.Now();
  RETURN_IF_ERROR(
      Annotate(RefreshServerFiles(options_.server_directory, issuer_, options_.hosts, now),
               "the coordinator's own certificate"));
  return Annotate(
      RefreshLocalAdmin(options_.admin_directory, options_.admin, issuer_, engine_, now),
      "the certificate of the admin on this host");
}

void OwnFiles::Run() {
  while (true) {
    const BootTime next = clock_.Boot() + kEvery;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && clock_.Boot() < next) stop_.WaitFor(mutex_, next - clock_.Boot());
      if (stopping_) return;
    }
    if (const absl::Status done = Refresh(); !done.ok()) {
      SPDLOG_ERROR("{}; it is tried again in an hour", std::string(done.message()));
    }
  }
}

}  // namespace handoff
