// Cursor's `stream-json` as a transcript, and the frames that Claude Code and Qwen Code share with
// it.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/text/transcript_parts.h"
#include "common/text.h"

namespace handoff::transcript {
namespace {

struct Tool {
  std::string name;  // "shell", "edit"
  std::string what;  // command line, path or pattern
  const Json* result = nullptr;
};

Tool ToolOf(const Json& event) {
  const Json& call = Member(event, "tool_call");
  if (!call.is_object()) return {};
  for (const auto& [key, value] : call.items()) {
    if (!absl::EndsWith(key, "ToolCall")) continue;
    Tool tool{std::string(absl::StripSuffix(key, "ToolCall")), "", &Member(value, "result")};
    const Json& args = Member(value, "args");
    for (const char* name : {"command", "path", "pattern", "globPattern", "query", "url", "name"}) {
      if (tool.what.empty()) tool.what = Text(args, name);
    }
    return tool;
  }
  const Json& function = Member(call, "function");
  return {Text(function, "name"), Text(function, "arguments"), nullptr};
}

// "exit 1", "+1 −1", "rejected: why".
std::string OutcomeOf(const Json& result, bool* failed) {
  if (!result.is_object() || result.empty()) return "done";
  const std::string& kind = result.begin().key();
  const Json& value = result.begin().value();
  *failed = kind != "success";
  std::string out = kind == "success" ? "done" : kind;
  const Json& code = Member(value, "exitCode");
  if (code.is_number_integer()) {
    out = absl::StrCat("exit ", code.get<int64_t>());
    *failed = code.get<int64_t>() != 0;
  }
  const Json& added = Member(value, "linesAdded");
  const Json& removed = Member(value, "linesRemoved");
  if (added.is_number_unsigned() && removed.is_number_unsigned()) {
    out = absl::StrCat("+", added.get<uint64_t>(), " −", removed.get<uint64_t>());
  }
  const std::string reason = Text(value, "reason");
  return reason.empty() ? out : absl::StrCat(out, ": ", OneLine(reason, 200));
}

std::string ToolLine(const Json& event, bool colour) {
  const Tool tool = ToolOf(event);
  const std::string call = CallWords(tool.name, tool.what);
  const std::string subtype = Text(event, "subtype");
  if (subtype == "started") return StartedLine(call, colour);
  if (subtype != "completed") return "";
  bool failed = false;
  const std::string outcome = tool.result == nullptr ? "done" : OutcomeOf(*tool.result, &failed);
  return FinishedLine(call, outcome, failed, colour);
}

std::string ResultLine(const Json& event, bool colour) {
  const Json& duration = Member(event, "duration_ms");
  if (!IsTrue(event, "is_error") && Text(event, "subtype") == "success") {
    return SuccessLine(duration, colour);
  }
  std::string message = Text(event, "result");
  const Json& errors = Member(event, "errors");
  if (message.empty() && errors.is_array() && !errors.empty() && errors[0].is_string()) {
    message = errors[0].get<std::string>();
  }
  if (message.empty()) message = Text(Member(event, "error"), "message");
  return ErrorLine(message, duration, colour);
}

}  // namespace

bool CursorEventText(const Json& event, const TranscriptState& state, std::string* out) {
  const std::string type = Text(event, "type");
  if (type == "tool_call") {
    *out = ToolLine(event, state.colour);
  } else if (type == "result") {
    *out = ResultLine(event, state.colour);
  } else if (type == "system") {
    *out = Text(event, "subtype") == "init"
               ? SessionLine(Text(event, "session_id"), Text(event, "model"), state.colour)
               : Block(Text(event, "message"));
  } else {
    // Thinking and control frames are not part of the transcript.
    return type == "thinking" || type == "connection" || type == "retry" ||
           type == "interaction_query";
  }
  return true;
}

}  // namespace handoff::transcript
