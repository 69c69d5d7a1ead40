// handoff login | logout

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/connection.h"
#include "cli/give_lines.h"
#include "cli/local_login.h"
#include "cli/secret_line.h"
#include "cli/settings.h"
#include "cli/text/json.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/identity/signing_request.h"
#include "common/identity/verify.h"
#include "common/peer_name.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr absl::Duration kReachWithin = absl::Seconds(5);

struct LoginFlags {
  bool link = false;
  std::string device, user, ttl, socket;
};

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "unknown";
  return OneLine(name, kMaxDeviceName);
}

// A line for a machine on which they are not logged in yet.
VerbResult Link(const LoginFlags& flags, Context& context) {
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::LOGIN);
  RETURN_IF_ERROR(SetTtl(flags.ttl, request));
  RETURN_IF_ERROR(context.Connect().status());
  request.set_user(flags.user.empty() ? context.User() : flags.user);
  return GiveLines(request,
                   {absl::StrCat(flags.user.empty() ? "On your other machine" : "On their machine",
                                 ": handoff login, then paste this line"),
                    ""},
                   context);
}

// The connection that the line allows: to redeem it, and for nothing else.
absl::StatusOr<PoolAccess> AccessOf(const Secret& line, const Context& context) {
  ASSIGN_OR_RETURN(const std::string asked,
                   AskedCoordinator(context.coordinator, context.environment));
  auto ticket = DecodeTicket(line.Reveal(), TicketKind::kUser, absl::Now());
  if (absl::IsDeadlineExceeded(ticket.status())) {
    return absl::UnauthenticatedError(ticket.status().message());
  }
  RETURN_IF_ERROR(ticket.status());
  std::vector<std::string> addresses = ticket->addresses;
  if (!asked.empty()) {
    addresses.erase(std::remove(addresses.begin(), addresses.end(), asked), addresses.end());
    addresses.insert(addresses.begin(), asked);
  }
  return PoolAccess{std::move(addresses), std::nullopt, *std::move(ticket)};
}

absl::Status CheckIssued(const v1::IssuedCertificate& issued, const PoolAccess& access,
                         const PrivateKey& key) {
  ASSIGN_OR_RETURN(const Certificate certificate, Certificate::FromPem(issued.certificate()));
  RETURN_IF_ERROR(VerifyCertificate(certificate, access.ticket->authority, absl::Now(),
                                    CertificateUse::kClient));
  if (certificate.peer()->kind == PeerKind::kUser && certificate.public_key() == key.public_key()) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      absl::StrCat("the coordinator's answer is ", certificate.Describe(),
                   ", and not a certificate for the key that was made here. Nothing was kept"));
}

absl::StatusOr<v1::IssuedCertificate> Redeem(const PoolAccess& access, const std::string& device,
                                             const PrivateKey& key, Client& client) {
  v1::RedeemRequest request;
  request.set_token_id(access.ticket->token_id);
  request.set_secret(std::string(access.ticket->secret.Reveal()));
  ASSIGN_OR_RETURN(*request.mutable_signing_request(), MakeSigningRequest(key));
  request.set_device(device);
  auto issued = client.Redeem(request);
  // Also when the answer alone was lost.
  if (absl::IsUnavailable(issued.status())) {
    return absl::UnavailableError(
        absl::StrCat(issued.status().message(),
                     ". You are not logged in. Paste the line once more; ask for another one "
                     "if it counts as used by then"));
  }
  RETURN_IF_ERROR(issued.status());
  RETURN_IF_ERROR(CheckIssued(*issued, access, key));
  return issued;
}

// What would have the next command speak to another pool all the same.
void WarnOfOthers(const Places& places, const std::string& pool_id, Context& context) {
  for (const char* name : {"HANDOFF_TOKEN", "HANDOFF_CREDENTIALS"}) {
    if (FromEnvironment(context.environment, name).empty()) continue;
    context.terminal.Say(
        absl::StrCat("handoff: ", name, " is set in this shell and goes first: unset ", name));
  }
  const auto config = ReadConfig(places.config_file);
  if (config.ok() && !config->pool.empty() && config->pool != pool_id) {
    context.terminal.Say(absl::StrCat("handoff: ", places.config_file, " names pool ",
                                      OneLine(config->pool, 60), ", which goes first"));
  }
}

// The pool of this machine's coordinator, by the account that they have here.
VerbResult LoginHere(const LoginFlags& flags, Context& context) {
  const Places places = PlacesFrom(context.environment);
  ASSIGN_OR_RETURN(const LocalLogin login, LogInHere(flags.socket, places.pools));
  const StoredCredential& credential = login.credential;
  RETURN_IF_ERROR(
      WriteFileAtomically(places.current_pool, absl::StrCat(credential.pool_id(), "\n")));
  if (context.json) {
    v1::IssuedCertificate issued;
    issued.set_pool_id(credential.pool_id());
    issued.set_subject(credential.user());
    context.terminal.Out(ToJsonLine(issued));
    return Exit::kDone;
  }
  context.terminal.Say(
      absl::StrCat("You are ", credential.user(), " in pool ", credential.pool_id(),
                   " by your account here (uid ", ::geteuid(), "), until ",
                   absl::FormatTime("%Y-%m-%d %H:%M", credential.certificate.not_after(),
                                    context.terminal.ErrView().zone),
                   "; using it renews it by itself.\nThe coordinator there runs as uid ",
                   login.coordinator_uid, ".\nNext: handoff doctor"));
  WarnOfOthers(places, credential.pool_id(), context);
  return Exit::kDone;
}

