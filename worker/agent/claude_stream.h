// Claude Code's `stream-json`. One assistant or user event carries one or more parts of a message:
// text, thinking, a tool's call, a tool's result. Unknown events are counted, never guessed at.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class ClaudeStream final : public JsonStream {
 private:
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  void OnSystem(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnRateLimit(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnAssistant(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnUser(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolResult(const nlohmann::json& part, std::vector<AgentEvent>* out);
  void OnResult(const nlohmann::json& event, std::vector<AgentEvent>* out);
  AgentEvent Failed(const nlohmann::json& event, std::string message) const;
  AgentEvent::Usage UsageOf(const nlohmann::json& event);

  bool turned_ = false;  // the model said or did something in this run
  ToolCalls calls_;
  std::set<std::string> refused_;            // calls that no permission covered
  std::string error_;                        // the code that the last failed request was given
  absl::Time reset_ = absl::InfinitePast();  // of the limit that refused a request
  AgentEvent::Usage told_;                   // so far, by results that count from the start
};

}  // namespace handoff
