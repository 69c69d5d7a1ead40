#include "worker/agent/opencode_stream.h"

#include <algorithm>
#include <cmath>
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

std::string StepOf(const json& part) {
  return absl::StrCat("step ", ShortId(StringMember(part, "messageID")));
}

std::string OutcomeOf(const json& state, const std::optional<int64_t>& exit) {
  if (StringMember(state, "status") == "error") {
    const std::string error = StringMember(state, "error");
    const bool refused =
        absl::StrContains(error, "rejected permission") || absl::StrContains(error, "prevents you");
    return refused ? "rejected" : "failure";
  }
  return exit.value_or(0) == 0 ? "success" : "failure";
}

absl::Duration DurationOf(const json& state) {
  const json& time = At(state, "time");
  const int64_t start = IntMember(time, "start").value_or(0);
  const int64_t end = IntMember(time, "end").value_or(0);
  if (start <= 0 || end < start) return {};
  return absl::Milliseconds(std::min<int64_t>(end - start, int64_t{30} * 24 * 3600 * 1000));
}

FailureClass ClassOfName(const std::string& name) {
  if (name == "ProviderAuthError") return FailureClass::kAgentNeedsSetup;
  if (name == "ContextOverflowError") return FailureClass::kContextOverflow;
  return FailureClass::kNone;
}

AgentEvent Failed(const json& error) {
  const json& data = At(error, "data");
  std::string message = StringMember(data, "message");
  if (message.empty()) message = StringMember(error, "name");
  AgentEvent::Result result;
  const Verdict words = ClassifyErrorText(message);
  result.failure = words.failure;
  result.retry_at = words.retry_at;
  // A quota comes with a status, too, but only its words say so.
  FailureClass known = ClassOfName(StringMember(error, "name"));
  const int64_t status = IntMember(data, "statusCode").value_or(0);
  if (known == FailureClass::kNone) known = ClassOfStatus(status);
  if (IsRefusedKey(message)) known = FailureClass::kAgentNeedsSetup;
  if (known != FailureClass::kNone && words.failure != FailureClass::kQuota) {
    result.failure = known;
    result.certain = true;
  }
  if (result.failure == FailureClass::kNone) result.failure = FailureClass::kAgentError;
  // In the words of which the adapter makes the command that mends it.
  const bool refused = result.failure == FailureClass::kAgentNeedsSetup && result.certain;
  result.message = Clip(refused ? absl::StrCat("Unauthorized: ", message) : message, kMessageBytes);
  return {std::move(result)};
}

}  // namespace

void OpencodeStream::Dispatch(const json& event, std::vector<AgentEvent>* out) {
  const std::string session = OneLine(StringMember(event, "sessionID"), 200);
  if (!session.empty() && session != session_) {
    session_ = session;
    out->push_back({AgentEvent::SessionStarted{session, ""}});
  }
  const std::string type = StringMember(event, "type");
  const json& part = At(event, "part");
  if (type == "step_start") {
    out->push_back({AgentEvent::Step{StepOf(part), false}});
  } else if (type == "step_finish") {
    OnStepFinish(part, out);
  } else if (type == "text") {
    std::string text = StringMember(part, "text");
    last_message_ = Clip(text, kMessageBytes);
    out->push_back({AgentEvent::Text{std::move(text)}});
  } else if (type == "tool_use") {
    OnTool(part, out);
  } else if (type == "reasoning") {
    out->push_back({AgentEvent::Progress{}});
  } else if (type == "error") {
    OnError(At(event, "error"), out);
  } else {
    out->push_back(UnknownEvent(type));
  }
}

// A context that is full is made smaller, and the work goes on: only the end of the stream says
// that it did not.
void OpencodeStream::OnError(const json& error, std::vector<AgentEvent>* out) {
  AgentEvent failed = Failed(error);
  if (ClassOfName(StringMember(error, "name")) == FailureClass::kContextOverflow) {
    const auto& told = std::get<AgentEvent::Result>(failed.what);
    // In words by which the adapter knows it again.
    failed = {AgentEvent::Retry{absl::StrCat("The context window is full: ", told.message)}};
  }
  out->push_back(std::move(failed));
}

void OpencodeStream::OnTool(const json& part, std::vector<AgentEvent>* out) {
  tool_message_ = StringMember(part, "messageID");
  const json& state = At(part, "state");
  const json& input = At(state, "input");
  const auto exit = IntMember(At(state, "metadata"), "exit");
  AgentEvent::ToolFinished done{ShortId(StringMember(part, "callID")),
                                Clip(StringMember(part, "tool"), kNameBytes),
                                Clip(StringMember(input, "command"), kCommandBytes),
                                PathOf(input),
                                OutcomeOf(state, exit),
                                std::nullopt,
                                DurationOf(state)};
  if (exit) done.exit_code = static_cast<int>(*exit);
  const bool todo = done.name == "todowrite";
  out->push_back({std::move(done)});
  const std::string text = todo ? TodoText(At(input, "todos")) : "";
  if (!text.empty()) out->push_back({AgentEvent::Todo{text}});
}

void OpencodeStream::OnStepFinish(const json& part, std::vector<AgentEvent>* out) const {
  out->push_back({AgentEvent::Step{StepOf(part), true}});
  const json& tokens = At(part, "tokens");
  if (tokens.is_object()) {
    const json& cost = At(part, "cost");
    const double usd = cost.is_number() ? cost.get<double>() : 0;
    out->push_back({AgentEvent::Usage{
        CountMember(tokens, "input"),
        CountMember(tokens, "output") + CountMember(tokens, "reasoning"),
        CountMember(At(tokens, "cache"), "read"), CountMember(At(tokens, "cache"), "write"),
        std::isfinite(usd) && usd > 0 ? usd : 0, AgentEvent::Usage::Span::kDelta}});
  }
  // After these it asks the model again.
  const std::string reason = StringMember(part, "reason");
  if (reason == "tool-calls" || reason == "unknown" || reason.empty()) return;
  // So it does after any step that called a tool: some providers say "stop" all the same.
  const std::string message = StringMember(part, "messageID");
  if (reason == "stop" && !message.empty() && message == tool_message_) return;
  AgentEvent::Result result;
  result.ok = reason == "stop";
  result.message = last_message_;
  if (!result.ok) {
    result.failure = FailureClass::kAgentError;
    result.message = absl::StrCat("The model's answer ended early: ", OneLine(reason, 80), ".");
  }
  out->push_back({std::move(result)});
}

}  // namespace handoff
