// Connections to the pool that is measured: as the admin that its coordinator made at its first
// start, as workers that join, and as members who log in. Ends the program when that fails.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "common/rpc/certificate.h"
#include "handoff/v1/identity.grpc.pb.h"

namespace handoff {

// `coordinator` is the data directory of the one at `address`.
std::shared_ptr<grpc::Channel> ConnectAsAdmin(const std::string& address,
                                              const std::string& coordinator);
// With a line that `admin` makes.
CredentialSet JoinAsWorker(const std::string& address, v1::Identity::Stub& admin,
                           const std::string& uuid, const std::string& name);
CredentialSet LoginAsMember(const std::string& address, v1::Identity::Stub& admin,
                            const std::string& user);
// A connection of its own.
std::shared_ptr<grpc::Channel> ConnectWith(const std::string& address, const CredentialSet& set);
inline std::shared_ptr<grpc::Channel> ConnectAsWorker(const std::string& address,
                                                      v1::Identity::Stub& admin,
                                                      const std::string& uuid,
                                                      const std::string& name) {
  return ConnectWith(address, JoinAsWorker(address, admin, uuid, name));
}

}  // namespace handoff
