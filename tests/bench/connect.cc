#include "tests/bench/connect.h"

#include <cstdio>
#include <cstdlib>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/identity/certificate.h"
#include "common/identity/names.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "worker/rpc/grpc_identity_client.h"

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

std::shared_ptr<grpc::Channel> Connect(const std::string& address, const CredentialSet& set) {
  const Certificate authority = Must(Certificate::FromPem(set.authority));
  const auto credentials = Must(Credentials::FromPem(set, CredentialUse::kClient, TheClock()));
  return MakeChannel(address, *credentials, PoolDnsName(authority.pool_id()));
}

}  // namespace

std::shared_ptr<grpc::Channel> ConnectAsAdmin(const std::string& address,
                                              const std::string& coordinator) {
  const CredentialFiles files = CredentialFiles::In(coordinator + "/identity/local");
  return Connect(address, {Must(ReadFile(files.authority)), Must(ReadFile(files.certificate)),
                           Must(ReadFile(files.key))});
}

std::shared_ptr<grpc::Channel> ConnectAsWorker(const std::string& address,
                                               v1::Identity::Stub& admin, const std::string& uuid,
                                               const std::string& name) {
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::WORKER);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CreateTokensResponse response;
  const absl::Status made = FromGrpc(admin.CreateTokens(&context, request, &response));
  if (!made.ok()) Must<int>(made);
  const Ticket ticket = Must(DecodeTicket(response.lines(0), TicketKind::kWorker, absl::Now()));
  const worker::ShownIdentity shown{ticket.authority.pool_id(), ticket.authority.ToPem(),
                                    ticket.certificate.ToPem(), Must(ticket.key.ToPem())};
  const PrivateKey key = Must(PrivateKey::Generate());
  worker::GrpcIdentityClient client(TheClock());
  const worker::IssuedPair issued = Must(client.Redeem(
      address, shown,
      {ticket.token_id, ticket.secret.Reveal(), Must(MakeSigningRequest(key)), uuid, name}));
  const Secret pem = Must(key.ToPem());
  return Connect(address, {shown.authority, issued.certificate, std::string(pem.Reveal())});
}

}  // namespace handoff
