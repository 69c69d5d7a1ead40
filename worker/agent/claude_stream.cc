#include "worker/agent/claude_stream.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "worker/agent/failure_text.h"
#include "worker/agent/json_line.h"
#include "worker/agent/message_part.h"

namespace handoff {
namespace {

using nlohmann::json;

constexpr size_t kMostRefused = 1000;

// The codes of `api_retry` and of a failed assistant message. Those that are not here say too
// little by themselves.
FailureClass ClassOfCode(absl::string_view code) {
  if (code == "authentication_failed" || code == "oauth_org_not_allowed") {
    return FailureClass::kAgentNeedsSetup;
  }
  if (code == "billing_error") return FailureClass::kQuota;
  if (code == "rate_limit" || code == "overloaded") return FailureClass::kRateLimited;
  return code == "server_error" ? FailureClass::kNetwork : FailureClass::kNone;
}

FailureClass ClassOfSubtype(absl::string_view subtype) {
  return subtype == "error_max_turns" || subtype == "error_max_budget_usd"
             ? FailureClass::kLimitExceeded
             : FailureClass::kNone;
}

// A shell's result has no field for it, but begins with it when it is not 0.
std::optional<int> ExitCodeIn(absl::string_view text) {
  int code = 0;
  if (!absl::ConsumePrefix(&text, "Exit code ")) return std::nullopt;
  if (!absl::SimpleAtoi(text.substr(0, text.find('\n')), &code)) return std::nullopt;
  return code;
}

double Money(const json& object, const char* key) {
  const json& value = At(object, key);
  const double money = value.is_number() ? value.get<double>() : 0;
  return std::isfinite(money) ? std::max(0.0, money) : 0;
}

std::string MessageOf(const json& event) {
  std::string message = StringMember(event, "result");
  const json& errors = At(event, "errors");
  if (message.empty() && errors.is_array()) {
    for (const json& error : errors) {
      if (!error.is_string()) continue;
      absl::StrAppend(&message, message.empty() ? "" : "; ", error.get<std::string>());
    }
  }
  return message;
}

bool IsSignOfLife(absl::string_view type) {
  return type == "keep_alive" || type == "control_request" || type == "control_response" ||
         type == "tool_progress";
}

bool IsQuietSystem(absl::string_view subtype) {
  return subtype == "status" || absl::StartsWith(subtype, "hook_") ||
         absl::StartsWith(subtype, "task_") || subtype == "plugin_install";
}

}  // namespace

void ClaudeStream::Dispatch(const json& event, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(event, "type");
  if (type == "assistant") return OnAssistant(event, out);
  if (type == "user") return OnUser(event, out);
  if (type == "system") return OnSystem(event, out);
  if (type == "result") return OnResult(event, out);
  if (type == "rate_limit_event") return OnRateLimit(event, out);
  if (type == "stream_event") {
    out->push_back({AgentEvent::Progress{}});  // a part of a text that comes whole, too
  } else if (IsSignOfLife(type)) {
    out->push_back({AgentEvent::Heartbeat{}});
  } else {
    out->push_back(UnknownEvent(type));
  }
}

void ClaudeStream::OnSystem(const json& event, std::vector<AgentEvent>* out) {
  const std::string subtype = StringMember(event, "subtype");
  if (subtype == "init") {
    out->push_back({AgentEvent::SessionStarted{OneLine(StringMember(event, "session_id"), 200),
                                               OneLine(StringMember(event, "model"), 200)}});
  } else if (subtype == "api_retry") {
    error_ = StringMember(event, "error");
    std::string said = absl::StrCat("the model's service failed (", OneLine(error_, 80));
    if (const auto status = IntMember(event, "error_status")) {
      absl::StrAppend(&said, ", status ", *status);
    }
    absl::StrAppend(&said, "); retry ", IntMember(event, "attempt").value_or(0), " of ",
                    IntMember(event, "max_retries").value_or(0));
    out->push_back({AgentEvent::Retry{std::move(said)}});
  } else if (subtype == "permission_denied") {
    if (refused_.size() < kMostRefused) {
      refused_.insert(ShortId(StringMember(event, "tool_use_id")));
    }
    out->push_back({AgentEvent::Progress{}});
  } else if (subtype == "compact_boundary") {
    out->push_back({AgentEvent::Progress{}});
  } else if (IsQuietSystem(subtype)) {
    out->push_back({AgentEvent::Heartbeat{}});
  } else {
    out->push_back(UnknownEvent("system", subtype));
  }
}

void ClaudeStream::OnRateLimit(const json& event, std::vector<AgentEvent>* out) {
  const json& info = At(event, "rate_limit_info");
  if (StringMember(info, "status") != "rejected") {
    out->push_back({AgentEvent::Heartbeat{}});  // how much is left, told beside each answer
    return;
  }
  std::string said = absl::StrCat("the limit '", OneLine(StringMember(info, "rateLimitType"), 80),
                                  "' of the account is used up");
  if (const int64_t seconds = IntMember(info, "resetsAt").value_or(0); seconds > 0) {
    reset_ = SaneReset(absl::FromUnixSeconds(seconds));
    if (reset_ != absl::InfinitePast()) {
      absl::StrAppend(&said, " until ",
                      absl::FormatTime("%Y-%m-%d %H:%M UTC", reset_, absl::UTCTimeZone()));
    }
  }
  out->push_back({AgentEvent::Retry{std::move(said)}});
}

void ClaudeStream::OnAssistant(const json& event, std::vector<AgentEvent>* out) {
  const json& content = At(At(event, "message"), "content");
  if (BoolMember(event, "is_api_error_message") ||
      StringMember(At(event, "message"), "model") == "<synthetic>") {
    // The CLI's own words in place of the model's.
    error_ = StringMember(event, "error");
    out->push_back({AgentEvent::Retry{Clip(TextOf(content), kMessageBytes)}});
    return;
  }
  turned_ = true;
  error_.clear();  // the request that failed was answered after all
  reset_ = absl::InfinitePast();
  const size_t before = out->size();
  const bool main = StringMember(event, "parent_tool_use_id").empty();
  if (content.is_array()) {
    for (const json& part : content) ReadMessagePart(part, main, calls_, out);
  }
  if (out->size() == before) out->push_back({AgentEvent::Progress{}});
}

void ClaudeStream::OnUser(const json& event, std::vector<AgentEvent>* out) {
  const json& content = At(At(event, "message"), "content");
  const size_t before = out->size();
  if (content.is_array()) {
    for (const json& part : content) {
      if (StringMember(part, "type") == "tool_result") OnToolResult(part, out);
    }
  }
  if (out->size() == before) out->push_back({AgentEvent::Heartbeat{}});  // a prompt, repeated
}

void ClaudeStream::OnToolResult(const json& part, std::vector<AgentEvent>* out) {
  turned_ = true;
  const std::string id = ShortId(StringMember(part, "tool_use_id"));
  const ToolCall call = calls_.End(id, {});
  const bool failed = BoolMember(part, "is_error");
  AgentEvent::ToolFinished done{id, call.name, call.command, call.path, "", std::nullopt, {}};
  done.outcome = !failed ? "success" : refused_.erase(id) > 0 ? "rejected" : "failure";
  if (failed) done.exit_code = ExitCodeIn(TextOf(At(part, "content")));
  out->push_back({std::move(done)});
}

// What was used since the last result. `usage` and `total_cost_usd` are no such thing: in a resumed
// session some versions count its earlier runs again, and all of them their earlier results.
AgentEvent::Usage ClaudeStream::UsageOf(const json& event) {
  AgentEvent::Usage used;
  used.span = AgentEvent::Usage::Span::kDelta;
  if (const json& models = At(event, "model_usage_since_last_result"); models.is_object()) {
    for (const json& model : models) {
      used.input += CountMember(model, "inputTokens");
      used.output += CountMember(model, "outputTokens");
      used.cache_read += CountMember(model, "cacheReadInputTokens");
      used.cache_write += CountMember(model, "cacheCreationInputTokens");
      used.cost_usd += Money(model, "costUSD");
    }
    return used;
  }
  // Versions without that field count from the start of the process.
  const auto more = [](auto now, auto& told) {
    const auto beyond = now > told ? now - told : decltype(now){};
    told = std::max(now, told);
    return beyond;
  };
  const json& usage = At(event, "usage");
  used.input = more(CountMember(usage, "input_tokens"), told_.input);
  used.output = more(CountMember(usage, "output_tokens"), told_.output);
  used.cache_read = more(CountMember(usage, "cache_read_input_tokens"), told_.cache_read);
  used.cache_write = more(CountMember(usage, "cache_creation_input_tokens"), told_.cache_write);
  used.cost_usd = more(Money(event, "total_cost_usd"), told_.cost_usd);
  return used;
}

// A class that a field gives is certain; but a limit is a quota when its reset time is known, and
// only words tell a full context from another bad request.
AgentEvent ClaudeStream::Failed(const json& event, std::string message) const {
  AgentEvent::Result result;
  const Verdict words = ClassifyErrorText(message);
  result.failure = ClassOfSubtype(StringMember(event, "subtype"));
  for (const FailureClass known :
       {ClassOfCode(error_), ClassOfStatus(IntMember(event, "api_error_status").value_or(0))}) {
    if (result.failure == FailureClass::kNone) result.failure = known;
  }
  result.certain = result.failure != FailureClass::kNone;
  const bool limited = result.failure == FailureClass::kRateLimited;
  if (limited && reset_ != absl::InfinitePast()) result.failure = FailureClass::kQuota;
  if (words.failure == FailureClass::kQuota && (limited || !result.certain)) {
    result.failure = FailureClass::kQuota;
  }
  if (result.failure == FailureClass::kNone) result.failure = words.failure;
  if (result.failure == FailureClass::kNone) result.failure = FailureClass::kAgentError;
  if (result.failure == FailureClass::kQuota) {
    result.retry_at = reset_ != absl::InfinitePast() ? reset_ : ResetTime(message);
  }
  result.message = Clip(message, kMessageBytes);
  return {std::move(result)};
}

void ClaudeStream::OnResult(const json& event, std::vector<AgentEvent>* out) {
  const std::string subtype = StringMember(event, "subtype");
  const bool ok = !BoolMember(event, "is_error") && subtype == "success";
  std::string message = MessageOf(event);
  const auto turns = IntMember(event, "num_turns");
  if (turns ? *turns == 0 : ok && !turned_) {
    // A resumed session reports on tasks of its past before it begins. Of a session that is not
    // there it says so in the same way; then the process ends, and these are its last words.
    if (ok || message.empty()) {
      out->push_back(UnknownEvent("result before any turn"));
    } else {
      out->push_back({AgentEvent::Retry{Clip(message, kMessageBytes)}});
    }
    return;
  }
  out->push_back({UsageOf(event)});
  if (ok) {
    AgentEvent::Result result;
    result.ok = true;
    result.message = Clip(message, kMessageBytes);
    out->push_back({std::move(result)});
    error_.clear();
    return;
  }
  if (message.empty()) message = subtype;
  out->push_back(Failed(event, std::move(message)));
}

}  // namespace handoff
