#include "worker/agent/gemini_agent.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/text.h"
#include "worker/agent/failure_text.h"
#include "worker/agent/gemini_stream.h"
#include "worker/agent/json_line.h"
#include "worker/agent/json_stream.h"
#include "worker/agent/setup.h"

namespace handoff {
namespace {

constexpr char kHowToLogIn[] =
    " there as the worker's user and choose a login, or set GEMINI_API_KEY in [agents.gemini.env] "
    "of the worker's configuration";
constexpr char kInstall[] = "`npm install -g @google/gemini-cli`";

// The CLI's exit statuses (its errors.ts); those of the service come modulo 256.
constexpr int kNoLogin = 41;
constexpr int kBadInput = 42;
constexpr int kBadSettings = 52;
constexpr int kTurnLimit = 53;
constexpr int kNotTrusted = 55;
// Else it starts itself once more, and the process that we know only passes on how that ended: it
// ignores SIGTERM, and killed it leaves the other one behind.
constexpr char kNoRelaunch[] = "GEMINI_CLI_NO_RELAUNCH";

constexpr uint64_t kMostRegister = 16 << 20;

std::string Root(const SessionPlace& place) {
  const auto moved = place.env.find("GEMINI_CLI_HOME");
  const std::string& home =
      moved != place.env.end() && !moved->second.empty() ? moved->second : place.home;
  return absl::StrCat(home, "/.gemini");
}

// The name of the project's folder: what the register says of the directory. In a directory where
// it never ran it takes over the folder that versions before named by a hash, when it first runs
// there.
std::string ProjectFolder(const SessionPlace& place) {
  const auto text = ReadFile(absl::StrCat(Root(place), "/projects.json"), kMostRegister);
  const nlohmann::json known =
      ParseJsonLine(text.ok() ? *text : std::string()).value_or(nlohmann::json());
  const std::string name = StringMember(At(known, "projects"), place.directory.c_str());
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-';
  });
  return plain ? name : Sha256Hex(place.directory);
}

std::string NoLogin(absl::string_view executable) {
  return absl::StrCat("Gemini has no login: run `", executable, "`", kHowToLogIn);
}

AgentCommand InMode(const char* mode, const AgentRun& run) {
  AgentCommand command;
  command.argv = {run.executable, "--approval-mode", mode,
                  "--skip-trust", "--output-format", "stream-json"};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.env[kNoRelaunch] = "true";
  command.env["NO_BROWSER"] = "true";  // nobody sits at the host
  return command;
}

// 401 arrives as 145. What is below belongs to signals, and 256 to 383 are no statuses of a
// failure.
int64_t ServiceStatus(const ProcessEnd& process) {
  const int code = process.signal == 0 ? process.exit_code.value_or(0) : 0;
  return code >= 400 - 256 && code <= 255 ? code + 256 : 0;
}

}  // namespace

// There is no command that tells of a login. `/auth` opens a dialog, so without a terminal the CLI
// ends before it asks a model anything, but after it looked for a login: 41 without one, else 42.
ProbeSpec GeminiAgent::Probe() const {
  ProbeSpec::Candidate gemini{
      "gemini", {"--version"}, {"--help"}, "Gemini CLI", {"--skip-trust", "--prompt=/auth"}};
  gemini.env[kNoRelaunch] = "true";
  return {{std::move(gemini)}};
}

ProbeVerdict GeminiAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict;
  if (!output) {
    verdict.message = absl::StrCat("Google's gemini is not in the worker's PATH; install it with ",
                                   kInstall, ", or name it as binary in [agents.gemini]");
    return verdict;
  }
  verdict = VerdictFrom(*output, "--prompt=/auth");
  if (output->timed_out) return verdict;
  if (output->login_exit == kNoLogin) {
    verdict.message = NoLogin(ShellQuote(output->executable));
  } else if (output->login_exit == kBadSettings) {
    verdict.message = absl::StrCat("Gemini cannot use its settings: ",
                                   OneLine(StripControls(output->login_out), 300));
  } else if (output->login_exit == kBadInput &&
             absl::StrContains(output->login_out, "not supported in non-interactive mode")) {
    verdict.state = ProbeVerdict::State::kReady;
  } else {
    verdict.message = absl::StrCat("`", ShellQuote(output->executable),
                                   " --prompt=/auth` does not tell whether there is a login; "
                                   "update it with ",
                                   kInstall);
  }
  return verdict;
}

AgentCommand GeminiAgent::Command(const AgentRun& run) const {
  AgentCommand command = InMode("yolo", run);
  command.argv.insert(command.argv.end(), {run.resume ? "--resume" : "--session-id", run.session});
  command.argv.insert(command.argv.end(), run.extra_args.begin(), run.extra_args.end());
  return command;
}

// Its session is one of that empty directory.
std::optional<AgentCommand> GeminiAgent::TurnCommand(const AgentRun& run) const {
  return InMode("plan", run);
}

std::unique_ptr<StreamParser> GeminiAgent::NewParser() const {
  return std::make_unique<GeminiStream>();
}

// A resumed session begins a file in every minute in which it is resumed; its agents have theirs in
// a folder.
SessionFiles GeminiAgent::FilesOf(const SessionPlace& place) const {
  const std::string folder = absl::StrCat("tmp/", ProjectFolder(place), "/chats/");
  return {Root(place),
          {absl::StrCat(folder, "session-*-", place.session.substr(0, 8), ".jsonl"),
           absl::StrCat(folder, place.session, "/**")}};
}

std::string GeminiAgent::FileIn(const SessionPlace& place, const std::string& file) const {
  std::vector<std::string> parts = absl::StrSplit(file, absl::MaxSplits('/', 2));
  if (parts.size() < 3 || parts[0] != "tmp") return file;
  return absl::StrCat("tmp/", ProjectFolder(place), "/", parts[2]);
}

Verdict GeminiAgent::Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const {
  if (absl::StrContains(stderr_tail, "Error resuming session")) {
    return {FailureClass::kSessionFailed,
            "Gemini knows no session of that id for that directory, so it did nothing."};
  }
  if (absl::StrContains(stderr_tail, "Error starting session")) {
    return {FailureClass::kSessionFailed,
            "Gemini has a session of that id already, so it did nothing; resume the handoff with "
            "--fresh-session."};
  }
  const int code = process.signal == 0 ? process.exit_code.value_or(0) : 0;
  const std::string setup = NoLogin("gemini");
  if (code == kNoLogin) return {FailureClass::kAgentNeedsSetup, absl::StrCat(setup, ".")};
  if (code == kBadSettings || code == kNotTrusted) {
    return {FailureClass::kAgentNeedsSetup,
            absl::StrCat("Gemini refused its settings on that worker (exit status ", code,
                         "); run `gemini` there as the worker's user to see why.")};
  }
  if (code == kTurnLimit) {
    return {FailureClass::kLimitExceeded,
            "Gemini reached the number of turns that maxSessionTurns in its settings allows."};
  }
  Verdict verdict = DiagnoseWords(stderr_tail, "Gemini", setup);
  const int64_t status = ServiceStatus(process);
  const FailureClass known = ClassOfStatus(status);
  if (known == FailureClass::kNone || verdict.failure == FailureClass::kQuota) return verdict;
  if (known == FailureClass::kAgentNeedsSetup) return {known, absl::StrCat(setup, ".")};
  return {known, absl::StrCat("The service behind Gemini answered with status ", status,
                              ", which is the CLI's exit status ", code, ".")};
}

}  // namespace handoff
