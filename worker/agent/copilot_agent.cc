#include "worker/agent/copilot_agent.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "worker/agent/copilot_stream.h"
#include "worker/agent/setup.h"

namespace handoff {
namespace {

constexpr char kHowToLogIn[] =
    "; run it on that worker as the worker's user, or set COPILOT_GITHUB_TOKEN (a fine-grained "
    "token), or COPILOT_PROVIDER_BASE_URL and its companions for a model of your own, in "
    "[agents.copilot.env] of the worker's configuration";

// What it is offered when a name that no tool has is all that it may use.
constexpr char kNoTool[] = "--available-tools=none";

std::string HomeOf(const SessionPlace& place) {
  const auto moved = place.env.find("COPILOT_HOME");
  if (moved != place.env.end() && !moved->second.empty()) return moved->second;
  return absl::StrCat(place.home, "/.copilot");
}

}  // namespace

// npm's launcher waits for a native child that goes on when it is killed.
ProbeSpec CopilotAgent::Probe() const {
  ProbeSpec::Candidate copilot{"copilot", {"--version"}, {"--version"}, "GitHub Copilot CLI", {}};
  for (const char* package : {"copilot-linux-x64", "copilot-linux-arm64"}) {
    copilot.natives.push_back(absl::StrCat("../", package, "/copilot"));
    copilot.natives.push_back(absl::StrCat("node_modules/@github/", package, "/copilot"));
  }
  return {{std::move(copilot)}};
}

// No command of it tells whether it is logged in, so only its first run can.
ProbeVerdict CopilotAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict;
  if (!output) {
    verdict.message =
        "GitHub's copilot is not in the worker's PATH; install it with `npm install -g "
        "@github/copilot`, or name it as binary in [agents.copilot]";
    return verdict;
  }
  verdict = VerdictFrom(*output, "--version");
  if (output->timed_out) return verdict;
  if (verdict.version.empty()) {
    verdict.message = absl::StrCat("`", ShellQuote(output->executable),
                                   " --version` does not tell a version; install it again with "
                                   "`npm install -g @github/copilot`");
  } else {
    verdict.state = ProbeVerdict::State::kReady;
  }
  return verdict;
}

// Resumed it works in the folder of its first run, unless -C names another. --session-id would
// begin a new session where the one that is meant is gone; --resume refuses.
AgentCommand CopilotAgent::Command(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable,
                  "-C",
                  run.workspace,
                  "--output-format",
                  "json",
                  "--allow-all",
                  "--no-ask-user",
                  "--no-auto-update",
                  absl::StrCat(run.resume ? "--resume=" : "--session-id=", run.session)};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.argv.insert(command.argv.end(), run.extra_args.begin(), run.extra_args.end());
  return command;
}

std::optional<AgentCommand> CopilotAgent::SummaryCommand(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable,     "--output-format",        "json", "--no-ask-user",
                  "--no-auto-update", "--disable-builtin-mcps", kNoTool};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.env["COPILOT_ALLOW_ALL"] = "false";
  return command;
}

std::unique_ptr<StreamParser> CopilotAgent::NewParser() const {
  return std::make_unique<CopilotStream>();
}

SessionFiles CopilotAgent::FilesOf(const SessionPlace& place) const {
  return {HomeOf(place), {absl::StrCat("session-state/", place.session, "/**")}};
}

Verdict CopilotAgent::Diagnose(const ProcessEnd&, absl::string_view stderr_tail) const {
  if (absl::StrContains(stderr_tail, "No session, task, or name matched")) {
    return {FailureClass::kSessionFailed,
            "Copilot knows no session of that id on that worker, so it did nothing."};
  }
  const std::string setup = absl::StrCat("Copilot is not logged in: `copilot login`", kHowToLogIn);
  if (absl::StrContains(stderr_tail, "No authentication information found") ||
      absl::StrContains(stderr_tail, "Personal Access Tokens (ghp_) are not supported")) {
    return {FailureClass::kAgentNeedsSetup, absl::StrCat(setup, ".")};
  }
  return DiagnoseWords(stderr_tail, "Copilot", setup);
}

}  // namespace handoff
