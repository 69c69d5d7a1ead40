#include "worker/agent/opencode_agent.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/text.h"
#include "worker/agent/opencode_stream.h"
#include "worker/agent/setup.h"

namespace handoff {
namespace {

constexpr char kHowToLogIn[] =
    "; run it on that worker as the worker's user, or name a provider in its opencode.json";

// A worker's owner updates it, not a run.
std::map<std::string, std::string> Quiet() { return {{"OPENCODE_DISABLE_AUTOUPDATE", "1"}}; }

// An agent of its own, so that no permission of the user's configuration is about it.
constexpr char kReader[] =
    R"({"agent":{"handoff-summary":{"mode":"primary","permission":{"*":"deny"}}}})";

std::string DataOf(const SessionPlace& place) {
  const auto moved = place.env.find("XDG_DATA_HOME");
  const bool is_moved = moved != place.env.end() && !moved->second.empty();
  return absl::StrCat(is_moved ? moved->second : absl::StrCat(place.home, "/.local/share"),
                      "/opencode");
}

std::string FileOf(const SessionPlace& place) {
  return absl::StrCat("handoff/", place.session, ".json");
}

// "provider/model" a line.
bool HasModel(absl::string_view listed) {
  for (const absl::string_view line : absl::StrSplit(listed, '\n')) {
    if (absl::StrContains(line, '/') && !absl::StrContains(line, ' ')) return true;
  }
  return false;
}

}  // namespace

ProbeSpec OpencodeAgent::Probe() const {
  return {{{"opencode", {"--version"}, {"run", "--help"}, "opencode run", {"models"}}}};
}

ProbeVerdict OpencodeAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict;
  if (!output) {
    verdict.message =
        "opencode is not in the worker's PATH; install it with `npm install -g opencode-ai`, or "
        "name it as binary in [agents.opencode]";
    return verdict;
  }
  verdict = VerdictFrom(*output, "models");
  if (output->timed_out) return verdict;
  // A login, a key in the environment and a provider in the configuration all show as models.
  if (output->login_exit == 0 && HasModel(output->login_out)) {
    verdict.state = ProbeVerdict::State::kReady;
  } else {
    verdict.message = absl::StrCat("opencode has no model to use: `",
                                   ShellQuote(output->executable), " auth login`", kHowToLogIn);
  }
  return verdict;
}

// --auto answers what would ask a person; what the user's configuration denies stays denied.
AgentCommand OpencodeAgent::Command(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable, "run", "--format", "json", "--auto"};
  if (run.resume) command.argv.insert(command.argv.end(), {"--session", run.session});
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.argv.insert(command.argv.end(), run.extra_args.begin(), run.extra_args.end());
  command.env = Quiet();
  return command;
}

// Nothing of it stays: its sessions are in memory. The title spares a call of the model.
std::optional<AgentCommand> OpencodeAgent::SummaryCommand(const AgentRun& run) const {
  AgentCommand command;
  command.argv = {run.executable, "run",     "--format", "json",
                  "--title",      "summary", "--agent",  "handoff-summary"};
  if (!run.model.empty()) command.argv.insert(command.argv.end(), {"--model", run.model});
  command.env = Quiet();
  command.env["OPENCODE_CONFIG_CONTENT"] = kReader;
  command.env["OPENCODE_DB"] = ":memory:";
  return command;
}

std::unique_ptr<StreamParser> OpencodeAgent::NewParser() const {
  return std::make_unique<OpencodeStream>();
}

SessionFiles OpencodeAgent::FilesOf(const SessionPlace& place) const {
  return {DataOf(place), {FileOf(place)}};
}

std::optional<AgentCommand> OpencodeAgent::SaveSessionCommand(const std::string& executable,
                                                              const SessionPlace& place) const {
  AgentCommand command;
  command.argv = {"/bin/sh",
                  "-c",
                  "umask 077; trap 'rm -f \"$3.new\"' EXIT; trap 'exit 1' HUP INT TERM; "
                  "mkdir -p \"${3%/*}\" && \"$1\" export \"$2\" >\"$3.new\" && "
                  "test -s \"$3.new\" && mv \"$3.new\" \"$3\"",
                  "sh",
                  executable,
                  place.session,
                  absl::StrCat(DataOf(place), "/", FileOf(place))};
  command.env = Quiet();
  return command;
}

// Its status is 0 whatever happened; only its words tell. A session that it knows already keeps its
// messages, but goes on in the directory in which this runs: without that it would in the old one.
std::optional<AgentCommand> OpencodeAgent::LoadSessionCommand(const std::string& executable,
                                                              const SessionPlace& place) const {
  AgentCommand command;
  command.argv = {
      "/bin/sh",    "-c",       "\"$1\" import \"$2\" | grep -xF \"Imported session: $3\"",
      "sh",         executable, absl::StrCat(DataOf(place), "/", FileOf(place)),
      place.session};
  command.env = Quiet();
  return command;
}

Verdict OpencodeAgent::Diagnose(const ProcessEnd&, absl::string_view stderr_tail) const {
  if (absl::StrContains(stderr_tail, "Session not found")) {
    return {FailureClass::kSessionFailed,
            "opencode knows no session of that id on that worker, so it did nothing."};
  }
  return DiagnoseWords(
      stderr_tail, "opencode",
      absl::StrCat("opencode's provider refuses the login: `opencode auth login`", kHowToLogIn));
}

}  // namespace handoff