VerbResult Login(const LoginFlags& flags, Context& context) {
  const std::string device = flags.device.empty() ? HostName() : flags.device;
  if (device.size() > kMaxDeviceName) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device is longer than ", kMaxDeviceName, " bytes"));
  }
  ASSIGN_OR_RETURN(const Secret line,
                   ReadSecretLine("Paste the line and press Enter (it is not shown): ",
                                  context.terminal, context.interrupt));
  ASSIGN_OR_RETURN(const PoolAccess access, AccessOf(line, context));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ConnectTo(access));
  ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::Generate());
  ASSIGN_OR_RETURN(const v1::IssuedCertificate issued, Redeem(access, device, key, *client));
  ASSIGN_OR_RETURN(Secret key_pem, key.ToPem());
  const Places places = PlacesFrom(context.environment);
  const std::string directory = absl::StrCat(places.pools, "/", access.pool_id());
  RETURN_IF_ERROR(
      WriteCredential(directory, {access.ticket->authority.ToPem(), issued.certificate(),
                                  std::move(key_pem), access.addresses, issued.subject()}));
  RETURN_IF_ERROR(WriteFileAtomically(places.current_pool, absl::StrCat(access.pool_id(), "\n")));
  if (context.json) {
    context.terminal.Out(ToJsonLine(issued));
    return Exit::kDone;
  }
  ASSIGN_OR_RETURN(const StoredCredential stored, ReadCredential(directory));
  const View view = context.terminal.ErrView();
  context.terminal.Say(
      absl::StrCat("You are ", issued.subject(), " in pool ", access.pool_id(),
                   " from this machine (", OneLine(device, kMaxDeviceName), "), until ",
                   absl::FormatTime("%Y-%m-%d", stored.certificate.not_after(), view.zone),
                   "; using it renews it by itself.\nNext: handoff doctor\n"
                   "  handoff login --link     for another machine of yours"));
  WarnOfOthers(places, access.pool_id(), context);
  return Exit::kDone;
}

// Whether the pool knows that it is not to be accepted any more.
absl::Status TakeBack(const StoredCredential& credential, const std::string& asked) {
  RETURN_IF_ERROR(CheckUsable(credential, absl::Now()));
  PoolAccess access{credential.addresses, credential, std::nullopt};
  if (!asked.empty()) access.addresses = {asked};
  if (access.addresses.empty())
    return absl::NotFoundError("no address of the coordinator is known");
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ConnectTo(access));
  // Whoever leaves does not wait for one that is away.
  if (!client->Connects(kReachWithin)) return client->GetPool().status();
  v1::RevokeRequest request;
  request.set_serial(credential.certificate.serial());
  request.set_reason("logged out");
  return client->Revoke(request).status();
}

void ForgetCurrent(const std::string& path, const std::string& pool_id) {
  const auto current = ReadFile(path, 1 << 10);
  if (current.ok() && absl::StripAsciiWhitespace(*current) == pool_id) ::unlink(path.c_str());
}

VerbResult Logout(Context& context) {
  ASSIGN_OR_RETURN(const std::string asked,
                   AskedCoordinator(context.coordinator, context.environment));
  ASSIGN_OR_RETURN(const StoredCredential credential, FindLogin(context.Question()));
  const absl::Status taken_back = TakeBack(credential, asked);
  RETURN_IF_ERROR(RemoveTree(credential.directory));
  ForgetCurrent(PlacesFrom(context.environment).current_pool, credential.pool_id());
  if (context.json) {
    v1::RevokeRequest request;
    request.set_serial(credential.certificate.serial());
    context.terminal.Out(ToJsonLine(request));
  }
  if (taken_back.ok()) {
    if (!context.json) {
      context.terminal.Say(absl::StrCat("You are not logged in to pool ", credential.pool_id(),
                                        " any more; the credential was removed and revoked"));
    }
    return Exit::kDone;
  }
  context.terminal.Say(absl::StrCat(
      "handoff: the credential was removed from this machine, but not revoked (",
      OneLine(taken_back.message(), 400), "). Whoever has a copy can use it until ",
      absl::FormatTime("%Y-%m-%d", credential.certificate.not_after(),
                       context.terminal.ErrView().zone),
      ": 'handoff user revoke ", credential.user(), " --device NAME' where you are logged in"));
  return Exit::kDone;
}

}  // namespace

VerbRun DefineLogin(CLI::App& app) {
  const auto flags = std::make_shared<LoginFlags>();
  app.add_flag("--link", flags->link,
               "Print a line for another machine of yours, where you are logged in");
  app.add_option("--device", flags->device,
                 "What this machine is called; its host name unless given")
      ->type_name("NAME")
      ->excludes("--link");
  app.add_option("--user", flags->user, "With --link, by admins: whose other machine")
      ->type_name("USER")
      ->needs("--link");
  app.add_option("--ttl", flags->ttl, "With --link: how long it can be pasted; 15m unless given")
      ->type_name("TIME")
      ->needs("--link");
  app.add_option("--socket", flags->socket,
                 "On the coordinator's host: log in by your account there, without a line")
      ->type_name("PATH")
      ->excludes("--link")
      ->excludes("--device");
  return [flags](Context& context) {
    if (!flags->socket.empty()) return LoginHere(*flags, context);
    return flags->link ? Link(*flags, context) : Login(*flags, context);
  };
}

VerbRun DefineLogout(CLI::App&) { return Logout; }

}  // namespace handoff
