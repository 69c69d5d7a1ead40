// Connections to the pool that is measured: as the admin that its coordinator made at its first
// start, and as workers that join. Ends the program when that fails.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "handoff/v1/identity.grpc.pb.h"

namespace handoff {

// `coordinator` is the data directory of the one at `address`.
std::shared_ptr<grpc::Channel> ConnectAsAdmin(const std::string& address,
                                              const std::string& coordinator);
// Joins first, with a line that `admin` makes. A connection of its own.
std::shared_ptr<grpc::Channel> ConnectAsWorker(const std::string& address,
                                               v1::Identity::Stub& admin, const std::string& uuid,
                                               const std::string& name);

}  // namespace handoff
