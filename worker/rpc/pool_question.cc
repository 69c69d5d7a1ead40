#include "worker/rpc/pool_question.h"

#include <grpcpp/client_context.h>

#include <memory>

#include "common/identity/names.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/proto_time.h"
#include "common/ssh_tunnel.h"
#include "common/status.h"
#include "handoff/v1/control.grpc.pb.h"
#include "worker/rpc/call_status.h"

namespace handoff::worker {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(15);

}  // namespace

absl::StatusOr<PoolAnswer> AskPool(const std::string& address, const std::string& pool_id,
                                   const std::string& directory, const Clock& clock) {
  ASSIGN_OR_RETURN(const auto credentials, Credentials::Load(CredentialFiles::In(directory),
                                                             CredentialUse::kClient, clock));
  std::unique_ptr<SshTunnel> tunnel;  // as long as the call
  if (IsSshAddress(address)) {
    ASSIGN_OR_RETURN(tunnel, SshTunnel::Open(address, SshUse::kPerson));
  }
  const auto channel = MakeChannel(tunnel == nullptr ? address : tunnel->local_address(),
                                   *credentials, PoolDnsName(pool_id));
  grpc::ClientContext context;
  SetDeadline(context, kDeadline);
  v1::PoolInfo pool;
  const grpc::Status status =
      v1::Control::NewStub(channel)->GetPool(&context, v1::GetPoolRequest(), &pool);
  if (!status.ok()) return FromCall(status);
  return PoolAnswer{pool.version(), handoff::FromProto(pool.now())};
}

}  // namespace handoff::worker
