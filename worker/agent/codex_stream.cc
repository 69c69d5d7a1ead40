#include "worker/agent/codex_stream.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "worker/agent/failure_text.h"
#include "worker/agent/json_line.h"

namespace handoff {
namespace {

using nlohmann::json;

constexpr size_t kMostChanges = 200;

// A service's answer may be handed on as it came: {"error":{"message":"…"}} in the text.
std::string MessageOf(const json& event) {
  std::string message = StringMember(event, "message");
  if (message.empty()) message = StringMember(At(event, "error"), "message");
  if (!absl::StartsWith(message, "{")) return message;
  const json inner = ParseJsonLine(message).value_or(json());
  const std::string said = StringMember(At(inner, "error"), "message");
  return said.empty() ? message : said;
}

// "unexpected status 401 Unauthorized: …", "exceeded retry limit, last status: 429 Too Many …"
int64_t StatusIn(absl::string_view message) {
  for (const absl::string_view words : {"unexpected status ", "last status: "}) {
    const size_t at = message.find(words);
    if (at == absl::string_view::npos) continue;
    int64_t status = 0;
    if (absl::SimpleAtoi(message.substr(at + words.size(), 3), &status)) return status;
  }
  return 0;
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
  if (result.failure == FailureClass::kNone) result.failure = FailureClass::kAgentError;
  result.message = Clip(message, kMessageBytes);
  return {std::move(result)};
}

std::string OutcomeOf(const json& item) {
  const std::string status = StringMember(item, "status");
  if (status == "completed") return "success";
  if (status == "failed") return "failure";
  return status == "declined" ? "rejected" : Clip(status, kNameBytes);
}

}  // namespace

void CodexStream::Dispatch(const json& event, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(event, "type");
  if (type == "thread.started") {
    out->push_back(
        {AgentEvent::SessionStarted{OneLine(StringMember(event, "thread_id"), 200), ""}});
  } else if (type == "turn.started") {
    out->push_back({AgentEvent::Progress{}});
  } else if (type == "item.started") {
    OnItem(At(event, "item"), Stage::kStarted, out);
  } else if (type == "item.updated") {
    OnItem(At(event, "item"), Stage::kUpdated, out);
  } else if (type == "item.completed") {
    OnItem(At(event, "item"), Stage::kCompleted, out);
  } else if (type == "turn.completed") {
    OnCompleted(event, out);
  } else if (type == "turn.failed") {
    out->push_back(Failed(MessageOf(event)));
  } else if (type == "error") {
    out->push_back({AgentEvent::Retry{Clip(MessageOf(event), kMessageBytes)}});
  } else {
    out->push_back(UnknownEvent(type));
  }
}

void CodexStream::OnItem(const json& item, Stage stage, std::vector<AgentEvent>* out) {
  const std::string type = StringMember(item, "type");
  if (type == "command_execution") {
    const std::string command = Clip(StringMember(item, "command"), kCommandBytes);
    return OnTool(item, stage, {"shell", command, "", 0}, out);
  }
  if (type == "file_change") return OnChange(item, stage, out);
  if (type == "mcp_tool_call") {
    const std::string name =
        absl::StrCat("mcp:", StringMember(item, "server"), "/", StringMember(item, "tool"));
    return OnTool(item, stage, {Clip(name, kNameBytes), "", "", 0}, out);
  }
  if (type == "web_search" || type == "collab_tool_call") {
    return OnTool(item, stage, {type, "", "", 0}, out);
  }
  if (type == "todo_list") {
    const std::string todo = TodoText(At(item, "items"));
    if (!todo.empty()) out->push_back({AgentEvent::Todo{todo}});
  } else if (type == "agent_message") {
    std::string text = StringMember(item, "text");
    if (stage == Stage::kCompleted && !text.empty()) {
      last_message_ = Clip(text, kMessageBytes);
      out->push_back({AgentEvent::Text{std::move(text)}});
    }
  } else if (type == "error") {
    // A remark of the CLI (a model that it does not know, say), with every turn of some set-ups. It
    // explains no failure.
    out->push_back({AgentEvent::Heartbeat{}});
    return;
  } else if (type != "reasoning") {
    out->push_back(UnknownEvent("item", type.empty() ? "no type" : type));
  }
  if (out->empty()) out->push_back({AgentEvent::Progress{}});
}

void CodexStream::OnTool(const json& item, Stage stage, const ToolCall& call,
                         std::vector<AgentEvent>* out) {
  const std::string id = ShortId(StringMember(item, "id"));
  if (stage == Stage::kStarted) {
    out->push_back({AgentEvent::ToolStarted{id, call.name, call.command, call.path}});
  } else if (stage == Stage::kUpdated) {
    out->push_back({AgentEvent::Progress{}});
  } else {
    AgentEvent::ToolFinished done{id,           call.name, call.command, call.path, OutcomeOf(item),
                                  std::nullopt, {}};
    if (const auto code = IntMember(item, "exit_code")) done.exit_code = static_cast<int>(*code);
    out->push_back({std::move(done)});
  }
}

// One item may change many files: each is told as a call of its own.
void CodexStream::OnChange(const json& item, Stage stage, std::vector<AgentEvent>* out) {
  const json& changes = At(item, "changes");
  const std::string id = StringMember(item, "id");
  size_t told = 0;
  if (changes.is_array()) {
    for (const json& change : changes) {
      if (told == kMostChanges) break;
      const std::string kind = StringMember(change, "kind");
      json one = {{"id", absl::StrCat(id, "/", told++)}, {"status", StringMember(item, "status")}};
      OnTool(one, stage, {kind.empty() ? "change" : Clip(kind, kNameBytes), "", PathOf(change), 0},
             out);
    }
  }
  if (told == 0) OnTool(item, stage, {"change", "", "", 0}, out);
}

void CodexStream::OnCompleted(const json& event, std::vector<AgentEvent>* out) {
  const json& usage = At(event, "usage");
  const uint64_t cached = CountMember(usage, "cached_input_tokens");
  const uint64_t input = CountMember(usage, "input_tokens");
  AgentEvent::Usage used;
  used.input = input > cached ? input - cached : 0;  // of these, too, are those from the cache
  used.output = CountMember(usage, "output_tokens");
  used.cache_read = cached;
  used.cache_write = CountMember(usage, "cache_write_input_tokens");
  used.span = AgentEvent::Usage::Span::kSession;
  if (usage.is_object()) out->push_back({used});
  AgentEvent::Result result;
  result.ok = true;
  result.message = last_message_;
  out->push_back({std::move(result)});
}

}  // namespace handoff
