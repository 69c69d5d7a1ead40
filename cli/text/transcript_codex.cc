// The events of `codex exec --json` as a transcript.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/text/transcript_parts.h"
#include "common/text.h"

namespace handoff::transcript {
namespace {

std::string OutcomeOf(const Json& item, bool* failed) {
  const std::string status = Text(item, "status");
  const Json& code = Member(item, "exit_code");
  *failed = status == "failed" || status == "declined";
  if (code.is_number_integer()) return absl::StrCat("exit ", code.get<int64_t>());
  return status.empty() || status == "completed" ? "done" : OneLine(status, 40);
}

std::string CallLine(const Json& item, const std::string& call, bool done, bool colour) {
  if (!done) return StartedLine(call, colour);
  bool failed = false;
  const std::string outcome = OutcomeOf(item, &failed);
  return FinishedLine(call, outcome, failed, colour);
}

std::string ChangeLines(const Json& item, bool colour) {
  std::string out;
  const Json& changes = Member(item, "changes");
  if (!changes.is_array()) return out;
  for (const Json& change : changes) {
    const std::string call = CallWords(Text(change, "kind"), Text(change, "path"));
    absl::StrAppend(&out, CallLine(item, call, true, colour));
  }
  return out;
}

std::string TodoLines(const Json& item) {
  std::string out;
  const Json& todos = Member(item, "items");
  if (!todos.is_array()) return out;
  for (const Json& todo : todos) {
    absl::StrAppend(&out, IsTrue(todo, "completed") ? "[x] " : "[ ] ",
                    OneLine(Text(todo, "text"), 200), "\n");
  }
  return out;
}

// false: not an item that we know.
bool ItemText(const Json& item, bool done, bool colour, std::string* out) {
  const std::string type = Text(item, "type");
  if (type == "command_execution") {
    *out = CallLine(item, CallWords("shell", Text(item, "command")), done, colour);
  } else if (type == "file_change") {
    if (done) *out = ChangeLines(item, colour);
  } else if (type == "mcp_tool_call") {
    const std::string name = absl::StrCat("mcp:", Text(item, "server"), "/", Text(item, "tool"));
    *out = CallLine(item, CallWords(name, ""), done, colour);
  } else if (type == "web_search") {
    *out = CallLine(item, CallWords("web_search", Text(item, "query")), done, colour);
  } else if (type == "todo_list") {
    *out = TodoLines(item);
  } else if (type == "agent_message") {
    if (done) *out = Block(Text(item, "text"));
  } else if (type == "error") {
    *out = TroubleLine(Text(item, "message"), colour);
  } else {
    return type == "reasoning" || type == "collab_tool_call";
  }
  return true;
}

}  // namespace

bool CodexEventText(const Json& event, const TranscriptState& state, std::string* out) {
  const std::string type = Text(event, "type");
  if (type == "thread.started") {
    *out = SessionLine(Text(event, "thread_id"), "", state.colour);
  } else if (type == "item.started" || type == "item.completed") {
    return ItemText(Member(event, "item"), type == "item.completed", state.colour, out);
  } else if (type == "turn.completed") {
    *out = SuccessLine(Json(), state.colour);
  } else if (type == "turn.failed") {
    *out = ErrorLine(Text(Member(event, "error"), "message"), Json(), state.colour);
  } else if (type == "error") {
    *out = TroubleLine(Text(event, "message"), state.colour);
  } else {
    return type == "turn.started" || type == "item.updated";
  }
  return true;
}

}  // namespace handoff::transcript
