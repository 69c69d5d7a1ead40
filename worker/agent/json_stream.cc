#include "worker/agent/json_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/hash.h"
#include "common/text.h"
#include "worker/agent/json_line.h"

namespace handoff {
namespace {

using nlohmann::json;

constexpr size_t kMostCalls = 4096;  // in flight; further ones are told without their start
constexpr size_t kMostId = 256;

bool IsDone(const json& todo) {
  return BoolMember(todo, "completed") ||
         absl::EndsWithIgnoreCase(StringMember(todo, "status"), "COMPLETED");
}

// Some lists mark the one in work; of the others it is the first that is not done.
bool IsCurrent(const json& todo) {
  if (const json& done = At(todo, "completed"); done.is_boolean()) return !done.get<bool>();
  return absl::EndsWithIgnoreCase(StringMember(todo, "status"), "IN_PROGRESS");
}

}  // namespace

std::vector<AgentEvent> JsonStream::ParseLine(absl::string_view line) {
  if (line.size() > kLongestJsonLine) return {{AgentEvent::Unknown{"long line"}}};
  line = absl::StripAsciiWhitespace(line);
  // Some wrappers name the stream first.
  if (absl::ConsumePrefix(&line, "stdout:") || absl::ConsumePrefix(&line, "stderr:")) {
    line = absl::StripLeadingAsciiWhitespace(line);
  }
  if (line.empty()) return {};
  const std::optional<json> event = ParseJsonLine(line);
  if (!event) return {{AgentEvent::Unknown{"not json"}}};
  if (!event->is_object()) return {{AgentEvent::Unknown{"not an object"}}};
  std::vector<AgentEvent> out;
  Dispatch(*event, &out);
  return out;
}

void ToolCalls::Begin(const std::string& id, const ToolCall& call) {
  if (calls_.size() < kMostCalls) calls_[id] = call;
}

ToolCall ToolCalls::End(const std::string& id, ToolCall told) {
  const auto started = calls_.find(id);
  if (started == calls_.end()) return told;
  if (told.name.empty()) told.name = started->second.name;
  if (told.command.empty()) told.command = started->second.command;
  if (told.path.empty()) told.path = started->second.path;
  if (told.started_ms == 0) told.started_ms = started->second.started_ms;
  calls_.erase(started);
  return told;
}

const json& NoJson() {
  static const auto* const none = new json();
  return *none;
}

const json& At(const json& object, const char* key) {
  const json* value = Member(object, key);
  return value == nullptr ? NoJson() : *value;
}

std::string ShortId(std::string id) { return id.size() <= kMostId ? std::move(id) : Sha256Hex(id); }

AgentEvent UnknownEvent(absl::string_view type, absl::string_view subtype) {
  if (type.empty()) return {AgentEvent::Unknown{"no type"}};
  const absl::string_view slash = subtype.empty() ? "" : "/";
  return {AgentEvent::Unknown{OneLine(absl::StrCat(type, slash, subtype), 64)}};
}

uint64_t CountMember(const json& object, const char* key) {
  return static_cast<uint64_t>(std::max<int64_t>(0, IntMember(object, key).value_or(0)));
}

std::string PathOf(const json& arguments) {
  for (const char* key : {"path", "filePath", "file_path", "notebook_path"}) {
    std::string path = StringMember(arguments, key);
    if (!path.empty()) return Clip(path, kCommandBytes);
  }
  return "";
}

std::string TodoText(const json& todos) {
  if (!todos.is_array() || todos.empty()) return "";
  size_t done = 0;
  std::string current;
  for (const json& todo : todos) {
    if (IsDone(todo)) ++done;
    if (!current.empty() || !IsCurrent(todo)) continue;
    const std::string content = StringMember(todo, "content");
    current = OneLine(content.empty() ? StringMember(todo, "text") : content, 200);
  }
  return absl::StrCat(done, " of ", todos.size(), " done", current.empty() ? "" : ": ", current);
}

}  // namespace handoff
