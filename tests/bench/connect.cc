#include "tests/bench/connect.h"

#include <cstdio>
#include <cstdlib>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/identity/certificate.h"
#include "common/identity/names.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"

namespace handoff {
namespace {

const Clock& TheClock() {
  static const auto* const clock = new RealClock;
  return *clock;
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "connecting: %s\n", result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}

void Must(const grpc::Status& status) {
  if (!status.ok()) Must<int>(FromGrpc(status));
}

CredentialSet Redeem(const std::string& address, const Ticket& ticket, const std::string& uuid,
                     const std::string& device) {
  const Secret first = Must(ticket.key.ToPem());
  const auto identity = v1::Identity::NewStub(ConnectWith(
      address,
      {ticket.authority.ToPem(), ticket.certificate.ToPem(), std::string(first.Reveal())}));
  const PrivateKey key = Must(PrivateKey::Generate());
  v1::RedeemRequest request;
  request.set_token_id(ticket.token_id);
  request.set_secret(std::string(ticket.secret.Reveal()));
  request.set_signing_request(Must(MakeSigningRequest(key)));
  request.set_worker_uuid(uuid);
  request.set_device(device);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::IssuedCertificate issued;
  Must(identity->Redeem(&context, request, &issued));
  const Secret pem = Must(key.ToPem());
  return {ticket.authority.ToPem(), issued.certificate(), std::string(pem.Reveal())};
}

Ticket MakeTicket(v1::Identity::Stub& admin, const v1::CreateTokensRequest& request,
                  TicketKind kind) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CreateTokensResponse response;
  Must(admin.CreateTokens(&context, request, &response));
  return Must(DecodeTicket(response.lines(0), kind, absl::Now()));
}

}  // namespace

std::shared_ptr<grpc::Channel> ConnectWith(const std::string& address, const CredentialSet& set) {
  const Certificate authority = Must(Certificate::FromPem(set.authority));
  const auto credentials = Must(Credentials::FromPem(set, CredentialUse::kClient, TheClock()));
  return MakeChannel(address, *credentials, PoolDnsName(authority.pool_id()));
}

std::shared_ptr<grpc::Channel> ConnectAsAdmin(const std::string& address,
                                              const std::string& coordinator) {
  const CredentialFiles files = CredentialFiles::In(coordinator + "/identity/local");
  return ConnectWith(address, {Must(ReadFile(files.authority)), Must(ReadFile(files.certificate)),
                               Must(ReadFile(files.key))});
}

CredentialSet JoinAsWorker(const std::string& address, v1::Identity::Stub& admin,
                           const std::string& uuid, const std::string& name) {
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::WORKER);
  request.set_shared(true);
  return Redeem(address, MakeTicket(admin, request, TicketKind::kWorker), uuid, name);
}

CredentialSet LoginAsMember(const std::string& address, v1::Identity::Stub& admin,
                            const std::string& user) {
  v1::AddUserRequest add;
  add.set_name(user);
  add.set_role(v1::User::MEMBER);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::User added;
  Must(admin.AddUser(&context, add, &added));
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::LOGIN);
  request.set_user(user);
  return Redeem(address, MakeTicket(admin, request, TicketKind::kUser), "", "bench");
}

}  // namespace handoff
