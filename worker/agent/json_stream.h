// What the JSON streams of all agents have in common: one object a line, tool calls that begin and
// end in separate lines, lists of things to do.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "worker/agent/agent_event.h"

namespace handoff {

inline constexpr size_t kMessageBytes = 4096;
inline constexpr size_t kCommandBytes = 1024;
inline constexpr size_t kNameBytes = 80;

// Takes the lines; what is an object goes to Dispatch, everything else is told as unknown.
class JsonStream : public StreamParser {
 public:
  std::vector<AgentEvent> ParseLine(absl::string_view line) final;

 private:
  virtual void Dispatch(const nlohmann::json& event, std::vector<AgentEvent>* out) = 0;
};

struct ToolCall {
  std::string name, command, path;
  int64_t started_ms = 0;
};

// The calls in flight.
class ToolCalls {
 public:
  void Begin(const std::string& id, const ToolCall& call);
  // The call as its end tells it, with what only its begin told. It is in flight no more.
  ToolCall End(const std::string& id, ToolCall told);

 private:
  std::map<std::string, ToolCall> calls_;
};

const nlohmann::json& NoJson();  // null
// The member, or null.
const nlohmann::json& At(const nlohmann::json& object, const char* key);
// Ids are kept while their calls are in flight, and nothing says how long one is.
std::string ShortId(std::string id);
// "system/novelty", or "no type" when `type` is empty; without `subtype` only the type.
AgentEvent UnknownEvent(absl::string_view type, absl::string_view subtype = "");
uint64_t CountMember(const nlohmann::json& object, const char* key);
std::string PathOf(const nlohmann::json& arguments);
// "3 of 5 done: write the tests"; empty when `todos` is no list of them.
std::string TodoText(const nlohmann::json& todos);

}  // namespace handoff
