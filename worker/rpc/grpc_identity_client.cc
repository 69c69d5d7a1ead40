#include "worker/rpc/grpc_identity_client.h"

#include <grpcpp/client_context.h>

#include <memory>
#include <utility>

#include "common/identity/names.h"
#include "common/rpc/channel.h"
#include "common/status.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "worker/rpc/call_status.h"

namespace handoff::worker {
namespace {

// Long enough for a coordinator that is busy; a line has several addresses to try.
constexpr absl::Duration kDeadline = absl::Seconds(15);

absl::StatusOr<std::unique_ptr<v1::Identity::Stub>> Connect(const std::string& address,
                                                            const ShownIdentity& shown,
                                                            const Clock& clock) {
  const CredentialSet set{shown.authority, shown.certificate, std::string(shown.key.Reveal())};
  ASSIGN_OR_RETURN(const auto credentials,
                   Credentials::FromPem(set, CredentialUse::kClient, clock));
  return v1::Identity::NewStub(MakeChannel(address, *credentials, PoolDnsName(shown.pool_id)));
}

absl::StatusOr<IssuedPair> Taken(const grpc::Status& status,
                                 const v1::IssuedCertificate& response) {
  if (!status.ok()) return FromCall(status);
  return IssuedPair{response.certificate(),
                    response.renewal_certificate(),
                    response.pool_id(),
                    response.subject(),
                    {response.labels().begin(), response.labels().end()}};
}

}  // namespace

absl::StatusOr<IssuedPair> GrpcIdentityClient::Redeem(const std::string& address,
                                                      const ShownIdentity& shown,
                                                      const Redemption& redemption) {
  std::unique_ptr<SshTunnel> tunnel;  // as long as the call
  if (IsSshAddress(address)) {
    ASSIGN_OR_RETURN(tunnel, SshTunnel::Open(address, SshUse::kPerson));
  }
  ASSIGN_OR_RETURN(const auto stub,
                   Connect(tunnel == nullptr ? address : tunnel->local_address(), shown, clock_));
  v1::RedeemRequest request;
  request.set_token_id(redemption.token_id);
  request.set_secret(redemption.secret.data(), redemption.secret.size());
  request.set_signing_request(redemption.signing_request);
  request.set_worker_uuid(redemption.worker_uuid);
  request.set_device(redemption.name);
  grpc::ClientContext context;
  SetDeadline(context, kDeadline);
  v1::IssuedCertificate response;
  const grpc::Status status = stub->Redeem(&context, request, &response);
  return Taken(status, response);
}

absl::StatusOr<IssuedPair> GrpcIdentityClient::Renew(const std::string& address,
                                                     const ShownIdentity& shown,
                                                     const std::string& signing_request,
                                                     std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::string local, tunnels_.Resolve(address));
  ASSIGN_OR_RETURN(const auto stub, Connect(local, shown, clock_));
  v1::RenewRequest request;
  request.set_signing_request(signing_request);
  grpc::ClientContext context;
  SetDeadline(context, kDeadline);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::IssuedCertificate response;
  const grpc::Status status = stub->Renew(&context, request, &response);
  return Taken(status, response);
}

}  // namespace handoff::worker
