// Calls of every method of the protocol, by its name alone.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "coordinator/core/access.h"

namespace handoff {

using Channel = std::shared_ptr<grpc::Channel>;

// The status of a call of any method with an empty message. Watch would go on for ever: it is
// enough that it begins.
absl::Status CallEmpty(const Channel& channel, const std::string& path);
// "" for what is only a part of another call.
std::string PathOf(core::Method method);
// Whether the door turned it away, whatever became of the call behind it.
bool TurnedAway(const absl::Status& status);

}  // namespace handoff
