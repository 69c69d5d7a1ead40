// Cursor's `stream-json`: one JSON object a line. Documented types become events; control frames
// are signs of life; whatever else comes is counted as Unknown and never guessed at.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "worker/agent/agent.h"

namespace handoff {

class CursorStream final : public StreamParser {
 public:
  std::vector<AgentEvent> ParseLine(absl::string_view line) override;

 private:
  struct Call {
    std::string name, command, path;
    int64_t started_ms = 0;
  };

  void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnSystem(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnAssistant(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolCall(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void OnToolDone(const std::string& id, const Call& call, const nlohmann::json& body,
                  const nlohmann::json& tool, std::vector<AgentEvent>* out);
  void OnLegacyTool(const nlohmann::json& event, bool done, std::vector<AgentEvent>* out);
  void OnResult(const nlohmann::json& event, std::vector<AgentEvent>* out);
  void Flush(std::vector<AgentEvent>* out);

  bool turned_ = false;                // the model said or did something in this run
  bool partial_ = false;               // --stream-partial-output: whole texts are repeats
  std::string part_;                   // text so far, in partial mode
  std::map<std::string, Call> calls_;  // in flight
};

}  // namespace handoff
