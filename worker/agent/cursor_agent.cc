#include "worker/agent/cursor_agent.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "worker/agent/cursor_stream.h"
#include "worker/agent/failure_text.h"
#include "worker/agent/setup.h"

namespace handoff {
namespace {

constexpr char kHowToLogIn[] =
    "; run it on that worker as the worker's user (NO_OPEN_BROWSER=1 prints a link), or set "
    "CURSOR_API_KEY for the worker";

// Chat ids are UUIDs today. Anything of that kind is taken; a sentence or a flag is not.
bool LooksLikeId(absl::string_view text) {
  return text.size() >= 8 && text.size() <= 128 && text[0] != '-' &&
         std::all_of(
             text.begin(), text.end(),
             [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }) &&
         std::any_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// The address after "Logged in as", or "".
std::string AccountIn(absl::string_view status) {
  constexpr absl::string_view kWords = "logged in as ";
  const std::string lower = absl::AsciiStrToLower(status);
  const size_t at = lower.find(std::string(kWords));
  if (at == std::string::npos) return "";
  const std::vector<absl::string_view> words = absl::StrSplit(
      status.substr(at + kWords.size()), absl::ByAnyChar(" \t\n()"), absl::SkipEmpty());
  return words.empty() ? "" : Clip(words[0], 200);
}

}  // namespace

ProbeSpec CursorAgent::Probe() const {
  // Other products install an `agent` too, and npm has a `cursor-agent` that is not Cursor's, so a
  // name alone proves nothing.
  return {{{"cursor-agent", {"--version"}, {"--help"}, "Cursor Agent", {"status"}},
           {"agent", {"--version"}, {"--help"}, "Cursor Agent", {"status"}}}};
}

ProbeVerdict CursorAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict;
  if (!output) {
    verdict.message =
        "neither Cursor's own cursor-agent nor its agent is in the worker's PATH; install it with "
        "`curl https://cursor.com/install -fsS | bash`, or name it as binary in [agents.cursor]";
    return verdict;
  }
  verdict = VerdictFrom(*output, "status");
  if (output->timed_out) return verdict;
  const std::string status = StripControls(output->login_out);
  if (output->login_exit != 0 ||
      absl::StrContains(absl::AsciiStrToLower(status), "not logged in") ||
      absl::StrContains(absl::AsciiStrToLower(status), "not authenticated")) {
    verdict.message = absl::StrCat("Cursor is not logged in: `", ShellQuote(output->executable),
                                   " login`", kHowToLogIn);
  } else {
    verdict.state = ProbeVerdict::State::kReady;
    verdict.account = AccountIn(status);
  }
  return verdict;
}

std::vector<std::string> CursorAgent::CreateSessionCommand(const AgentRun& run) const {
  return {run.executable, "create-chat"};
}

absl::StatusOr<std::string> CursorAgent::ParseSessionId(absl::string_view output) const {
  // Notices (an update, say) may stand before the id.
  const std::vector<absl::string_view> lines = absl::StrSplit(output, '\n', absl::SkipWhitespace());
  if (lines.empty()) {
    return absl::FailedPreconditionError(
        "create-chat printed nothing, so there is no session to follow; no agent was started");
  }
  const absl::string_view id = absl::StripAsciiWhitespace(lines.back());
  if (LooksLikeId(id)) return std::string(id);
  return absl::FailedPreconditionError(absl::StrCat("create-chat printed no session id but '",
                                                    OneLine(lines.back(), 200),
                                                    "'; no agent was started"));
}

AgentCommand CursorAgent::Command(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable,    "--resume",    run.session, "--print",
                  "--output-format", "stream-json", "--trust",   "--yolo"};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.argv.insert(command.argv.end(), run.extra_args.begin(), run.extra_args.end());
  command.prompt_on_stdin = true;
  return command;
}

std::optional<AgentCommand> CursorAgent::SummaryCommand(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable, "--print", "--output-format", "stream-json", "--trust",
                  "--mode",       "ask"};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  return command;
}

std::unique_ptr<StreamParser> CursorAgent::NewParser() const {
  return std::make_unique<CursorStream>();
}

Verdict CursorAgent::Diagnose(const ProcessEnd&, absl::string_view stderr_tail) const {
  const std::string line = absl::AsciiStrToLower(ClassifyErrorText(stderr_tail).message);
  if (absl::StrContains(line, "workspace trust")) {
    return DiagnoseWords(stderr_tail, "Cursor",
                         "Cursor asked to trust the workspace although --trust was given; update "
                         "cursor-agent on that worker");
  }
  return DiagnoseWords(stderr_tail, "Cursor",
                       absl::StrCat("Cursor is not logged in: `cursor-agent login`", kHowToLogIn));
}

}  // namespace handoff
