// The one list to edit for a new agent.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "worker/agent/agent.h"

namespace handoff {

// All adapters, in the order in which they are advertised. They live for ever.
const std::vector<const Agent*>& AllAgents();
// nullptr when there is none of that name.
const Agent* FindAgent(absl::string_view name);

}  // namespace handoff
