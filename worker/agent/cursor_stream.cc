#include "worker/agent/cursor_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "nlohmann/json.hpp"
#include "worker/agent/failure_text.h"
#include "worker/agent/json_line.h"

namespace handoff {
namespace {

using nlohmann::json;

constexpr size_t kMostPart = 1 << 20;

// Arguments come as an object or as a string that holds one.
json Arguments(const json& value) {
  if (!value.is_string()) return value;
  return ParseJsonLine(value.get_ref<const std::string&>()).value_or(json());
}

// A message is a string, or an object that has one under some name.
std::string MessageOf(const json& event) {
  for (const char* key : {"message", "error", "reason", "text", "result"}) {
    const json& value = At(event, key);
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object() && !StringMember(value, "message").empty()) {
      return StringMember(value, "message");
    }
  }
  return "";
}

std::string TextOf(const json& message) {
  const json& content = At(message, "content");
  if (content.is_string()) return content.get<std::string>();
  std::string out;
  if (!content.is_array()) return out;
  for (const json& part : content) absl::StrAppend(&out, StringMember(part, "text"));
  return out;
}

// The one member of a tool_call that names its kind: "shellToolCall" → "shell". "function" is the
// fallback for tools of others.
std::string KindOf(const json& tool, const json** body) {
  *body = &NoJson();
  if (!tool.is_object()) return "unknown";
  for (const auto& [key, value] : tool.items()) {
    absl::string_view kind = key;
    if (value.is_object() && absl::ConsumeSuffix(&kind, "ToolCall")) {
      *body = &value;
      return Clip(kind, 80);
    }
  }
  const json& function = At(tool, "function");
  if (!function.is_object()) return "unknown";
  *body = &function;
  return Clip(StringMember(function, "name"), 80);
}

std::string NameOf(const std::string& kind, const json& args) {
  if (kind != "mcp") return kind;
  const std::string tool = StringMember(args, "toolName");
  return Clip(absl::StrCat("mcp:", tool.empty() ? StringMember(args, "name") : tool), 80);
}

// The outcome is the one member of the result: {"success": {…}}, {"rejected": {…}}, …
std::string OutcomeOf(const json& result, const json** inner) {
  *inner = &NoJson();
  if (!result.is_object()) return result.is_null() ? "" : "success";
  for (const auto& [key, value] : result.items()) {
    if (!value.is_object()) continue;
    *inner = &value;
    return Clip(BoolMember(value, "isError") ? "failure" : key, 80);
  }
  return result.empty() ? "" : Clip(result.begin().key(), 80);
}

absl::Duration DurationOf(int64_t started_ms, const json& tool, const json& inner) {
  const int64_t start = IntMember(tool, "startedAtMs").value_or(started_ms);
  const int64_t end = IntMember(tool, "completedAtMs").value_or(0);
  int64_t took = start > 0 && end >= start ? end - start : 0;
  if (took == 0) took = IntMember(inner, "executionTime").value_or(0);
  return absl::Milliseconds(std::clamp<int64_t>(took, 0, int64_t{30} * 24 * 3600 * 1000));
}

}  // namespace

void CursorStream::Dispatch(const json& event, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(event, "type");
  if (type == "assistant") return OnAssistant(event, out);
  if (type == "tool_call") return OnToolCall(event, out);
  if (type == "system") return OnSystem(event, out);
  if (type == "result") return OnResult(event, out);
  if (type == "thinking" || type == "step_finish") {
    out->push_back({AgentEvent::Progress{}});
  } else if (type == "text") {
    turned_ = true;
    out->push_back({AgentEvent::Text{StringMember(event, "text")}});
  } else if (type == "tool_use" || type == "tool_result") {
    OnLegacyTool(event, type == "tool_result", out);
  } else if (type == "retry" || type == "error") {
    out->push_back({AgentEvent::Retry{Clip(MessageOf(event), kMessageBytes)}});
  } else if (type == "user" || type == "connection" || type == "interaction_query" ||
             absl::StartsWith(type, "background")) {
    out->push_back({AgentEvent::Heartbeat{}});
  } else {
    out->push_back(UnknownEvent(type));
  }
}

void CursorStream::OnSystem(const json& event, std::vector<AgentEvent>* out) {
  const std::string subtype = StringMember(event, "subtype");
  if (subtype == "init") {
    out->push_back({AgentEvent::SessionStarted{OneLine(StringMember(event, "session_id"), 200),
                                               OneLine(StringMember(event, "model"), 200)}});
  } else if (subtype == "error") {
    out->push_back({AgentEvent::Retry{Clip(MessageOf(event), kMessageBytes)}});
  } else {
    out->push_back(UnknownEvent("system", subtype));
  }
}

