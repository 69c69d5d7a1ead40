// Claude Code's stream as a transcript, and that of Qwen Code, which has the same frames. Messages
// come in parts, and the result of a call names the call only by its id.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/text/transcript_parts.h"
#include "common/text.h"

namespace handoff::transcript {
namespace {

constexpr size_t kMostCalls = 1000;

std::string CallOf(const Json& part) {
  const Json& input = Member(part, "input");
  std::string what;
  for (const char* name : {"command", "file_path", "notebook_path", "path", "pattern", "query",
                           "url", "description"}) {
    if (what.empty()) what = Text(input, name);
  }
  return CallWords(Text(part, "name"), what);
}

std::string ContentOf(const Json& part) {
  const Json& content = Member(part, "content");
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& piece : content) absl::StrAppend(&text, Text(piece, "text"));
  return text;
}

// "exit 1", "failed: why", "done".
std::string OutcomeOf(const Json& part, bool failed) {
  if (!failed) return "done";
  const std::string content = ContentOf(part);
  absl::string_view first = content;
  first = first.substr(0, first.find('\n'));
  if (absl::ConsumePrefix(&first, "Exit code ")) return absl::StrCat("exit ", OneLine(first, 20));
  constexpr absl::string_view kQwens = "\nExit Code: ";  // a line after the output
  if (const size_t at = absl::string_view(content).rfind(kQwens); at != absl::string_view::npos) {
    const absl::string_view code = absl::string_view(content).substr(at + kQwens.size());
    return absl::StrCat("exit ", OneLine(code.substr(0, code.find('\n')), 20));
  }
  return first.empty() ? "failed" : absl::StrCat("failed: ", OneLine(first, 200));
}

std::string MessageParts(const Json& event, TranscriptState& state) {
  std::string out;
  const Json& content = Member(Member(event, "message"), "content");
  if (!content.is_array()) return out;
  for (const Json& part : content) {
    const std::string type = Text(part, "type");
    if (type == "text" && Text(event, "type") == "assistant") {
      absl::StrAppend(&out, Block(Text(part, "text")));
    } else if (type == "tool_use") {
      std::string call = CallOf(part);
      absl::StrAppend(&out, StartedLine(call, state.colour));
      if (state.calls.size() < kMostCalls) state.calls[Text(part, "id")] = std::move(call);
    } else if (type == "tool_result") {
      const bool failed = IsTrue(part, "is_error");
      const auto call = state.calls.extract(Text(part, "tool_use_id"));
      absl::StrAppend(&out, FinishedLine(call.empty() ? "tool" : call.mapped(),
                                         OutcomeOf(part, failed), failed, state.colour));
    }
  }
  return out;
}

std::string RetryWords(const Json& event) {
  const Json& status = Member(event, "error_status");
  const std::string number =
      status.is_number_integer() ? absl::StrCat(" ", status.get<int64_t>()) : "";
  return absl::StrCat("the model's service failed:", number, " ", Text(event, "error"),
                      "; it is asked again");
}

std::string LimitLine(const Json& event, bool colour) {
  const Json& info = Member(event, "rate_limit_info");
  if (Text(info, "status") != "rejected") return "";
  const std::string limit = Text(info, "rateLimitType");
  return TroubleLine(absl::StrCat("the limit '", limit, "' of the account is used up"), colour);
}

}  // namespace

bool ClaudeEventText(const Json& event, TranscriptState& state, std::string* out) {
  const std::string type = Text(event, "type");
  if (type == "assistant" || type == "user") {
    *out = MessageParts(event, state);  // the prompt is in handoff.md
  } else if (type == "system" && Text(event, "subtype") == "api_retry") {
    *out = TroubleLine(RetryWords(event), state.colour);
  } else if (type == "system" && Text(event, "subtype") == "retry") {
    *out = TroubleLine("the model's service failed; it is asked again", state.colour);
  } else if (type == "rate_limit_event") {
    *out = LimitLine(event, state.colour);
  } else {
    const bool quiet = type == "system" && Text(event, "subtype") == "permission_denied";
    return quiet || type == "tool_progress" || type == "stream_event" || type == "keep_alive" ||
           absl::StartsWith(type, "control_");
  }
  return true;
}

}  // namespace handoff::transcript
