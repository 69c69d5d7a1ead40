#include "worker/session_command.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/beneath.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"
#include "spdlog/spdlog.h"
#include "worker/agent_probes.h"
#include "worker/checkpointing.h"
#include "worker/session_files.h"

namespace handoff::worker {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(30);

absl::StatusOr<std::string> Executable(const Surroundings& around, const Attempt& attempt,
                                       int cancel) {
  const std::string name(attempt.agent->name());
  auto found = around.probes.Find(name);
  if (!found) {
    around.probes.Probe(*attempt.agent, cancel);
    found = around.probes.Find(name);
  }
  if (!found || found->executable.empty()) {
    return absl::NotFoundError(absl::StrCat("there is no ", name, " on this worker"));
  }
  return found->executable;
}

absl::Status RunIt(const Surroundings& around, const Attempt& attempt, const AgentCommand& command,
                   int cancel) {
  SpawnOptions options;
  options.argv = command.argv;
  options.env = attempt.EnvironmentOf(around.config, command.env, attempt.dir.path());
  options.cwd = attempt.workspace;
  const auto result = RunProcess(options, "", kLimit, cancel);
  attempt.EndStrays();
  RETURN_IF_ERROR(result.status());
  if (result->timed_out) {
    return absl::DeadlineExceededError(
        absl::StrCat(attempt.agent->name(), " gave no answer within ", HumanDuration(kLimit)));
  }
  if (result->status.ok()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(attempt.agent->name(), " failed: ", OneLine(result->err + result->out, 200)));
}

// What an earlier attempt wrote would be taken for the conversation as it is now.
absl::Status DropSaved(const Agent& agent, const SessionPlace& place) {
  const SessionFiles where = SessionFilesOf(agent, place);
  const FoundSession found = FindSession(where, /*running=*/false);
  if (found.files.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Beneath root, Beneath::Open(where.root));
  for (const std::string& file : found.files) RETURN_IF_ERROR(root.Remove(file));
  return absl::OkStatus();
}

absl::Status TrySave(const Surroundings& around, const Attempt& attempt, const SessionPlace& place,
                     int cancel) {
  // Most agents have no such command, and then nothing is looked for.
  if (!attempt.agent->SaveSessionCommand("", place)) return absl::OkStatus();
  RETURN_IF_ERROR(DropSaved(*attempt.agent, place));
  ASSIGN_OR_RETURN(const std::string executable, Executable(around, attempt, cancel));
  return RunIt(around, attempt, *attempt.agent->SaveSessionCommand(executable, place), cancel);
}

}  // namespace

void SaveSession(const Surroundings& around, Attempt& attempt, const std::string& session,
                 int cancel) {
  if (attempt.agent == nullptr || session.empty()) return;
  const SessionPlace place = SessionPlaceOf(around, attempt, session);
  if (SessionFilesOf(*attempt.agent, place).root.empty()) return;
  const absl::Status saved = TrySave(around, attempt, place, cancel);
  if (saved.ok() || absl::IsCancelled(saved)) return;
  SPDLOG_WARN("{}: the session could not be saved: {}", attempt.key.ToString(),
              std::string(saved.message()));
  attempt.end->mutable_facts()->add_notes(OneLine(
      EscapeInvalidUtf8(absl::StrCat(
          "The session ", session, " could not be saved for other hosts: ", saved.message(), ".")),
      300));
}

absl::Status LoadSession(const Surroundings& around, const Attempt& attempt,
                         const std::string& session, int cancel) {
  const SessionPlace place = SessionPlaceOf(around, attempt, session);
  if (!attempt.agent->LoadSessionCommand("", place)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string executable, Executable(around, attempt, cancel));
  return RunIt(around, attempt, *attempt.agent->LoadSessionCommand(executable, place), cancel);
}

}  // namespace handoff::worker
