// Qwen Code's `stream-json`. It has the frames of Claude Code's, but its own fields for errors,
// retries, exit statuses and usage. Unknown events are counted, never guessed at.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class QwenStream final : public JsonStream {
 private:
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  void OnSystem(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnAssistant(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnUser(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolResult(const nlohmann::json& part, std::vector<AgentEvent>* out);
  void OnResult(const nlohmann::json& event, std::vector<AgentEvent>* out);

  bool turned_ = false;  // the model said or did something in this run
  ToolCalls calls_;
};

}  // namespace handoff
