// A client's connection. Keepalive matches what common/rpc/server.h allows.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/rpc/credentials.h"

namespace handoff {

inline constexpr absl::Duration kUnaryDeadline = absl::Seconds(30);

// `address` as ParseAddress takes it; calls on a channel to any other text fail with UNAVAILABLE.
// Connects at the first call, and again after at most 5 s whenever the connection is lost. No
// proxy of the environment is used. Thread-safe; never shared with another process.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);
// The same over TLS. `name` is what the server's certificate must name, whatever the address is:
// through `ssh -L` it is another one.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const Credentials& credentials, const std::string& name);

// Every unary call has a deadline; streams have none, keepalive ends them.
void SetDeadline(grpc::ClientContext& context, absl::Duration from_now = kUnaryDeadline);

}  // namespace handoff