void CursorStream::OnAssistant(const json& event, std::vector<AgentEvent>* out) {
  turned_ = true;
  std::string text = TextOf(At(event, "message"));
  const bool timed = Member(event, "timestamp_ms") != nullptr;
  const bool called = Member(event, "model_call_id") != nullptr;
  if (timed && !called) {
    // Only --stream-partial-output sends these. From now on whole texts repeat what came in parts.
    partial_ = true;
    if (part_.size() < kMostPart) absl::StrAppend(&part_, text);
    out->push_back({AgentEvent::Progress{}});
  } else if (partial_) {
    Flush(out);
  } else if (text.empty()) {
    out->push_back({AgentEvent::Progress{}});
  } else {
    out->push_back({AgentEvent::Text{std::move(text)}});
  }
}

void CursorStream::Flush(std::vector<AgentEvent>* out) {
  if (!part_.empty()) out->push_back({AgentEvent::Text{std::move(part_)}});
  part_.clear();
}

void CursorStream::OnToolCall(const json& event, std::vector<AgentEvent>* out) {
  const std::string subtype = StringMember(event, "subtype");
  if (subtype != "started" && subtype != "completed") {
    // A new subtype must not close a call: its tool would fall under the shorter idle limit.
    out->push_back(UnknownEvent("tool_call", subtype));
    return;
  }
  turned_ = true;
  Flush(out);
  const json& tool = At(event, "tool_call");
  const json* body = nullptr;
  const std::string kind = KindOf(tool, &body);
  const json args =
      Arguments(At(*body, kind != "mcp" && body->contains("arguments") ? "arguments" : "args"));
  std::string id = StringMember(event, "call_id");
  if (id.empty()) id = StringMember(tool, "toolCallId");
  id = ShortId(std::move(id));
  const ToolCall call{NameOf(kind, args), Clip(StringMember(args, "command"), kCommandBytes),
                      PathOf(args), IntMember(tool, "startedAtMs").value_or(0)};
  if (subtype == "completed") return OnToolDone(id, call, *body, tool, out);
  out->push_back({AgentEvent::ToolStarted{id, call.name, call.command, call.path}});
  const std::string todo = TodoText(At(args, "todos"));
  if (!todo.empty()) out->push_back({AgentEvent::Todo{todo}});
  calls_.Begin(id, call);
}

void CursorStream::OnToolDone(const std::string& id, const ToolCall& call, const json& body,
                              const json& tool, std::vector<AgentEvent>* out) {
  const ToolCall known = calls_.End(id, call);
  const json* inner = nullptr;
  const json& result = Member(body, "result") != nullptr ? At(body, "result") : At(tool, "result");
  AgentEvent::ToolFinished done{id, known.name, known.command, known.path, "", std::nullopt, {}};
  done.outcome = OutcomeOf(result, &inner);
  if (const auto code = IntMember(*inner, "exitCode")) done.exit_code = static_cast<int>(*code);
  done.duration = DurationOf(known.started_ms, tool, *inner);
  out->push_back({std::move(done)});
}

void CursorStream::OnLegacyTool(const json& event, bool done, std::vector<AgentEvent>* out) {
  turned_ = true;
  std::string id;
  for (const char* key : {"tool_use_id", "call_id", "id"}) {
    if (id.empty()) id = StringMember(event, key);
  }
  id = ShortId(std::move(id));
  const json args = Arguments(At(event, "input"));
  const ToolCall call{Clip(StringMember(event, "name"), 80),
                      Clip(StringMember(args, "command"), kCommandBytes), PathOf(args), 0};
  if (!done) {
    calls_.Begin(id, call);
    out->push_back({AgentEvent::ToolStarted{id, call.name, call.command, call.path}});
    return;
  }
  const ToolCall known = calls_.End(id, call);
  out->push_back({AgentEvent::ToolFinished{id,
                                           known.name,
                                           known.command,
                                           known.path,
                                           BoolMember(event, "is_error") ? "failure" : "success",
                                           std::nullopt,
                                           {}}});
}

void CursorStream::OnResult(const json& event, std::vector<AgentEvent>* out) {
  AgentEvent::Result result;
  result.ok = !BoolMember(event, "is_error") && StringMember(event, "subtype") == "success";
  // A resumed session may report on tasks of its past before it begins. An error is believed at
  // once: a login or a quota fails before any turn.
  if (result.ok && !turned_) {
    out->push_back({AgentEvent::Unknown{"result before any turn"}});
    return;
  }
  Flush(out);
  if (const json* usage = Member(event, "usage")) {
    out->push_back({AgentEvent::Usage{
        CountMember(*usage, "inputTokens"), CountMember(*usage, "outputTokens"),
        CountMember(*usage, "cacheReadTokens"), CountMember(*usage, "cacheWriteTokens"), 0,
        AgentEvent::Usage::Span::kRun}});
  }
  result.message = StringMember(event, "result");
  if (result.message.empty() && !result.ok) result.message = MessageOf(event);
  if (!result.ok) {
    const Verdict verdict = ClassifyErrorText(result.message);
    result.failure =
        verdict.failure == FailureClass::kNone ? FailureClass::kAgentError : verdict.failure;
    result.retry_at = verdict.retry_at;
  }
  result.message = Clip(result.message, kMessageBytes);
  out->push_back({std::move(result)});
}

}  // namespace handoff
