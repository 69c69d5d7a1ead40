// handoff doctor

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cli/doctor_agents.h"
#include "cli/doctor_placement.h"
#include "cli/doctor_project.h"
#include "cli/doctor_report.h"
#include "cli/doctor_turns.h"
#include "cli/settings.h"
#include "cli/snapshot/snapshot.h"
#include "cli/submit_source.h"
#include "cli/text/options.h"
#include "cli/text/render.h"
#include "cli/text/words.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "common/version.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct DoctorFlags {
  std::string worker, repo, agent, timeout;
  bool turn = false;
};

// What was looked at, for what is asked of several of them together.
struct Seen {
  v1::ListWorkersResponse workers;
  std::optional<Snapshot> snapshot;
};

// How far the coordinator's clock is ahead of ours.
void CheckClock(absl::Duration ahead, Report& report) {
  const absl::Duration off = absl::AbsDuration(ahead);
  if (off <= kClockOff) {
    report.Ok("clock", "this host's agrees with the coordinator's");
    return;
  }
  const std::string detail = absl::StrCat("this host's is ", ClockWords(-ahead));
  if (off < kClockWrong) {
    report.Note("clock", detail, "times that are shown here are off by as much; set the clocks");
  } else {
    report.Problem("clock", detail,
                   "set the clocks: a certificate that was just made is not valid yet where the "
                   "clock is behind, and one that is good counts as expired where it is ahead");
  }
}

// Ours, as it lies here: whatever the coordinator thinks of it.
void CheckCertificate(const PoolAccess& access, absl::Time now, Report& report) {
  const Certificate& certificate =
      access.stored.has_value() ? access.stored->certificate : access.ticket->certificate;
  const std::string whose =
      access.stored.has_value()
          ? absl::StrCat("you are ", access.user(), " in pool ")
          : absl::StrCat("HANDOFF_TOKEN is token ", access.ticket->token_id, " of pool ");
  std::string detail = absl::StrCat(
      whose, access.pool_id(), ", until ",
      absl::FormatTime("%Y-%m-%d %H:%M", certificate.not_after(), absl::LocalTimeZone()), " (",
      Relative(certificate.not_after(), now), ")");
  if (!access.stored.has_value() || !access.stored->is_login) {
    report.Ok("certificate", detail);
    return;
  }
  const RenewalRecord last = ReadRenewalRecord(access.stored->directory);
  if (!last.error.empty() && now >= RenewalTime(certificate)) {
    report.Note(
        "certificate", detail,
        absl::StrCat("it could not be renewed ", Relative(last.tried_at, now), ": ", last.error));
    return;
  }
  absl::StrAppend(&detail, "; renewed by itself ",
                  now < RenewalTime(certificate)
                      ? absl::StrCat("from ",
                                     absl::FormatTime("%Y-%m-%d", RenewalTime(certificate),
                                                      absl::LocalTimeZone()),
                                     " on")
                      : "about now");
  report.Ok("certificate", detail);
}

void CheckCoordinator(const v1::PoolInfo& pool, const std::string& address, Report& report) {
  report.Ok("coordinator", absl::StrCat("answers at ", address, ", version ", pool.version(), ", ",
                                        pool.live(), " running, ", pool.queued(), " queued"));
  if (pool.version() != kVersion) {
    report.Note("version",
                absl::StrCat("this command is ", kVersion, ", the coordinator ", pool.version()),
                "update the older one");
  }
  CheckClock(TimeOf(pool.now()) - absl::Now(), report);
  if (pool.writable()) {
    report.Ok("disk", absl::StrCat(HumanBytes(pool.disk_free_bytes()), " free at the coordinator"));
  } else {
    report.Problem("disk",
                   absl::StrCat("the coordinator has ", HumanBytes(pool.disk_free_bytes()),
                                " free, below its reserve: it accepts nothing new"),
                   "free space below its data directory");
  }
}

// What may keep it from coming in, also while it is away: then it may be the reason.
void CheckAccessOf(const v1::Worker& worker, const std::string& name, Report& report) {
  const absl::Time until = TimeOf(worker.certificate_not_after()), now = absl::Now();
  const bool known = worker.has_certificate_not_after();
  const std::string when = known ? Relative(until, now) : "";
  if (known && until <= now) {
    report.Problem(name, absl::StrCat("its certificate expired ", when),
                   "it renews it by itself when it runs and its clock is right: 'handoff-worker "
                   "doctor' on that host says more; after 90 days it has to join again");
  } else if (!worker.renewal_problem().empty()) {
    report.Note(name,
                absl::StrCat("could not renew its certificate, which ends ", when, ": ",
                             OneLine(worker.renewal_problem(), 400)),
                "it tries again by itself; 'handoff-worker doctor' on that host says more");
  }
  if (!worker.has_clock_ahead()) return;
  const absl::Duration ahead = DurationOf(worker.clock_ahead());
  const absl::Duration off = absl::AbsDuration(ahead);
  if (off <= kClockOff) return;
  const std::string detail = absl::StrCat("its clock is ", ClockWords(ahead));
  const std::string advice = "set the clock of that host: certificates are good by it";
  if (off < kClockWrong) return report.Note(name, detail, advice);
  report.Problem(name, detail, advice);
}

