#include "worker/agent/qwen_stream.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "worker/agent/failure_text.h"
#include "worker/agent/json_line.h"
#include "worker/agent/message_part.h"

namespace handoff {
namespace {

using nlohmann::json;

constexpr absl::string_view kServiceError = "[API Error: ";

// The CLI's own words in place of the model's; nothing was used for them.
bool IsServiceError(const json& message) {
  return absl::StartsWith(TextOf(At(message, "content")), kServiceError) &&
         CountMember(At(message, "usage"), "output_tokens") == 0;
}

// A shell's call that failed tells "Exit Code: 3" in a line of its own; "(none)" after a signal.
std::optional<int> ExitCodeIn(absl::string_view text) {
  constexpr absl::string_view kLabel = "\nExit Code: ";
  const size_t at = text.rfind(kLabel);
  if (at == absl::string_view::npos) return std::nullopt;
  int code = 0;
  text.remove_prefix(at + kLabel.size());
  return absl::SimpleAtoi(text.substr(0, text.find('\n')), &code) ? std::optional<int>(code)
                                                                  : std::nullopt;
}

bool WasRefused(absl::string_view text) {
  return absl::StrContains(text.substr(0, 400), "but that permission was declined");
}

// "[API Error: 401 no such key]"
int64_t StatusIn(absl::string_view message) {
  int64_t status = 0;
  if (!absl::StartsWith(message, kServiceError)) return 0;
  const absl::string_view rest = message.substr(kServiceError.size());
  const bool whole = rest.size() > 3 && rest[3] == ' ';
  return whole && absl::SimpleAtoi(rest.substr(0, 3), &status) ? status : 0;
}

AgentEvent Failed(const std::string& message) {
  AgentEvent::Result result;
  const Verdict words = ClassifyErrorText(message);
  result.failure = words.failure;
  result.retry_at = words.retry_at;
  // A quota comes with a status, too, but only its words say so.
  const FailureClass known = ClassOfStatus(StatusIn(message));
  if (known != FailureClass::kNone && words.failure != FailureClass::kQuota) {
    result.failure = known;
    result.certain = true;
  }
  if (absl::StrContains(message, "No auth type is selected")) {
    result.failure = FailureClass::kAgentNeedsSetup;
    result.certain = true;
  }
  if (result.failure == FailureClass::kNone) result.failure = FailureClass::kAgentError;
  result.message = Clip(message, kMessageBytes);
  return {std::move(result)};
}

// It waits so long for a rate limit only, and tells of that by nothing else in most versions.
constexpr uint64_t kRateLimitPauseMs = 60'000;

AgentEvent RetryOf(const json& data) {
  const std::string message = OneLine(StringMember(data, "message"), 500);
  const uint64_t pause = CountMember(data, "delayMs");
  const bool limited = message.empty() && pause >= kRateLimitPauseMs;
  return {AgentEvent::Retry{
      absl::StrCat("the model's service ", limited ? "has a rate limit" : "failed", "; retry ",
                   CountMember(data, "attempt"), " of ", CountMember(data, "maxRetries"), " in ",
                   pause / 1000, " s", message.empty() ? "" : ": ", message)}};
}

// Of the whole session: a resumed one counts its earlier runs, too.
AgentEvent UsageOf(const json& usage) {
  AgentEvent::Usage used;
  used.span = AgentEvent::Usage::Span::kSession;
  used.cache_read = CountMember(usage, "cache_read_input_tokens");
  const uint64_t input = CountMember(usage, "input_tokens");  // those from the cache, too
  used.input = input > used.cache_read ? input - used.cache_read : 0;
  used.output = CountMember(usage, "output_tokens");
  return {used};
}

}  // namespace

void QwenStream::Dispatch(const json& event, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(event, "type");
  if (type == "assistant") return OnAssistant(event, out);
  if (type == "user") return OnUser(event, out);
  if (type == "system") return OnSystem(event, out);
  if (type == "result") return OnResult(event, out);
  if (type == "stream_event") {
    // A part of a text that comes whole, too; or the state of a goal, once, at the start.
    const bool part = absl::StartsWith(StringMember(At(event, "event"), "type"), "content_block");
    out->push_back(part ? AgentEvent{AgentEvent::Progress{}} : AgentEvent{AgentEvent::Heartbeat{}});
  } else {
    out->push_back(UnknownEvent(type));
  }
}

void QwenStream::OnSystem(const json& event, std::vector<AgentEvent>* out) {
  const std::string subtype = StringMember(event, "subtype");
  if (subtype == "init") {
    out->push_back({AgentEvent::SessionStarted{OneLine(StringMember(event, "session_id"), 200),
                                               OneLine(StringMember(event, "model"), 200)}});
  } else if (subtype == "retry") {
    out->push_back(RetryOf(At(event, "data")));
  } else if (absl::StartsWith(subtype, "task_") || absl::StartsWith(subtype, "worktree_")) {
    out->push_back({AgentEvent::Heartbeat{}});
  } else {
    out->push_back(UnknownEvent("system", subtype));
  }
}

void QwenStream::OnAssistant(const json& event, std::vector<AgentEvent>* out) {
  const json& message = At(event, "message");
  const json& content = At(message, "content");
  if (IsServiceError(message)) {
    out->push_back({AgentEvent::Retry{Clip(TextOf(content), kMessageBytes)}});
    return;
  }
  turned_ = true;
  const bool main = StringMember(event, "parent_tool_use_id").empty();
  if (content.is_array()) {
    for (const json& part : content) ReadMessagePart(part, main, calls_, out);
  }
  if (out->empty()) out->push_back({AgentEvent::Progress{}});
}

void QwenStream::OnUser(const json& event, std::vector<AgentEvent>* out) {
  const json& content = At(At(event, "message"), "content");
  if (content.is_array()) {
    for (const json& part : content) {
      if (StringMember(part, "type") == "tool_result") OnToolResult(part, out);
    }
  }
  if (out->empty()) out->push_back({AgentEvent::Heartbeat{}});  // a prompt, repeated
}

void QwenStream::OnToolResult(const json& part, std::vector<AgentEvent>* out) {
  turned_ = true;
  const std::string id = ShortId(StringMember(part, "tool_use_id"));
  const ToolCall call = calls_.End(id, {});
  const std::string text = TextOf(At(part, "content"));
  AgentEvent::ToolFinished done{id,           call.name, call.command, call.path, "success",
                                std::nullopt, {}};
  if (BoolMember(part, "is_error")) {
    done.outcome = WasRefused(text) ? "rejected" : "failure";
    done.exit_code = ExitCodeIn(text);
  }
  out->push_back({std::move(done)});
}

void QwenStream::OnResult(const json& event, std::vector<AgentEvent>* out) {
  const std::string subtype = StringMember(event, "subtype");
  const bool ok = !BoolMember(event, "is_error") && subtype == "success";
  const std::string error = StringMember(At(event, "error"), "message");
  const std::string& said = error.empty() ? subtype : error;
  const auto turns = IntMember(event, "num_turns");
  if (turns ? *turns == 0 : ok && !turned_) {
    // A prompt that begins with '/' may be a command to the CLI, which asks no model anything. And
    // a failure of one of its agents is told as if it were the end, while it goes on itself.
    out->push_back(ok ? UnknownEvent("result before any turn")
                      : AgentEvent{AgentEvent::Retry{Clip(said, kMessageBytes)}});
    return;
  }
  if (At(event, "usage").is_object()) out->push_back(UsageOf(At(event, "usage")));
  if (!ok) {
    out->push_back(Failed(said));
    return;
  }
  AgentEvent::Result result;
  result.ok = true;
  result.message = Clip(StringMember(event, "result"), kMessageBytes);
  out->push_back({std::move(result)});
}

}  // namespace handoff
