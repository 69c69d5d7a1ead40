#include "worker/agent/qwen_agent.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/text.h"
#include "nlohmann/json.hpp"
#include "worker/agent/project_folder.h"
#include "worker/agent/qwen_stream.h"
#include "worker/agent/setup.h"

namespace handoff {
namespace {

constexpr char kHowToLogIn[] =
    " there as the worker's user and choose one with /auth, or set OPENAI_API_KEY, OPENAI_BASE_URL "
    "and OPENAI_MODEL in [agents.qwen.env] of the worker's configuration";
constexpr char kInstall[] = "`npm install -g @qwen-code/qwen-code` (it needs Node 22)";
constexpr char kNoLogin[] = "No auth type is selected";

std::string NoLogin(absl::string_view executable) {
  return absl::StrCat("Qwen Code has no login: run `", executable, "`", kHowToLogIn);
}

std::string Root(const SessionPlace& place) {
  for (const char* name : {"QWEN_RUNTIME_DIR", "QWEN_HOME"}) {
    const auto moved = place.env.find(name);
    if (moved != place.env.end() && !moved->second.empty()) return moved->second;
  }
  return absl::StrCat(place.home, "/.qwen");
}

std::string Folder(const SessionPlace& place) { return Dashed(Utf16(place.directory)); }

}  // namespace

// There is no command that tells of a login, but `/about` names it, and asks no model anything.
ProbeSpec QwenAgent::Probe() const {
  return {{{"qwen", {"--version"}, {"--help"}, "Qwen Code", {"--prompt=/about"}}}};
}

ProbeVerdict QwenAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict;
  if (!output) {
    verdict.message = absl::StrCat("Qwen Code's qwen is not in the worker's PATH; install it with ",
                                   kInstall, ", or name it as binary in [agents.qwen]");
    return verdict;
  }
  verdict = VerdictFrom(*output, "--prompt=/about");
  if (output->timed_out) return verdict;
  if (absl::StrContains(output->login_out, kNoLogin)) {
    verdict.message = NoLogin(ShellQuote(output->executable));
  } else if (output->login_exit == 0 && absl::StrContains(output->login_out, "Auth: ")) {
    verdict.state = ProbeVerdict::State::kReady;
  } else {
    verdict.message = absl::StrCat("`", ShellQuote(output->executable),
                                   " --prompt=/about` does not tell whether there is a login; "
                                   "update it with ",
                                   kInstall);
  }
  return verdict;
}

// Its launcher only waits for the process that works, and goes first when it is killed: the shim
// ends the whole group.
AgentCommand QwenAgent::Command(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable,    "--approval-mode", "yolo",
                  "--output-format", "stream-json",     run.resume ? "--resume" : "--session-id",
                  run.session};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.argv.insert(command.argv.end(), run.extra_args.begin(), run.extra_args.end());
  command.env["QWEN_CODE_SUPPRESS_YOLO_WARNING"] = "1";
  return command;
}

// In this mode it refuses every tool that changes something, also those that its settings allow;
// what would only read is taken away, too, and so are the user's servers, hooks and skills.
std::optional<AgentCommand> QwenAgent::SummaryCommand(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable, "--approval-mode",   "plan",        "--output-format",
                  "stream-json",  "--core-tools=none", "--safe-mode", "--chat-recording=false"};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  return command;
}

std::unique_ptr<StreamParser> QwenAgent::NewParser() const {
  return std::make_unique<QwenStream>();
}

SessionFiles QwenAgent::FilesOf(const SessionPlace& place) const {
  return {Root(place),
          {absl::StrCat("projects/", Folder(place), "/chats/", place.session, ".jsonl")}};
}

std::string QwenAgent::FileIn(const SessionPlace& place, const std::string& file) const {
  std::vector<std::string> parts = absl::StrSplit(file, absl::MaxSplits('/', 2));
  if (parts.size() < 3 || parts[0] != "projects") return file;
  return absl::StrCat("projects/", Folder(place), "/", parts[2]);
}

// As the CLI itself notes where a session runs (its schema 1). It asks for each of the fields.
std::map<std::string, std::string> QwenAgent::FilesBeside(const SessionPlace& place) const {
  const nlohmann::json status = {{"schema_version", 1},
                                 {"pid", 0},
                                 {"session_id", place.session},
                                 {"work_dir", EscapeInvalidUtf8(place.directory)},
                                 {"hostname", ""},
                                 {"started_at", 0},
                                 {"qwen_version", nullptr}};
  return {{absl::StrCat("projects/", Folder(place), "/chats/", place.session, ".runtime.json"),
           absl::StrCat(status.dump(), "\n")}};
}

Verdict QwenAgent::Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const {
  if (absl::StrContains(stderr_tail, "No saved session found with ID")) {
    return {FailureClass::kSessionFailed,
            "Qwen Code knows no session of that id for that directory, so it did nothing."};
  }
  if (absl::StrContains(stderr_tail, "Error: Session Id") &&
      absl::StrContains(stderr_tail, "already exists")) {
    return {FailureClass::kSessionFailed,
            "Qwen Code has a session of that id already, so it did nothing; resume the handoff "
            "with --fresh-session."};
  }
  // Of a refused key the service's own words are all that is said beside the status.
  if (absl::StrContains(stderr_tail, kNoLogin) ||
      absl::StrContains(stderr_tail, "[API Error: 401 ") ||
      absl::StrContains(stderr_tail, "[API Error: 403 ")) {
    return {FailureClass::kAgentNeedsSetup, absl::StrCat(NoLogin("qwen"), ".")};
  }
  constexpr int kBudget = 55;
  if (process.signal == 0 && process.exit_code == kBudget) {
    return {FailureClass::kLimitExceeded,
            "Qwen Code reached a budget that its settings or extra_args give a run."};
  }
  return DiagnoseWords(stderr_tail, "Qwen Code", NoLogin("qwen"));
}

}  // namespace handoff