// Whether it would take a handoff of this agent now.
bool CheckWorker(const v1::Worker& worker, const std::string& agent, const std::string& version,
                 AgentDetail detail, Report& report) {
  const std::string name = OneLine(worker.name(), 64);
  CheckAccessOf(worker, name, report);
  if (!worker.reachable()) {
    report.Problem(
        name, absl::StrCat("was last heard of ", Relative(TimeOf(worker.last_seen()), absl::Now())),
        "look at handoff-worker on that host; if the host is gone: handoff worker "
        "remove " +
            name);
    return false;
  }
  bool takes = true;
  if (worker.draining()) {
    report.Note(name, absl::StrCat("is draining: ", OneLine(worker.drain_reason(), 300)),
                "handoff worker undrain " + name);
  } else if (!worker.not_accepting().empty()) {
    report.Problem(name, absl::StrCat("takes nothing: ", OneLine(worker.not_accepting(), 300)), "");
  }
  for (const v1::Hold& hold : worker.holds()) {
    report.Problem(
        name,
        absl::StrCat("is on hold for ", OneLine(hold.key(), 200), ": ",
                     OneLine(hold.reason(), 400)),
        absl::StrCat("it is tried again ", Relative(TimeOf(hold.next_probe()), absl::Now())));
    takes = takes && hold.key() != "agent:" + agent;
  }
  const std::vector<std::string> ready = CheckAgents(worker, agent, detail, report);
  if (worker.version() != version) {
    report.Note(name,
                absl::StrCat("runs version ", OneLine(worker.version(), 32), ", the coordinator ",
                             OneLine(version, 32)),
                "update the older one");
  }
  // Its slots are no good news when it takes nothing.
  if (worker.draining() || !worker.not_accepting().empty()) return false;
  report.Ok(name, absl::StrCat(worker.slots() - worker.slots_used(), " of ", worker.slots(),
                               " slots free, ", HumanBytes(worker.disk_free_bytes()),
                               " free disk, agents ready: ",
                               ready.empty() ? "none" : absl::StrJoin(ready, ", ")));
  return takes && std::find(ready.begin(), ready.end(), agent) != ready.end();
}

