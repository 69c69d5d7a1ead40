// Parts of a message as Anthropic's API has them and the CLIs that took over its stream.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "worker/agent/agent_event.h"
#include "worker/agent/json_stream.h"

namespace handoff {

// Of a content that is a text, or parts of which some are.
std::string TextOf(const nlohmann::json& content);

// One part of what the model said. `main`: not of an agent that it called.
void ReadMessagePart(const nlohmann::json& part, bool main, ToolCalls& calls,
                     std::vector<AgentEvent>* out);

}  // namespace handoff
