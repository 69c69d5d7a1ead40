#include "worker/agent/claude_agent.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/text.h"
#include "worker/agent/claude_stream.h"
#include "worker/agent/json_line.h"
#include "worker/agent/project_folder.h"
#include "worker/agent/setup.h"

namespace handoff {
namespace {

constexpr char kHowToLogIn[] =
    "; run it on that worker as the worker's user, or set ANTHROPIC_API_KEY, or "
    "CLAUDE_CODE_OAUTH_TOKEN (from `claude setup-token`), in [agents.claude.env] of the worker's "
    "configuration";

// What the CLI asks a permission for, but for the tools of MCP servers: those are allowed by name,
// as extra_args = ["--allowedTools=mcp__SERVER"].
constexpr char kAllowed[] = "--allowedTools=Bash,Edit,Write,NotebookEdit,WebFetch,WebSearch";

std::string Base36(uint32_t number) {
  std::string out;
  do {
    out.insert(out.begin(), "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]);
    number /= 36;
  } while (number > 0);
  return out;
}

// The name of a project's folder: everything but letters and digits as '-', and a long one cut and
// told apart by a hash. Measured with version 2.1.332.
std::string ProjectFolder(absl::string_view directory) {
  constexpr size_t kLongest = 200;
  const std::vector<uint16_t> units = Utf16(directory);
  const std::string name = Dashed(units);
  int32_t hash = 0;
  for (const uint16_t unit : units) {
    hash = static_cast<int32_t>((static_cast<uint32_t>(hash) << 5) - static_cast<uint32_t>(hash) +
                                unit);
  }
  if (name.size() <= kLongest) return name;
  const uint32_t size = hash < 0 ? 0 - static_cast<uint32_t>(hash) : static_cast<uint32_t>(hash);
  return absl::StrCat(name.substr(0, kLongest), "-", Base36(size));
}

// `auth status` prints an object; notices may stand around it.
nlohmann::json StatusIn(absl::string_view output) {
  const size_t begin = output.find('{');
  const size_t end = output.rfind('}');
  if (begin == absl::string_view::npos || end == absl::string_view::npos || end < begin) return {};
  return ParseJsonLine(output.substr(begin, end - begin + 1)).value_or(nlohmann::json());
}

}  // namespace

ProbeSpec ClaudeAgent::Probe() const {
  return {{{"claude", {"--version"}, {"--version"}, "Claude Code", {"auth", "status"}}}};
}

ProbeVerdict ClaudeAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict;
  if (!output) {
    verdict.message =
        "Claude Code's claude is not in the worker's PATH; install it with `npm install -g "
        "@anthropic-ai/claude-code`, or name it as binary in [agents.claude]";
    return verdict;
  }
  verdict = VerdictFrom(*output, "auth status");
  if (output->timed_out) return verdict;
  const nlohmann::json status = StatusIn(output->login_out);
  if (Member(status, "loggedIn") == nullptr) {
    verdict.message = absl::StrCat("`", ShellQuote(output->executable),
                                   " auth status` does not tell whether it is logged in; update "
                                   "it with `npm install -g @anthropic-ai/claude-code`");
  } else if (!BoolMember(status, "loggedIn")) {
    verdict.message = absl::StrCat("Claude Code is not logged in: `",
                                   ShellQuote(output->executable), " auth login`", kHowToLogIn);
  } else {
    verdict.state = ProbeVerdict::State::kReady;
    verdict.account = OneLine(StringMember(status, "email"), 200);
  }
  return verdict;
}

// Nobody can answer a question for a permission, so everything that would ask is allowed
// beforehand. --dangerously-skip-permissions would be shorter, but the CLI refuses it as root
// unless IS_SANDBOX=1 claims a sandbox that a worker does not give. This way a worker does the same
// as root and as another user; the allowed shell can do all that the other flag would permit. In a
// real sandbox extra_args = ["--permission-mode", "bypassPermissions"] wins, since it comes last.
AgentCommand ClaudeAgent::Command(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable,
                  "--print",
                  "--output-format",
                  "stream-json",
                  "--verbose",
                  "--permission-mode",
                  "acceptEdits",
                  kAllowed,
                  "--disallowedTools=AskUserQuestion",
                  run.resume ? "--resume" : "--session-id",
                  run.session};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.argv.insert(command.argv.end(), run.extra_args.begin(), run.extra_args.end());
  command.env["DISABLE_AUTOUPDATER"] = "1";  // a worker's owner updates it, not a run
  return command;
}

// Without any tool there is nothing that it could do but answer. None of extra_args: a second
// --tools adds to the first.
std::optional<AgentCommand> ClaudeAgent::SummaryCommand(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable, "--print",  "--output-format",     "stream-json",
                  "--verbose",    "--tools=", "--strict-mcp-config", "--no-session-persistence"};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.env["DISABLE_AUTOUPDATER"] = "1";
  return command;
}

std::unique_ptr<StreamParser> ClaudeAgent::NewParser() const {
  return std::make_unique<ClaudeStream>();
}

SessionFiles ClaudeAgent::FilesOf(const SessionPlace& place) const {
  const auto moved = place.env.find("CLAUDE_CONFIG_DIR");
  const std::string folder = absl::StrCat("projects/", ProjectFolder(place.directory), "/");
  return {
      moved != place.env.end() && !moved->second.empty() ? moved->second
                                                         : absl::StrCat(place.home, "/.claude"),
      {absl::StrCat(folder, place.session, ".jsonl"), absl::StrCat(folder, place.session, "/**")}};
}

std::string ClaudeAgent::FileIn(const SessionPlace& place, const std::string& file) const {
  std::vector<std::string> parts = absl::StrSplit(file, absl::MaxSplits('/', 2));
  if (parts.size() < 3 || parts[0] != "projects") return file;
  return absl::StrCat("projects/", ProjectFolder(place.directory), "/", parts[2]);
}

Verdict ClaudeAgent::Diagnose(const ProcessEnd&, absl::string_view stderr_tail) const {
  if (absl::StrContains(stderr_tail, "No conversation found with session ID")) {
    return {FailureClass::kSessionFailed,
            "Claude knows no session of that id on that worker, so it did nothing."};
  }
  if (absl::StrContains(stderr_tail, "Session ID") &&
      absl::StrContains(stderr_tail, "is already in use")) {
    return {FailureClass::kSessionFailed,
            "Claude has a session of that id already, so it did nothing; resume the handoff with "
            "--fresh-session."};
  }
  return DiagnoseWords(
      stderr_tail, "Claude",
      absl::StrCat("Claude Code is not logged in: `claude auth login`", kHowToLogIn));
}

}  // namespace handoff
