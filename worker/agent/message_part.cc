#include "worker/agent/message_part.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "worker/agent/json_line.h"

namespace handoff {

using nlohmann::json;

std::string TextOf(const json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string out;
  if (!content.is_array()) return out;
  for (const json& part : content) absl::StrAppend(&out, StringMember(part, "text"));
  return out;
}

void ReadMessagePart(const json& part, bool main, ToolCalls& calls, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(part, "type");
  if (type == "text") {
    std::string text = StringMember(part, "text");
    if (main && !text.empty()) out->push_back({AgentEvent::Text{std::move(text)}});
  } else if (type == "tool_use") {
    const std::string id = ShortId(StringMember(part, "id"));
    const json& input = At(part, "input");
    const ToolCall call{Clip(StringMember(part, "name"), kNameBytes),
                        Clip(StringMember(input, "command"), kCommandBytes), PathOf(input), 0};
    calls.Begin(id, call);
    out->push_back({AgentEvent::ToolStarted{id, call.name, call.command, call.path, main}});
    const std::string todo = TodoText(At(input, "todos"));
    if (!todo.empty()) out->push_back({AgentEvent::Todo{todo}});
  } else if (type != "thinking" && type != "redacted_thinking") {
    out->push_back(UnknownEvent("assistant", type));
  }
}

}  // namespace handoff