absl::Status CheckWorkers(const std::string& name, const std::string& agent,
                          const std::string& version, AgentDetail detail, Client& client,
                          Seen& seen, Report& report) {
  const auto answer = client.ListWorkers(name);
  if (absl::IsPermissionDenied(answer.status())) {
    report.Note("workers", std::string(answer.status().message()), "");
    return absl::OkStatus();
  }
  if (absl::IsNotFound(answer.status())) {
    report.Problem("workers", absl::StrCat("there is no worker ", name),
                   "'handoff worker list' shows those that there are", Exit::kNotFound);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(answer.status());
  const v1::ListWorkersResponse& workers = seen.workers = *answer;
  if (workers.workers_size() == 0) {
    report.Problem("workers", "there is none",
                   "'handoff worker invite' prints a line that makes a build host one");
    return absl::OkStatus();
  }
  bool any = false;
  for (const v1::Worker& worker : workers.workers()) {
    const bool takes = CheckWorker(worker, agent, version, detail, report);
    any = any || takes;
  }
  if (!any) {
    report.Problem("agent", absl::StrCat("no worker here takes work for ", agent, " now"),
                   "'handoff worker show NAME' says what is missing there: install the agent or "
                   "log it in, or submit with --agent");
  }
  return absl::OkStatus();
}

absl::Status CheckRepository(const std::string& where, Seen& seen, Report& report) {
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-doctor-"));
  const auto snapshot = TakeSnapshot(where, SnapshotOptions(), temp);
  if (!snapshot.ok()) {
    report.Problem("repository", std::string(snapshot.status().message()), "",
                   ExitFor(AsLocal(snapshot.status())));
    return absl::OkStatus();
  }
  bool first = true;
  for (const std::string& line : RenderSnapshot(*snapshot)) {
    if (first) {
      report.Ok("repository", "a submit would send " + line);
    } else {
      report.Note("repository", line, "");
    }
    first = false;
  }
  seen.snapshot = *snapshot;
  return absl::OkStatus();
}

// The handshake says so, before any call is made.
bool IsOfAnother(const absl::Status& status) {
  return absl::IsUnauthenticated(status) &&
         absl::StartsWith(status.message(), "no connection to the coordinator");
}

absl::Status AskForTurns(const DoctorFlags& flags, const Seen& seen, Client& client,
                         Context& context, Report& report) {
  if (!flags.turn) return absl::OkStatus();
  TurnFlags turns;
  turns.worker = flags.worker;
  turns.agent = flags.agent;
  if (!flags.timeout.empty()) {
    ASSIGN_OR_RETURN(turns.wait, ParseDuration("--timeout", flags.timeout));
  }
  return CheckTurns(turns, seen.workers, client, context.terminal, report);
}

absl::Status Examine(const DoctorFlags& flags, Context& context, Report& report) {
  const std::string root = RepositoryRoot(flags.repo.empty() ? "." : flags.repo);
  ProjectCheck project = CheckProjectFile(root);
  const std::string& agent = flags.agent.empty() ? project.agent : flags.agent;
  Seen seen;
  const auto client = context.Connect();
  if (!client.ok()) {
    report.Problem("pool", std::string(client.status().message()), "", ExitFor(client.status()));
  } else {
    CheckCertificate(*context.access, absl::Now(), report);
    const auto pool = (*client)->GetPool();
    if (pool.ok()) {
      CheckCoordinator(*pool, (*client)->address(), report);
      // Turns that are asked for now have lines of their own.
      const AgentDetail detail = flags.worker.empty() ? AgentDetail::kTrouble
                                 : flags.turn         ? AgentDetail::kEach
                                                      : AgentDetail::kEachWithLastTurn;
      RETURN_IF_ERROR(
          CheckWorkers(flags.worker, agent, pool->version(), detail, **client, seen, report));
      CheckProjectInPool(**client, project);
      RETURN_IF_ERROR(AskForTurns(flags, seen, **client, context, report));
    } else {
      // Its usual last words send the person here.
      report.Problem(
          "coordinator",
          std::string(absl::StripSuffix(pool.status().message(), " 'handoff doctor' looks closer")),
          absl::IsUnavailable(pool.status()) || IsOfAnother(pool.status())
              ? ReachAdvice(pool.status().message())
              : "",
          ExitFor(pool.status()));
    }
  }
  for (const Finding& found : project.findings)
    report.Add(found, project.good ? Exit::kConflict : Exit::kUsage);
  if (flags.repo.empty() && root.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckRepository(flags.repo.empty() ? "." : flags.repo, seen, report));
  if (seen.snapshot) CheckProjectPush(project, seen.snapshot->url, report);
  if (flags.worker.empty() || !seen.snapshot) return absl::OkStatus();
  const std::string& url = seen.snapshot->url;
  const Wanted wanted{url.empty() ? seen.snapshot->key : url, agent, project.defaults.require,
                      context.User()};
  for (const v1::Worker& worker : seen.workers.workers()) CheckPlacement(worker, wanted, report);
  return absl::OkStatus();
}

VerbResult Doctor(const DoctorFlags& flags, Context& context) {
  if (!flags.worker.empty()) RETURN_IF_ERROR(ValidateWorkerName(flags.worker));
  if (!flags.agent.empty()) RETURN_IF_ERROR(ValidateAgentName(flags.agent));
  if (!flags.timeout.empty()) {
    RETURN_IF_ERROR(ParseDuration("--timeout", flags.timeout).status());
    if (!flags.turn)
      return absl::InvalidArgumentError("--timeout is of --turn, which was not given");
  }
  Report report;
  RETURN_IF_ERROR(Examine(flags, context, report));
  if (context.json) {
    for (const Finding& found : report.findings()) context.terminal.Out(FindingToJsonLine(found));
  } else {
    context.terminal.Out(RenderFindings(report.findings(), context.terminal.OutView()));
  }
  return report.exit();
}

}  // namespace

VerbRun DefineDoctor(CLI::App& app) {
  const auto flags = std::make_shared<DoctorFlags>();
  app.add_option("--worker", flags->worker, "Only this worker")->type_name("WORKER");
  app.add_option("--repo", flags->repo, "Would a submit from there work; unless given, from here")
      ->type_name("DIR");
  app.add_option("--agent", flags->agent, "The agent to look for; of --turn, the only one")
      ->type_name("A");
  app.add_flag("--turn", flags->turn,
               "Ask each agent for one short real turn, which costs some tokens");
  app.add_option("--timeout", flags->timeout,
                 "How long to wait for turns; 2 min and more unless given")
      ->type_name("D");
  return [flags](Context& context) { return Doctor(*flags, context); };
}

}  // namespace handoff
