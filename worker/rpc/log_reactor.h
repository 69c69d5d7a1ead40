// The worker's end of one AppendLog stream.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "worker/identity.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff::worker {

std::unique_ptr<LogStream> OpenLogStream(const std::shared_ptr<grpc::Channel>& channel,
                                         const Identity& worker, const AttemptKey& key,
                                         LogKind kind, uint64_t epoch, std::function<void()> wake);

}  // namespace handoff::worker
