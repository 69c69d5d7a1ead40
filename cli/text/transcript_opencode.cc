// The events of `opencode run --format json` as a transcript.
#include "absl/strings/str_cat.h"
#include "cli/text/transcript_parts.h"
#include "common/text.h"

namespace handoff::transcript {
namespace {

std::string ToolText(const Json& part, bool colour) {
  const Json& state = Member(part, "state");
  const Json& input = Member(state, "input");
  std::string what;
  for (const char* key : {"command", "filePath", "pattern", "url", "description"}) {
    if (what.empty()) what = Text(input, key);
  }
  const Json& code = Member(Member(state, "metadata"), "exit");
  const bool wrong = Text(state, "status") == "error";
  std::string outcome =
      wrong ? absl::StrCat("failed: ", OneLine(Text(state, "error"), 200)) : "done";
  if (code.is_number_integer()) outcome = absl::StrCat("exit ", code.get<int64_t>());
  const bool failed = wrong || (code.is_number_integer() && code.get<int64_t>() != 0);
  return FinishedLine(CallWords(Text(part, "tool"), what), outcome, failed, colour);
}

std::string StepText(const Json& part, bool colour) {
  const std::string reason = Text(part, "reason");
  if (reason == "tool-calls" || reason == "unknown" || reason.empty()) return "";
  if (reason == "stop") return SuccessLine(Json(), colour);
  return ErrorLine(absl::StrCat("the model's answer ended early: ", reason), Json(), colour);
}

std::string ErrorText(const Json& error, bool colour) {
  const std::string message = Text(Member(error, "data"), "message");
  return ErrorLine(message.empty() ? Text(error, "name") : message, Json(), colour);
}

}  // namespace

// What tells it from the streams of others is the name of this one field.
bool OpencodeEventText(const Json& event, TranscriptState& state, std::string* out) {
  const std::string session = Text(event, "sessionID");
  if (session.empty()) return false;
  const std::string type = Text(event, "type");
  const Json& part = Member(event, "part");
  std::string text;
  if (type == "text") {
    text = Block(Text(part, "text"));
  } else if (type == "tool_use") {
    text = ToolText(part, state.colour);
  } else if (type == "step_finish") {
    text = StepText(part, state.colour);
  } else if (type == "error") {
    text = ErrorText(Member(event, "error"), state.colour);
  } else if (type != "step_start" && type != "reasoning") {
    return false;
  }
  const bool is_new = session != state.session;
  state.session = session;
  *out = is_new ? absl::StrCat(SessionLine(session, "", state.colour), text) : text;
  return true;
}

}  // namespace handoff::transcript
