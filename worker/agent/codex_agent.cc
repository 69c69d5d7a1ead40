#include "worker/agent/codex_agent.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "common/uuid.h"
#include "worker/agent/codex_stream.h"
#include "worker/agent/json_line.h"
#include "worker/agent/json_stream.h"
#include "worker/agent/setup.h"

namespace handoff {
namespace {

constexpr uint64_t kMostPromptCharacters = 1 << 20;

constexpr char kHowToLogIn[] =
    "; run it on that worker as the worker's user, or set CODEX_API_KEY in [agents.codex.env] of "
    "the worker's configuration";

// `login status` knows nothing of keys in the environment and of providers in config.toml.
bool DoctorFoundALogin(absl::string_view report) {
  const nlohmann::json json = ParseJsonLine(report).value_or(nlohmann::json());
  return StringMember(At(At(json, "checks"), "auth.credentials"), "status") == "ok";
}

// The values of -c and --config, however they are written.
std::vector<std::string> SettingsIn(const std::vector<std::string>& args) {
  std::vector<std::string> settings;
  for (size_t i = 0; i < args.size(); ++i) {
    absl::string_view arg = args[i];
    if (arg == "-c" || arg == "--config") {
      if (++i < args.size()) settings.push_back(args[i]);
    } else if (absl::ConsumePrefix(&arg, "--config=") || absl::ConsumePrefix(&arg, "-c=") ||
               absl::ConsumePrefix(&arg, "-c")) {
      settings.emplace_back(arg);
    }
  }
  return settings;
}

}  // namespace

ProbeSpec CodexAgent::Probe() const {
  ProbeSpec::Candidate codex{
      "codex", {"--version"}, {"--version"}, "codex-cli", {"login", "status"}};
  codex.doctor_args = {"doctor", "--json"};
  // npm's launcher may be a Node process whose native child goes on when it is killed. The shim
  // ends the whole tree all the same, but a killed launcher would count as the agent's end before
  // that.
  for (const char* machine : {"x86_64", "aarch64"}) {
    const absl::string_view package =
        absl::StartsWith(machine, "x86") ? "codex-linux-x64" : "codex-linux-arm64";
    const std::string native = absl::StrCat("/vendor/", machine, "-unknown-linux-musl/bin/codex");
    codex.natives.push_back(absl::StrCat("../../", package, native));
    codex.natives.push_back(absl::StrCat("../node_modules/@openai/", package, native));
  }
  return {{std::move(codex)}};
}

ProbeVerdict CodexAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict;
  if (!output) {
    verdict.message =
        "OpenAI's codex is not in the worker's PATH; install it with `npm install -g "
        "@openai/codex`, or name it as binary in [agents.codex]";
    return verdict;
  }
  verdict = VerdictFrom(*output, "login status");
  if (output->timed_out) return verdict;
  if (output->login_exit == 0 || DoctorFoundALogin(output->doctor_out)) {
    verdict.state = ProbeVerdict::State::kReady;
  } else {
    verdict.message = absl::StrCat("Codex is not logged in: `", ShellQuote(output->executable),
                                   " login --device-auth`", kHowToLogIn);
  }
  return verdict;
}

AgentCommand CodexAgent::Command(const AgentRun& run) const {
  AgentCommand command;
  command.most_prompt_characters = kMostPromptCharacters;
  command.argv = {run.executable, "exec"};
  // It takes everything but a UUID for a name, and begins a session of that name without a word.
  // The stream then tells another id than the one that was asked for, and the record says so.
  const bool resume = run.resume && IsUuid(run.session);
  if (resume) command.argv.emplace_back("resume");
  // Its own sandbox protects .git, so nothing could be committed in it, and has no network.
  command.argv.insert(command.argv.end(), {"--json", "--skip-git-repo-check",
                                           "--dangerously-bypass-approvals-and-sandbox"});
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.argv.insert(command.argv.end(), run.extra_args.begin(), run.extra_args.end());
  command.argv.emplace_back("--");
  if (resume) command.argv.push_back(run.session);
  command.argv.emplace_back("-");  // the prompt is on stdin
  return command;
}

// Of extra_args only settings, over which --sandbox wins:
// --dangerously-bypass-approvals-and-sandbox wins over it without a word.
std::optional<AgentCommand> CodexAgent::SummaryCommand(const AgentRun& run) const {
  AgentCommand command;
  command.most_prompt_characters = kMostPromptCharacters;
  command.argv = {run.executable, "exec", "--json", "--skip-git-repo-check"};
  for (const std::string& setting : SettingsIn(run.extra_args)) {
    command.argv.insert(command.argv.end(), {"-c", setting});
  }
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.argv.insert(command.argv.end(), {"--sandbox", "read-only", "--ephemeral", "--", "-"});
  return command;
}

std::unique_ptr<StreamParser> CodexAgent::NewParser() const {
  return std::make_unique<CodexStream>();
}

SessionFiles CodexAgent::FilesOf(const SessionPlace& place) const {
  const auto moved = place.env.find("CODEX_HOME");
  return {moved != place.env.end() && !moved->second.empty() ? moved->second
                                                             : absl::StrCat(place.home, "/.codex"),
          {absl::StrCat("sessions/*/*/*/rollout-*-", place.session, ".jsonl")}};
}

Verdict CodexAgent::Diagnose(const ProcessEnd&, absl::string_view stderr_tail) const {
  if (absl::StrContains(stderr_tail, "no rollout found")) {
    return {FailureClass::kSessionFailed,
            "Codex knows no session of that id on that worker, so it did nothing."};
  }
  if (absl::StrContains(stderr_tail, "already has an active writer")) {
    return {FailureClass::kSessionFailed,
            "Another process on that worker uses the session, so Codex did nothing."};
  }
  if (absl::StrContains(stderr_tail, "thread/resume failed")) {
    return {FailureClass::kSessionFailed,
            "Codex cannot read what that worker has of the session, so it did nothing."};
  }
  if (absl::StrContains(stderr_tail, "exceeds the maximum length")) {
    return {
        FailureClass::kLimitExceeded,
        "The prompt is longer than Codex takes (1,048,576 characters); shorten the task, or put "
        "it into a file of the repository."};
  }
  return DiagnoseWords(
      stderr_tail, "Codex",
      absl::StrCat("Codex is not logged in: `codex login --device-auth`", kHowToLogIn));
}

}  // namespace handoff
