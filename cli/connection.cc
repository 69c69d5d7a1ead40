#include "cli/connection.h"

#include <cstdlib>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/clock.h"
#include "common/identity/names.h"
#include "common/identity/private_file.h"
#include "common/rpc/certificate.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/grpc_log.h"
#include "common/status.h"

namespace handoff {
namespace {

// Of one address, when there are others to be tried.
constexpr absl::Duration kEach = absl::Seconds(4);
constexpr size_t kMostKeyBytes = 16 << 10;

const Clock& TheClock() {
  static const RealClock clock;
  return clock;
}

// In memory: a command ends before a certificate does that is looked at now.
absl::StatusOr<std::shared_ptr<Credentials>> CredentialsOf(const PoolAccess& access) {
  if (access.stored.has_value()) {
    const std::string path = CredentialFiles::In(access.stored->directory).key;
    ASSIGN_OR_RETURN(const Secret key, ReadPrivateFile(path, kMostKeyBytes));
    const StoredCredential& stored = *access.stored;
    return Credentials::FromPem(
        {stored.authority.ToPem(), stored.certificate.ToPem(), std::string(key.Reveal())},
        CredentialUse::kClient, TheClock());
  }
  const Ticket& ticket = *access.ticket;
  ASSIGN_OR_RETURN(const Secret key, ticket.key.ToPem());
  return Credentials::FromPem(
      {ticket.authority.ToPem(), ticket.certificate.ToPem(), std::string(key.Reveal())},
      CredentialUse::kClient, TheClock());
}

// What a connection needs as long as it is there.
struct Kept {
  std::shared_ptr<Credentials> credentials;
  std::unique_ptr<SshTunnel> tunnel;
};

absl::StatusOr<std::unique_ptr<Client>> ConnectAt(const std::string& address,
                                                  const std::string& name,
                                                  const std::shared_ptr<Credentials>& credentials,
                                                  SshUse use) {
  auto kept = std::make_shared<Kept>();
  kept->credentials = credentials;
  std::string to = address;
  if (IsSshAddress(address)) {
    ASSIGN_OR_RETURN(kept->tunnel, SshTunnel::Open(address, use));
    to = kept->tunnel->local_address();
  }
  return std::make_unique<Client>(address, MakeChannel(to, *credentials, name), kept);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const PoolAccess& access, SshUse use) {
  // Its own line about a handshake that failed is of no use to a person; ours says what it means.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) TakeGrpcLog();
  ASSIGN_OR_RETURN(const std::shared_ptr<Credentials> credentials, CredentialsOf(access));
  const std::string name = PoolDnsName(access.pool_id());
  absl::StatusOr<std::unique_ptr<Client>> first = absl::InternalError("no address");
  for (const std::string& address : access.addresses) {
    auto client = ConnectAt(address, name, credentials, use);
    if (access.addresses.size() == 1) return client;
    if (client.ok() && (*client)->Connects(kEach)) return client;
    // Its error is as good as any.
    if (&address == &access.addresses.front()) first = std::move(client);
  }
  return first;
}

std::string AddressWords(const PoolAccess& access) { return absl::StrJoin(access.addresses, ", "); }

}  // namespace handoff
