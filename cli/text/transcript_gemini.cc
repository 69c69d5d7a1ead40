// Gemini CLI's stream as a transcript. A text comes in pieces, and the result of a call names the
// call only by its id.
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/text/transcript_parts.h"
#include "common/text.h"

namespace handoff::transcript {
namespace {

constexpr size_t kMostCalls = 1000;
constexpr size_t kMostSaid = 64 << 10;  // before it is shown, although the text goes on

std::string CallOf(const Json& event) {
  const Json& parameters = Member(event, "parameters");
  std::string what;
  for (const char* name : {"command", "file_path", "dir_path", "path", "pattern", "query", "url",
                           "prompt", "description"}) {
    if (what.empty()) what = Text(parameters, name);
  }
  return CallWords(Text(event, "tool_name"), what);
}

// A shell's call that failed is a "success", too: its exit status is told to the model only.
std::string ResultOf(const Json& event, TranscriptState& state) {
  const auto call = state.calls.extract(Text(event, "tool_id"));
  const bool failed = Text(event, "status") != "success";
  const std::string why = Text(Member(event, "error"), "message");
  return FinishedLine(call.empty() ? "tool" : call.mapped(),
                      !failed       ? "done"
                      : why.empty() ? "failed"
                                    : absl::StrCat("failed: ", OneLine(why, 200)),
                      failed, state.colour);
}

std::string EndOf(const Json& event, bool colour) {
  const Json& duration = Member(Member(event, "stats"), "duration_ms");
  if (Text(event, "status") == "success") return SuccessLine(duration, colour);
  return ErrorLine(Text(Member(event, "error"), "message"), duration, colour);
}

std::string Said(const Json& event, TranscriptState& state) {
  if (Text(event, "role") != "assistant") return "";  // the prompt is in handoff.md
  absl::StrAppend(&state.said, Text(event, "content"));
  return IsTrue(event, "delta") && state.said.size() < kMostSaid ? "" : SaidSoFar(state);
}

bool IsGeminis(const Json& event, const std::string& type) {
  if (type == "result") return event.contains("status") && event.contains("stats");
  if (type == "error") return event.contains("severity");
  if (type == "tool_use" || type == "tool_result") return event.contains("tool_id");
  return type == "message" || (type == "init" && event.contains("session_id"));
}

}  // namespace

bool GeminiEventText(const Json& event, TranscriptState& state, std::string* out) {
  const std::string type = Text(event, "type");
  if (!IsGeminis(event, type)) return false;
  if (type == "message") {
    *out = Said(event, state);
    return true;
  }
  *out = SaidSoFar(state);
  if (type == "init") {
    absl::StrAppend(out,
                    SessionLine(Text(event, "session_id"), Text(event, "model"), state.colour));
  } else if (type == "tool_use") {
    std::string call = CallOf(event);
    absl::StrAppend(out, StartedLine(call, state.colour));
    if (state.calls.size() < kMostCalls) state.calls[Text(event, "tool_id")] = std::move(call);
  } else if (type == "tool_result") {
    absl::StrAppend(out, ResultOf(event, state));
  } else if (type == "error") {
    absl::StrAppend(out, TroubleLine(Text(event, "message"), state.colour));
  } else {
    absl::StrAppend(out, EndOf(event, state.colour));
  }
  return true;
}

}  // namespace handoff::transcript
