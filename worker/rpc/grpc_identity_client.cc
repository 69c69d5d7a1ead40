#include "worker/rpc/grpc_identity_client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

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

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::string& address,
                                                       const ShownIdentity& shown,
                                                       const Clock& clock) {
  const CredentialSet set{shown.authority, shown.certificate, std::string(shown.key.Reveal())};
  ASSIGN_OR_RETURN(const auto credentials,
                   Credentials::FromPem(set, CredentialUse::kClient, clock));
  return MakeChannel(address, *credentials, PoolDnsName(shown.pool_id));
}

// Asks what every server of ours answers and what changes nothing, so that it is known whether
// somebody is there before something is done that can be done once. Any answer will do.
absl::Status Knock(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(context, kDeadline);
  grpc::CompletionQueue queue;
  const grpc::ByteBuffer nothing(nullptr, 0);
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", nothing, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  const bool nobody = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return nobody ? FromCall(status) : absl::OkStatus();
}

// Of a coordinator that was there a moment ago. What it refuses it did not do; of these nobody
// knows.
absl::Status MayBeDone(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::UNKNOWN:
      return absl::UnknownError(status.error_message());
    default:
      return FromCall(status);
  }
}

IssuedPair Taken(const v1::IssuedCertificate& response) {
  return IssuedPair{response.certificate(),
                    response.renewal_certificate(),
                    response.pool_id(),
                    response.subject(),
                    {response.labels().begin(), response.labels().end()},
                    response.owner(),
                    response.shared(),
                    {response.repos().begin(), response.repos().end()}};
}

}  // namespace

absl::StatusOr<IssuedPair> GrpcIdentityClient::Redeem(const std::string& address,
                                                      const ShownIdentity& shown,
                                                      const Redemption& redemption) {
  std::unique_ptr<SshTunnel> tunnel;  // as long as the call
  if (IsSshAddress(address)) {
    ASSIGN_OR_RETURN(tunnel, SshTunnel::Open(address, SshUse::kPerson));
  }
  ASSIGN_OR_RETURN(const auto channel,
                   Connect(tunnel == nullptr ? address : tunnel->local_address(), shown, clock_));
  RETURN_IF_ERROR(Knock(channel));
  v1::RedeemRequest request;
  request.set_token_id(redemption.token_id);
  request.set_secret(redemption.secret.data(), redemption.secret.size());
  request.set_signing_request(redemption.signing_request);
  request.set_worker_uuid(redemption.worker_uuid);
  request.set_device(redemption.name);
  grpc::ClientContext context;
  SetDeadline(context, kDeadline);
  v1::IssuedCertificate response;
  const grpc::Status status = v1::Identity::NewStub(channel)->Redeem(&context, request, &response);
  if (!status.ok()) return MayBeDone(status);
  return Taken(response);
}

absl::StatusOr<IssuedPair> GrpcIdentityClient::Renew(const std::string& address,
                                                     const ShownIdentity& shown,
                                                     const std::string& signing_request,
                                                     std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::string local, tunnels_.Resolve(address));
  ASSIGN_OR_RETURN(const auto channel, Connect(local, shown, clock_));
  v1::RenewRequest request;
  request.set_signing_request(signing_request);
  grpc::ClientContext context;
  SetDeadline(context, kDeadline);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::IssuedCertificate response;
  const grpc::Status status = v1::Identity::NewStub(channel)->Renew(&context, request, &response);
  if (!status.ok()) return FromCall(status);
  return Taken(response);
}

}  // namespace handoff::worker
