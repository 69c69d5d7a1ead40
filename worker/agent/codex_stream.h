// The events of `codex exec --json`. An item is a message, a tool's call or a list of things to do;
// it starts, may be updated, and completes. An error is not the end: only a turn that completes or
// fails is. Unknown events are counted, never guessed at.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class CodexStream final : public JsonStream {
 private:
  enum class Stage { kStarted, kUpdated, kCompleted };
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  void OnItem(const nlohmann::json& item, Stage stage, std::vector<AgentEvent>* out);
  void OnTool(const nlohmann::json& item, Stage stage, const ToolCall& call,
              std::vector<AgentEvent>* out);
  void OnChange(const nlohmann::json& item, Stage stage, std::vector<AgentEvent>* out);
  void OnCompleted(const nlohmann::json& event, std::vector<AgentEvent>* out);

  std::string last_message_;
};

}  // namespace handoff
