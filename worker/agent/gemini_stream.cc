#include "worker/agent/gemini_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/text.h"
#include "worker/agent/failure_text.h"
#include "worker/agent/json_line.h"

namespace handoff {
namespace {

using nlohmann::json;

constexpr size_t kMostPart = 1 << 20;  // of a text; a longer one is told as several
constexpr int kMostNested = 4;
constexpr char kShell[] = "run_shell_command";
// It only guesses at the context, and nothing else in it tells of one that is full.
constexpr absl::string_view kEmptyAnswer = "The model returned an empty text response.";

int64_t MillisecondsOf(const json& event) {
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, StringMember(event, "timestamp"), &time, nullptr)
             ? absl::ToUnixMillis(time)
             : 0;
}

absl::Duration Since(int64_t started_ms, const json& event) {
  const int64_t took = started_ms == 0 ? 0 : MillisecondsOf(event) - started_ms;
  return absl::Milliseconds(std::clamp<int64_t>(took, 0, int64_t{30} * 24 * 3600 * 1000));
}

struct ServiceError {
  int64_t status = 0;
  std::string message;
  bool refused_key = false;
};

bool HasReason(const json& told, absl::string_view reason) {
  const json& details = At(told, "details");
  return details.is_array() && std::any_of(details.begin(), details.end(), [&](const json& one) {
           return StringMember(one, "reason") == reason;
         });
}

// `[API Error: {"error":{"code":401,"message":"…"}}]`: the service's answer stands in the text as
// it came, and may hold another one in its message.
ServiceError ReadError(std::string message) {
  constexpr absl::string_view kFrame = "[API Error: ";
  if (const size_t end = message.rfind(']');
      absl::StartsWith(message, kFrame) && end != std::string::npos) {
    message = absl::StrCat(absl::string_view(message).substr(kFrame.size(), end - kFrame.size()),
                           absl::string_view(message).substr(end + 1));
  }
  ServiceError error{0, std::move(message), false};
  for (int depth = 0; depth < kMostNested; ++depth) {
    const size_t begin = error.message.find('{');
    const size_t end = error.message.rfind('}');
    if (begin == std::string::npos || end == std::string::npos || end < begin) break;
    const json inner =
        ParseJsonLine(absl::string_view(error.message).substr(begin, end - begin + 1))
            .value_or(json());
    const json& told = At(inner, "error");
    std::string said = StringMember(told, "message");
    if (said.empty()) break;
    error.refused_key = error.refused_key || HasReason(told, "API_KEY_INVALID");
    if (const auto code = IntMember(told, "code")) error.status = *code;
    // A quota has the status of a rate limit, and only its words say so.
    const std::string name = StringMember(told, "status");
    error.message = name.empty() ? said : absl::StrCat(said, " (", OneLine(name, 80), ")");
    if (!absl::StrContains(said, "{")) break;
    error.message = std::move(said);
  }
  error.refused_key = error.refused_key || IsRefusedKey(error.message);
  return error;
}

// What the CLI calls its own ends.
FailureClass ClassOfType(absl::string_view type) {
  if (type == "FatalAuthenticationError") return FailureClass::kAgentNeedsSetup;
  return type == "FatalTurnLimitedError" ? FailureClass::kLimitExceeded : FailureClass::kNone;
}

Verdict ClassifyWords(absl::string_view message) {
  if (absl::StartsWith(message, kEmptyAnswer)) return {FailureClass::kAgentError, ""};
  return ClassifyErrorText(message);
}

// Where nothing is known here, the exit status may know more: GeminiAgent::Diagnose. `stopped` says
// why where the event itself does not.
AgentEvent Failed(const json& event, const std::string& stopped) {
  const json& told = At(event, "error");
  const std::string said = StringMember(told, "message");
  const ServiceError error = ReadError(said.empty() ? stopped : said);
  AgentEvent::Result result;
  const Verdict words = ClassifyWords(error.message);
  result.failure = words.failure;
  result.retry_at = words.retry_at;
  for (const FailureClass known :
       {error.refused_key ? FailureClass::kAgentNeedsSetup : ClassOfStatus(error.status),
        ClassOfType(StringMember(told, "type"))}) {
    if (known == FailureClass::kNone || words.failure == FailureClass::kQuota) continue;
    result.failure = known;
    result.certain = true;
    break;
  }
  result.message = Clip(error.message, kMessageBytes);
  return {std::move(result)};
}

AgentEvent Stopped(const std::string& why) {
  AgentEvent::Result result;
  result.failure = absl::StrContains(why, "turns exceeded") ? FailureClass::kLimitExceeded
                                                            : ClassifyWords(why).failure;
  if (result.failure == FailureClass::kNone) result.failure = FailureClass::kAgentError;
  result.message = why;
  return {std::move(result)};
}

// "success" of a shell's call says that it ran: its exit status is told to the model only.
std::string OutcomeOf(const json& event, const std::string& name) {
  const std::string status = StringMember(event, "status");
  if (status == "success") return name == kShell ? "" : status;
  const std::string type = StringMember(At(event, "error"), "type");
  return type == "policy_violation" ? "rejected" : "failure";
}

// The CLI's list says `description` for what others call `content`.
std::string TodoOf(const json& parameters) {
  json todos = At(parameters, "todos");
  if (!todos.is_array()) return "";
  for (json& todo : todos) {
    if (todo.is_object()) todo["content"] = StringMember(todo, "description");
  }
  return TodoText(todos);
}

}  // namespace

