// handoff resume

#include <CLI/CLI.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/text/json.h"
#include "cli/text/options.h"
#include "cli/text/words.h"
#include "cli/verb.h"
#include "cli/wait_reason.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct ResumeFlags {
  std::string id;
  std::string on, agent, model, timeout;
  std::vector<std::string> checks, env;
  std::optional<int> from_attempt;
  bool fresh_session = false, now = false;
};

absl::StatusOr<v1::ResumeRequest> RequestFor(const ResumeFlags& flags, Context& context) {
  v1::ResumeRequest request;
  if (!flags.on.empty()) RETURN_IF_ERROR(ValidateWorkerName(flags.on));
  if (!flags.agent.empty()) RETURN_IF_ERROR(ValidateAgentName(flags.agent));
  RETURN_IF_ERROR(ValidateModel(flags.model));
  if (!flags.timeout.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration timeout, ParseDuration("--timeout", flags.timeout));
    SetDuration(timeout, request.mutable_timeout());
  }
  if (flags.from_attempt.value_or(1) < 1) {
    return absl::InvalidArgumentError("--from-attempt counts from 1");
  }
  for (const std::string& check : flags.checks) {
    if (absl::StripAsciiWhitespace(check).empty()) {
      return absl::InvalidArgumentError("--check is empty: give the command that must pass");
    }
    request.add_checks()->set_command(check);
  }
  ASSIGN_OR_RETURN(const auto variables, ParseEnvironment(flags.env, context.environment));
  request.mutable_env()->insert(variables.begin(), variables.end());
  request.set_from_attempt(flags.from_attempt.value_or(0));
  request.set_now(flags.now);
  request.set_on_worker(flags.on);
  request.set_agent(flags.agent);
  request.set_model(flags.model);
  request.set_fresh_session(flags.fresh_session);
  ASSIGN_OR_RETURN(*request.mutable_id(), context.ResolveId(flags.id));
  return request;
}

VerbResult Resume(const ResumeFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(const v1::ResumeRequest request, RequestFor(flags, context));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Resume(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(handoff));
    return Exit::kDone;
  }
  context.terminal.Say(absl::StrCat(handoff.id(), ": attempt ",
                                    std::max(handoff.attempt_count(), handoff.attempts_size()),
                                    " is queued; 'handoff logs -f ", handoff.id(), "' follows it"));
  SayWhyItWaits(handoff.id(), context);
  return Exit::kDone;
}

}  // namespace

VerbRun DefineResume(CLI::App& app) {
  const auto flags = std::make_shared<ResumeFlags>();
  app.add_option("ID", flags->id, "A part of the id that no other has; - is your last one here")
      ->required();
  app.add_option("--on", flags->on, "This time only on this worker")->type_name("WORKER");
  app.add_flag("--fresh-session", flags->fresh_session,
               "Let the agent begin a new session, told what is known");
  app.add_option("--from-attempt", flags->from_attempt,
                 "Go on from what this attempt left, instead of the newest that counts")
      ->type_name("N");
  app.add_flag("--now", flags->now,
               "Give up at once what an unreachable worker holds; it may run on");
  app.add_option("--agent", flags->agent, "Another agent than before")->type_name("A");
  app.add_option("--model", flags->model, "Another model than before")->type_name("M");
  app.add_option("--check", flags->checks, "Command that must pass, instead of those submitted")
      ->type_name("CMD")
      ->allow_extra_args(false);
  app.add_option("--timeout", flags->timeout, "The attempt's hard cap")->type_name("D");
  app.add_option("--env", flags->env,
                 "Variable for the agent, its value hidden; NAME alone: taken from here")
      ->type_name("NAME[=V]")
      ->allow_extra_args(false);
  return [flags](Context& context) { return Resume(*flags, context); };
}

}  // namespace handoff
