// From who we are to a connection.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/pools.h"
#include "common/ssh_tunnel.h"

namespace handoff {

// Nothing is sent yet where there is one address; of several the first that answers is taken. By
// ssh a person may be asked for a password, unless `use` says that nobody is there.
absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const PoolAccess& access,
                                                  SshUse use = SshUse::kPerson);

// "host:1, host:2".
std::string AddressWords(const PoolAccess& access);

}  // namespace handoff
