// The events of `opencode run --format json`. A tool's call is told once, when it is over; the work
// is in steps, one answer of the model each. The step that calls no tool is taken for the last,
// until another one begins: it may have been the summary of a conversation that got too long.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class OpencodeStream final : public JsonStream {
 private:
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  static void OnError(const nlohmann::json& error, std::vector<AgentEvent>* out);
  void OnTool(const nlohmann::json& part, std::vector<AgentEvent>* out);
  void OnStepFinish(const nlohmann::json& part, std::vector<AgentEvent>* out) const;

  std::string session_;
  std::string last_message_;
  std::string tool_message_;  // that called a tool last
};

}  // namespace handoff
