#include "cli/takeover_host.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/taken/taken_directory.h"
#include "cli/text/interactive.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

// How a person opens the agent there: in its own session, when there is one.
std::vector<std::string> AgentCommand(const v1::Handoff& handoff, const std::string& session) {
  const std::vector<std::string> programs = ProgramsOf(handoff.agent());
  if (programs.empty()) return {};
  if (!session.empty()) return OpenSession(handoff.agent(), programs[0], session);
  return OpenWithPrompt(handoff.agent(), programs[0], handoff.model(),
                        absl::StrCat("Read ", TakenPath(handoff.id()),
                                     "/handoff.md and go on with its Headed Takeover Prompt."));
}

}  // namespace

absl::StatusOr<HostWork> FindHostWork(const v1::Handoff& handoff, Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  const std::string name = OneLine(handoff.taken_on(), 64);
  ASSIGN_OR_RETURN(const v1::ListWorkersResponse workers, client->ListWorkers(handoff.taken_on()));
  const auto worker =
      std::find_if(workers.workers().begin(), workers.workers().end(),
                   [&](const v1::Worker& each) { return each.name() == handoff.taken_on(); });
  const auto& attempts = handoff.attempts();
  const auto there = std::find_if(attempts.rbegin(), attempts.rend(), [&](const v1::Attempt& each) {
    return each.worker() == handoff.taken_on() && !each.workspace().empty();
  });
  const bool known = worker != workers.workers().end() && there != attempts.rend();
  // A worker said it, and a person or their shell executes it.
  if (!known || !ValidateSshTarget(worker->ssh()).ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id(), " is yours on ", name, ", but how that is reached is not known",
        known ? absl::StrCat(": its workspace is ", OneLine(there->workspace(), 400)) : "",
        ". Set ssh = \"USER@HOST\" in that worker's configuration, or give it back with 'handoff "
        "return ",
        handoff.id(), "'"));
  }
  HostWork work;
  work.workspace = there->workspace();
  work.command = OpenOnHost(worker->ssh(), work.workspace, AgentCommand(handoff, there->session()));
  return work;
}

}  // namespace handoff
