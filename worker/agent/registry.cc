#include "worker/agent/registry.h"

#include <algorithm>

#include "worker/agent/claude_agent.h"
#include "worker/agent/codex_agent.h"
#include "worker/agent/command_agent.h"
#include "worker/agent/copilot_agent.h"
#include "worker/agent/cursor_agent.h"
#include "worker/agent/gemini_agent.h"
#include "worker/agent/opencode_agent.h"
#include "worker/agent/qwen_agent.h"

namespace handoff {

const std::vector<const Agent*>& AllAgents() {
  // Never destroyed: threads that outlive main may still hold one.
  static const auto* const agents = new std::vector<const Agent*>{
      new CursorAgent,   new ClaudeAgent,  new CodexAgent, new GeminiAgent,
      new OpencodeAgent, new CopilotAgent, new QwenAgent,  new CommandAgent,
  };
  return *agents;
}

const Agent* FindAgent(absl::string_view name) {
  const auto& agents = AllAgents();
  const auto found = std::find_if(agents.begin(), agents.end(),
                                  [&](const Agent* agent) { return agent->name() == name; });
  return found == agents.end() ? nullptr : *found;
}

}  // namespace handoff
