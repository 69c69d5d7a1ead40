// Gemini CLI's `stream-json`. What the model says comes in pieces, which are put together. An error
// is no end by itself, but a result after one is only good when the model went on. Unknown events
// are counted, never guessed at.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class GeminiStream final : public JsonStream {
 private:
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  void OnMessage(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolUse(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolResult(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnResult(const nlohmann::json& event, std::vector<AgentEvent>* out);
  // What was said so far, as one text.
  void Flush(std::vector<AgentEvent>* out);

  std::string part_;          // of what the model says now
  std::string last_message_;  // the text before the end
  std::string stopped_;       // an error since which the model said and did nothing
  ToolCalls calls_;
};

}  // namespace handoff
