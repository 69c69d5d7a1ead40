#include "cli/text/mcp_answer.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/text/exit_status.h"
#include "cli/text/log_part.h"
#include "common/text.h"

namespace handoff {
namespace {

using Json = nlohmann::json;

// Of the lines about a call that succeeded, and of a wait's.
constexpr size_t kMostNotes = 24;
constexpr size_t kMostWaitNotes = 3;

std::string Clean(absl::string_view text) { return StripControls(EscapeInvalidUtf8(text)); }

Json ResultOf(const std::string& text, bool is_error, Json structured) {
  return {{"content", Json::array({{{"type", "text"}, {"text", text}}})},
          {"isError", is_error},
          {"structuredContent", std::move(structured)}};
}

std::vector<std::string> LinesOf(const std::string& notes) {
  return absl::StrSplit(notes, '\n', absl::SkipEmpty());
}

// Whole lines where there are any, else whole characters.
absl::string_view WholePart(absl::string_view part) {
  const size_t newline = part.rfind('\n');
  if (newline != absl::string_view::npos) return part.substr(0, newline + 1);
  size_t end = part.size();
  while (end > 1 && part.size() - end < 4 &&
         (static_cast<unsigned char>(part[end - 1]) & 0xC0) == 0x80)
    --end;
  const bool cut = end > 1 && static_cast<unsigned char>(part[end - 1]) >= 0xC0;
  return cut ? part.substr(0, end - 1) : part;
}

// What was printed, with where it goes on when it is longer.
std::string Printed(const McpTool& tool, const McpCommand& command, const McpRan& ran,
                    Json& structured) {
  const bool may_go_on =
      std::any_of(tool.parameters.begin(), tool.parameters.end(),
                  [](const McpParameter& p) { return p.place == McpParameter::kOffset; });
  const uint64_t kept_to = command.offset + ran.out.size();
  if (command.offset > ran.out_size) {
    return absl::StrCat("[offset ", command.offset, " is past the end, ", ran.out_size, "]\n");
  }
  if (kept_to >= ran.out_size) return Clean(ran.out);
  const absl::string_view part = WholePart(ran.out);
  const uint64_t end = command.offset + part.size();
  structured["more"] = true;
  if (may_go_on) structured["next_offset"] = end;
  return absl::StrCat(
      Clean(part), "[bytes ", command.offset, " to ", end, " of ", ran.out_size,
      may_go_on ? absl::StrCat("; offset ", end, " goes on") : absl::StrCat("; ", tool.rest),
      "]\n");
}

// The line that says where a log goes on, as a parameter of the tool.
std::vector<std::string> WithOffsets(std::vector<std::string> notes, Json& structured) {
  for (std::string& note : notes) {
    const std::optional<LogPart> part = ParseLogPart(note);
    if (!part.has_value()) continue;
    const bool more = part->to < part->size;
    structured["attempt"] = part->attempt;
    structured["next_offset"] = part->to;
    structured["more"] = more;
    note =
        absl::StrCat("[attempt ", part->attempt, ": bytes ", part->from, " to ", part->to, " of ",
                     part->size, "; ", more ? "" : "that is its present end, and what comes is at ",
                     "offset ", part->to, more ? " goes on]" : "]");
  }
  return notes;
}

std::string NotesText(const std::vector<std::string>& notes, size_t most) {
  const size_t begin = notes.size() - std::min(notes.size(), most);
  return Clean(
      absl::StrJoin(notes.begin() + static_cast<std::ptrdiff_t>(begin), notes.end(), "\n"));
}

std::string Join(const std::string& first, const std::string& second) {
  const bool between = !first.empty() && !second.empty();
  return absl::StrCat(first, between && first.back() != '\n' ? "\n" : "", second);
}

Json WaitResult(const McpRan& ran, int status) {
  // A verdict is on stdout once there is one; how it stands is said on stderr.
  const bool settled = !ran.out.empty();
  const bool over = status == static_cast<int>(Exit::kTimedOut) || ran.left;
  std::string text = settled ? Clean(ran.out) : NotesText(LinesOf(ran.notes), kMostWaitNotes);
  if (!settled && over)
    text = Join(text, "It goes on: call wait again, or do other work meanwhile.");
  return ResultOf(text, !settled && !over, {{"exit_status", status}, {"settled", settled}});
}

}  // namespace

Json McpResult(const McpTool& tool, const McpCommand& command, const McpRan& ran) {
  const int status = ran.exit.signal != 0 ? 128 + ran.exit.signal : ran.exit.code;
  if (tool.answer == McpTool::kWait) return WaitResult(ran, status);
  Json structured = {{"exit_status", status}};
  const std::string printed = Printed(tool, command, ran, structured);
  std::vector<std::string> notes = LinesOf(ran.notes);
  if (tool.answer == McpTool::kLogs) notes = WithOffsets(std::move(notes), structured);
  if (status != 0) {
    std::string said = NotesText(notes, kMostNotes);
    if (ran.left)
      said = Join(said, absl::StrCat("It was ended after ", HumanDuration(tool.limit), "."));
    if (said.empty()) said = absl::StrCat("handoff ended with exit status ", status);
    return ResultOf(Join(said, printed), true, std::move(structured));
  }
  if (tool.answer == McpTool::kSubmit && !printed.empty()) {
    structured["id"] = std::string(absl::StripAsciiWhitespace(printed));
  }
  const std::string text = Join(printed, NotesText(notes, kMostNotes));
  return ResultOf(text.empty() ? "Done." : text, false, std::move(structured));
}

Json McpRefusal(const absl::Status& status) {
  return ResultOf(Clean(absl::StrCat("handoff: ", status.message())), true,
                  {{"exit_status", static_cast<int>(ExitFor(status))}});
}

}  // namespace handoff
