// The events of `copilot --output-format json` as a transcript.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/text/transcript_parts.h"
#include "common/text.h"

namespace handoff::transcript {
namespace {

std::string CallOf(const Json& data) {
  const Json& arguments = Member(data, "arguments");
  std::string what;
  for (const char* key : {"command", "path", "pattern", "url", "description"}) {
    if (what.empty()) what = Text(arguments, key);
  }
  return CallWords(Text(data, "toolName"), what);
}

std::string CompleteText(const Json& data, TranscriptState& state) {
  const auto begun = state.calls.find(Text(data, "toolCallId"));
  const std::string call = begun == state.calls.end() ? "tool" : begun->second;
  if (begun != state.calls.end()) state.calls.erase(begun);
  const Json& code = Member(Member(data, "shellExecution"), "exitCode");
  const bool wrong = !IsTrue(data, "success");
  const std::string error = OneLine(Text(Member(data, "error"), "message"), 200);
  std::string outcome = wrong ? absl::StrCat("failed: ", error) : "done";
  if (code.is_number_integer()) outcome = absl::StrCat("exit ", code.get<int64_t>());
  const bool failed = wrong || (code.is_number_integer() && code.get<int64_t>() != 0);
  return FinishedLine(call, outcome, failed, state.colour);
}

std::string ResultText(const Json& event, bool colour) {
  const Json& took = Member(Member(event, "usage"), "sessionDurationMs");
  const Json& code = Member(event, "exitCode");
  const std::string session = SessionLine(Text(event, "sessionId"), "", colour);
  if (code == 0) return absl::StrCat(SuccessLine(took, colour), session);
  const std::string status =
      code.is_number_integer() ? absl::StrCat("exit ", code.get<int64_t>()) : "";
  return absl::StrCat(ErrorLine(status, took, colour), session);
}

bool IsSilent(absl::string_view type) {
  for (const absl::string_view group :
       {"agent.", "assistant.", "model.", "session.", "system.", "tool.", "user."}) {
    if (absl::StartsWith(type, group)) return true;
  }
  return false;
}

}  // namespace

bool CopilotEventText(const Json& event, TranscriptState& state, std::string* out) {
  const std::string type = Text(event, "type");
  const Json& data = Member(event, "data");
  if (type == "result" && event.contains("sessionId")) {
    *out = ResultText(event, state.colour);
    return true;
  }
  if (!data.is_object()) return false;
  if (type == "assistant.message") {
    *out = Block(Text(data, "content"));
  } else if (type == "tool.execution_start") {
    const std::string call = CallOf(data);
    if (state.calls.size() < 1000) state.calls[Text(data, "toolCallId")] = call;
    *out = StartedLine(call, state.colour);
  } else if (type == "tool.execution_complete") {
    *out = CompleteText(data, state);
  } else if (type == "session.error") {
    *out = TroubleLine(Text(data, "message"), state.colour);
  } else if (type == "abort") {
    *out = TroubleLine("interrupted", state.colour);
  } else {
    return IsSilent(type);
  }
  return true;
}

}  // namespace handoff::transcript
