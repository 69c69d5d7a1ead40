// The events of `opencode run --format json`. A tool's call is told once, when it is over; the work
// is in steps, one answer of the model each, and the step after which it calls no tool is the last.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class OpencodeStream final : public JsonStream {
 private:
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  void OnTool(const nlohmann::json& part, std::vector<AgentEvent>* out) const;
  void OnStepFinish(const nlohmann::json& part, std::vector<AgentEvent>* out) const;

  std::string session_;
  std::string last_message_;
};

}  // namespace handoff
