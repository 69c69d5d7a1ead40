// Cursor's `stream-json`: one JSON object a line. Documented types become events; control frames
// are signs of life; whatever else comes is counted as Unknown and never guessed at.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "worker/agent/json_stream.h"

namespace handoff {

class CursorStream final : public JsonStream {
 private:
  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) override;
  void OnSystem(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnAssistant(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolCall(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolDone(const std::string& id, const ToolCall& call, const nlohmann::json& body,
                  const nlohmann::json& tool, std::vector<AgentEvent>* out);
  void OnLegacyTool(const nlohmann::json& event, bool done, std::vector<AgentEvent>* out);
  void OnResult(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void Flush(std::vector<AgentEvent>* out);

  bool turned_ = false;   // the model said or did something in this run
  bool partial_ = false;  // --stream-partial-output: whole texts are repeats
  std::string part_;      // text so far, in partial mode
  ToolCalls calls_;
};

}  // namespace handoff