void GeminiStream::Dispatch(const json& event, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(event, "type");
  if (type == "message") return OnMessage(event, out);
  Flush(out);
  if (type == "tool_use") return OnToolUse(event, out);
  if (type == "tool_result") return OnToolResult(event, out);
  if (type == "result") return OnResult(event, out);
  if (type == "init") {
    out->push_back({AgentEvent::SessionStarted{OneLine(StringMember(event, "session_id"), 200),
                                               OneLine(StringMember(event, "model"), 200)}});
  } else if (type == "error") {
    stopped_ = Clip(StringMember(event, "message"), kMessageBytes);
    out->push_back({AgentEvent::Retry{stopped_}});
  } else {
    out->push_back(UnknownEvent(type));
  }
}

void GeminiStream::OnMessage(const json& event, std::vector<AgentEvent>* out) {
  const std::string role = StringMember(event, "role");
  if (role != "assistant") {
    Flush(out);
    // The prompt, repeated.
    out->push_back(role == "user" ? AgentEvent{AgentEvent::Heartbeat{}}
                                  : UnknownEvent("message", role));
    return;
  }
  stopped_.clear();
  absl::StrAppend(&part_, StringMember(event, "content"));
  if (!BoolMember(event, "delta") || part_.size() > kMostPart) Flush(out);
  if (out->empty()) out->push_back({AgentEvent::Progress{}});
}

void GeminiStream::Flush(std::vector<AgentEvent>* out) {
  if (part_.empty()) return;
  last_message_ = Clip(part_, kMessageBytes);
  out->push_back({AgentEvent::Text{std::move(part_)}});
  part_.clear();
}

void GeminiStream::OnToolUse(const json& event, std::vector<AgentEvent>* out) {
  stopped_.clear();
  const std::string id = ShortId(StringMember(event, "tool_id"));
  const json& parameters = At(event, "parameters");
  const ToolCall call{Clip(StringMember(event, "tool_name"), kNameBytes),
                      Clip(StringMember(parameters, "command"), kCommandBytes), PathOf(parameters),
                      MillisecondsOf(event)};
  calls_.Begin(id, call);
  out->push_back({AgentEvent::ToolStarted{id, call.name, call.command, call.path}});
  const std::string todo = TodoOf(parameters);
  if (!todo.empty()) out->push_back({AgentEvent::Todo{todo}});
}

void GeminiStream::OnToolResult(const json& event, std::vector<AgentEvent>* out) {
  const std::string id = ShortId(StringMember(event, "tool_id"));
  const ToolCall call = calls_.End(id, {});
  out->push_back(
      {AgentEvent::ToolFinished{id, call.name, call.command, call.path, OutcomeOf(event, call.name),
                                std::nullopt, Since(call.started_ms, event)}});
}

void GeminiStream::OnResult(const json& event, std::vector<AgentEvent>* out) {
  const json& stats = At(event, "stats");
  if (stats.is_object()) {
    AgentEvent::Usage used;
    used.cache_read = CountMember(stats, "cached");
    const uint64_t input = CountMember(stats, "input_tokens");  // those from the cache, too
    used.input = input > used.cache_read ? input - used.cache_read : 0;
    // What the model thought is only in the total.
    const uint64_t total = CountMember(stats, "total_tokens");
    used.output = std::max(CountMember(stats, "output_tokens"), total > input ? total - input : 0);
    out->push_back({used});
  }
  if (StringMember(event, "status") != "success") {
    out->push_back(Failed(event, stopped_));
  } else if (!stopped_.empty()) {
    out->push_back(Stopped(stopped_));
  } else {
    AgentEvent::Result result;
    result.ok = true;
    result.message = last_message_;
    out->push_back({std::move(result)});
  }
}

}  // namespace handoff
