#include "worker/agent/copilot_stream.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "worker/agent/failure_text.h"
#include "worker/agent/json_line.h"

namespace handoff {
namespace {

using nlohmann::json;

// The model is at work, or a tool writes.
constexpr absl::string_view kProgress[] = {
    "assistant.intent",
    "assistant.message_delta",
    "assistant.message_start",
    "assistant.reasoning",
    "assistant.reasoning_delta",
    "assistant.tool_call_delta",
    "tool.execution_partial_result",
    "tool.execution_progress",
    "tool.shell_output",
};
// The CLI lives. A call of the model that begins may be the tenth try.
constexpr absl::string_view kHeartbeats[] = {
    "agent.interrupted",
    "assistant.turn_end",
    "assistant.turn_start",
    "assistant.usage",
    "model.call_final_result",
    "model.call_finished",
    "model.call_start",
    "session.background_tasks_changed",
    "session.compaction_complete",
    "session.compaction_start",
    "session.info",
    "session.mcp_server_status_changed",
    "session.mcp_servers_loaded",
    "session.resume",
    "session.skills_loaded",
    "session.start",
    "session.title_changed",
    "session.tools_updated",
    "session.truncation",
    "session.usage_info",
    "session.warning",
    "system.message",
    "user.message",
};

template <size_t kSize>
bool IsOneOf(const absl::string_view (&names)[kSize], absl::string_view type) {
  return std::find(std::begin(names), std::end(names), type) != std::end(names);
}

FailureClass ClassOfType(const std::string& type) {
  if (type == "authentication" || type == "authorization") return FailureClass::kAgentNeedsSetup;
  if (type == "quota") return FailureClass::kQuota;
  if (type == "rate_limit") return FailureClass::kRateLimited;
  return type == "context_limit" ? FailureClass::kContextOverflow : FailureClass::kNone;
}

std::string OutcomeOf(const json& data, const std::optional<int64_t>& exit) {
  if (!BoolMember(data, "success")) {
    const std::string code = StringMember(At(data, "error"), "code");
    return code == "denied" || code == "rejected" ? "rejected" : "failure";
  }
  return exit.value_or(0) == 0 ? "success" : "failure";
}

}  // namespace

void CopilotStream::Dispatch(const json& event, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(event, "type");
  const json& data = At(event, "data");
  // Only this comes before the model's first answer.
  const bool begins = !begun_ && absl::StartsWith(type, "session.");
  begun_ = begun_ || begins;
  if (type == "result") return OnResult(event, out);
  if (type == "assistant.message") return OnMessage(data, out);
  if (type == "tool.execution_start") return OnToolStart(data, out);
  if (type == "tool.execution_complete") return OnToolComplete(data, out);
  if (type == "session.error") return OnError(data, out);
  if (type == "model.call_failure" || type == "assistant.turn_retry") return OnRetry(data, out);
  if (type == "abort" || type == "assistant.idle") {
    interrupted_ = interrupted_ || type == "abort" || BoolMember(data, "aborted");
    out->push_back({AgentEvent::Heartbeat{}});
  } else if (IsOneOf(kProgress, type)) {
    out->push_back({AgentEvent::Progress{}});
  } else if (IsOneOf(kHeartbeats, type)) {
    out->push_back(begins ? AgentEvent{AgentEvent::Progress{}}
                          : AgentEvent{AgentEvent::Heartbeat{}});
  } else {
    out->push_back(UnknownEvent(type));
  }
}

void CopilotStream::OnMessage(const json& data, std::vector<AgentEvent>* out) {
  turned_ = true;
  failed_ = {};
  std::string text = StringMember(data, "content");
  // What an agent that it called says goes to the model that called it.
  if (text.empty() || Member(data, "parentToolCallId") != nullptr) {
    out->push_back({AgentEvent::Progress{}});
    return;
  }
  last_message_ = Clip(text, kMessageBytes);
  out->push_back({AgentEvent::Text{std::move(text)}});
}

void CopilotStream::OnToolStart(const json& data, std::vector<AgentEvent>* out) {
  turned_ = true;
  failed_ = {};
  const std::string server = StringMember(data, "mcpServerName");
  const std::string name =
      server.empty() ? StringMember(data, "toolName")
                     : absl::StrCat("mcp:", server, "/", StringMember(data, "mcpToolName"));
  const json& arguments = At(data, "arguments");
  const ToolCall call{Clip(name, kNameBytes),
                      Clip(StringMember(arguments, "command"), kCommandBytes), PathOf(arguments),
                      0};
  const std::string id = ShortId(StringMember(data, "toolCallId"));
  calls_.Begin(id, call);
  out->push_back({AgentEvent::ToolStarted{id, call.name, call.command, call.path}});
}

void CopilotStream::OnToolComplete(const json& data, std::vector<AgentEvent>* out) {
  const std::string id = ShortId(StringMember(data, "toolCallId"));
  const ToolCall known =
      calls_.End(id, {Clip(StringMember(data, "toolName"), kNameBytes), "", "", 0});
  const auto exit = IntMember(At(data, "shellExecution"), "exitCode");
  AgentEvent::ToolFinished done{
      id, known.name, known.command, known.path, OutcomeOf(data, exit), std::nullopt, {}};
  if (exit) done.exit_code = static_cast<int>(*exit);
  out->push_back({std::move(done)});
}

void CopilotStream::OnRetry(const json& data, std::vector<AgentEvent>* out) {
  const int64_t status = IntMember(data, "statusCode").value_or(0);
  std::string what = OneLine(StringMember(data, "reason"), 80);
  if (status != 0) what = absl::StrCat("status ", status);
  out->push_back({AgentEvent::Retry{absl::StrCat("a call of the model failed: ", what)}});
}

// It may try again; whether it got over it the result says.
void CopilotStream::OnError(const json& data, std::vector<AgentEvent>* out) {
  std::string message = StringMember(data, "message");
  const Verdict words = ClassifyErrorText(message);
  failed_ = {};
  failed_.failure = words.failure;
  failed_.retry_at = words.retry_at;
  FailureClass known = ClassOfType(StringMember(data, "errorType"));
  if (absl::StrContains(message, "prompt budget")) known = FailureClass::kContextOverflow;
  if (known == FailureClass::kNone) {
    known = ClassOfStatus(IntMember(data, "statusCode").value_or(0));
  }
  // A quota may come as another thing, but only its words say so.
  if (known != FailureClass::kNone && words.failure != FailureClass::kQuota) {
    failed_.failure = known;
    failed_.certain = true;
  }
  if (known == FailureClass::kQuota) failed_.retry_at = ResetTime(message);
  // In the words of which the adapter makes the command that mends it.
  const bool refused = failed_.failure == FailureClass::kAgentNeedsSetup && failed_.certain;
  if (refused) message = absl::StrCat("Unauthorized: ", message);
  failed_.message = Clip(message, kMessageBytes);
  out->push_back({AgentEvent::Retry{failed_.message}});
}

void CopilotStream::OnResult(const json& event, std::vector<AgentEvent>* out) {
  const std::string session = OneLine(StringMember(event, "sessionId"), 200);
  if (!session.empty()) out->push_back({AgentEvent::SessionStarted{session, ""}});
  const auto code = IntMember(event, "exitCode");
  AgentEvent::Result result = failed_;
  result.ok = code == 0 && turned_ && !interrupted_;
  if (result.ok) {
    result = {};
    result.ok = true;
    result.message = last_message_;
  } else if (code.value_or(0) == 0) {
    // Interrupted, or nothing done: no word of an end.
    out->push_back({AgentEvent::Heartbeat{}});
    return;
  } else if (result.failure == FailureClass::kNone) {
    result.failure = FailureClass::kAgentError;
  }
  out->push_back({std::move(result)});
}

}  // namespace handoff
