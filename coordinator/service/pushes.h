// Pushes between the wire and the core.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "coordinator/core/pool_commands.h"
#include "handoff/v1/pool.pb.h"

namespace handoff {

// Whether the owner wants pushes, by a stored spec.
bool AsksForPush(const std::string& spec);
// Whether the answer to the report of this attempt is to ask for a push: the owner wants it, and
// the core lets this one.
bool AsksForPush(const core::Report::Reply& reply, int number);

absl::Status Validate(const v1::SavePushRequest& request);
core::SavePush ToCore(const v1::SavePushRequest& request);

}  // namespace handoff
