// The events of `copilot --output-format json`: names with dots, their fields in `data`. Only the
// last line, which has no dot, names the session. It says that all went well also when the run was
// interrupted, so that one is not believed.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class CopilotStream final : public JsonStream {
 private:
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  void OnMessage(const nlohmann::json& data, std::vector<AgentEvent>* out);
  void OnToolStart(const nlohmann::json& data, std::vector<AgentEvent>* out);
  void OnToolComplete(const nlohmann::json& data, std::vector<AgentEvent>* out);
  static void OnRetry(const nlohmann::json& data, std::vector<AgentEvent>* out);
  void OnError(const nlohmann::json& data, std::vector<AgentEvent>* out);
  void OnResult(const nlohmann::json& event, std::vector<AgentEvent>* out);

  bool begun_ = false;         // it told of its session
  bool turned_ = false;        // the model said or did something in this run
  bool interrupted_ = false;   // by a signal
  AgentEvent::Result failed_;  // what an error makes of the result, until the model goes on
  std::string last_message_;
  ToolCalls calls_;
};

}  // namespace handoff
