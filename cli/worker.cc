// handoff worker list | show | drain | undrain | remove | revoke

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/text/words.h"
#include "cli/verb.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

VerbResult ListWorkers(Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::ListWorkersResponse workers, client->ListWorkers(""));
  if (context.json) {
    for (const v1::Worker& worker : workers.workers()) context.terminal.Out(ToJsonLine(worker));
  } else if (workers.workers_size() == 0) {
    context.terminal.Say(
        "No worker is known. 'handoff worker invite' prints a line that makes a build host one.");
  } else {
    context.terminal.Out(RenderWorkers(workers, context.terminal.OutView()));
  }
  return Exit::kDone;
}

VerbResult ShowWorker(const std::string& name, Context& context) {
  RETURN_IF_ERROR(ValidateWorkerName(name));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::ListWorkersResponse workers, client->ListWorkers(name));
  if (workers.workers_size() == 0) {
    return absl::NotFoundError(absl::StrCat("there is no worker '", name,
                                            "'; 'handoff worker list' shows those that there are"));
  }
  for (const v1::Worker& worker : workers.workers()) {
    context.terminal.Out(context.json ? ToJsonLine(worker)
                                      : RenderWorker(worker, context.terminal.OutView()));
  }
  return Exit::kDone;
}

VerbResult Drain(const std::string& name, const std::string& reason, bool undrain,
                 Context& context) {
  RETURN_IF_ERROR(ValidateWorkerName(name));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::DrainWorkerRequest request;
  request.set_name(name);
  request.set_reason(reason);
  request.set_undrain(undrain);
  ASSIGN_OR_RETURN(const v1::Worker worker, client->DrainWorker(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(worker));
  } else if (undrain) {
    context.terminal.Say(absl::StrCat(worker.name(), " takes handoffs again"));
  } else {
    context.terminal.Say(absl::StrCat(
        worker.name(), " gets nothing new; ",
        worker.attempts_size() == 0 ? "nothing runs there"
                                    : absl::StrCat(worker.attempts_size(), " still running")));
  }
  return Exit::kDone;
}

// An unreachable worker may still run what it was given.
void SayWhatItHolds(const v1::Worker& worker, Client& client, Context& context) {
  for (const std::string& attempt : worker.attempts()) {
    const auto handoff = client.Get(attempt.substr(0, attempt.find('/')));
    if (!handoff.ok() || handoff->attempts().empty()) continue;
    const absl::Time until = TimeOf(handoff->attempts().rbegin()->lease_until());
    if (until == absl::InfinitePast()) continue;  // it was given away meanwhile
    const View view = context.terminal.ErrView();
    context.terminal.Say(absl::StrCat(OneLine(attempt, 100), " stays leased to it until ",
                                      absl::FormatTime("%H:%M", until, view.zone), " (",
                                      Relative(until, view.now), ")"));
  }
}

VerbResult Remove(const std::string& name, Context& context) {
  RETURN_IF_ERROR(ValidateWorkerName(name));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::RemoveWorkerRequest request;
  request.set_name(name);
  // What it holds is not shown any more when it is gone.
  ASSIGN_OR_RETURN(const v1::ListWorkersResponse workers, client->ListWorkers(name));
  RETURN_IF_ERROR(client->RemoveWorker(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(request));
    return Exit::kDone;
  }
  context.terminal.Say(absl::StrCat(
      name,
      " is forgotten, and not let in if it is started again; a line of 'handoff worker invite' "
      "makes it a new worker, with another data directory"));
  for (const v1::Worker& worker : workers.workers()) SayWhatItHolds(worker, *client, context);
  return Exit::kDone;
}

VerbResult Revoke(const std::string& name, const std::string& reason, Context& context) {
  RETURN_IF_ERROR(ValidateWorkerName(name));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::RevokeRequest request;
  request.set_worker(name);
  request.set_reason(reason);
  // What it holds is not shown any more when it is gone. One that is not listed may be revoked all
  // the same: by its uuid, or because it was removed.
  const auto workers = client->ListWorkers(name);
  if (!workers.ok() && !absl::IsNotFound(workers.status())) return workers.status();
  ASSIGN_OR_RETURN(const v1::RevokeResponse answer, client->Revoke(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(answer));
    return Exit::kDone;
  }
  context.terminal.Say(
      answer.already()
          ? absl::StrCat(name, " was revoked before")
          : absl::StrCat(name,
                         " is cut off, and comes back with a new 'handoff worker invite' "
                         "only. What its agents do on that host goes on until their leases "
                         "end: stop handoff-worker there, or the host"));
  if (!workers.ok()) return Exit::kDone;
  for (const v1::Worker& worker : workers->workers()) SayWhatItHolds(worker, *client, context);
  return Exit::kDone;
}

std::shared_ptr<std::string> AddName(CLI::App& app, const std::string& what = "The worker's name") {
  const auto name = std::make_shared<std::string>();
  app.add_option("NAME", *name, what)->required();
  return name;
}

}  // namespace

VerbRun DefineWorkerList(CLI::App&) { return ListWorkers; }

VerbRun DefineWorkerShow(CLI::App& app) {
  return [name = AddName(app)](Context& context) { return ShowWorker(*name, context); };
}

VerbRun DefineWorkerDrain(CLI::App& app) {
  const auto name = AddName(app);
  const auto reason = std::make_shared<std::string>();
  app.add_option("--reason", *reason, "Shown to those who ask why")->type_name("TEXT");
  return [name, reason](Context& context) { return Drain(*name, *reason, false, context); };
}

VerbRun DefineWorkerUndrain(CLI::App& app) {
  return [name = AddName(app)](Context& context) { return Drain(*name, "", true, context); };
}

VerbRun DefineWorkerRemove(CLI::App& app) {
  return [name = AddName(app)](Context& context) { return Remove(*name, context); };
}

VerbRun DefineWorkerRevoke(CLI::App& app) {
  const auto name = AddName(app, "The worker's name, or its uuid");
  const auto reason = std::make_shared<std::string>();
  app.add_option("--reason", *reason, "Kept in the audit log")->type_name("TEXT");
  return [name, reason](Context& context) { return Revoke(*name, *reason, context); };
}

}  // namespace handoff
