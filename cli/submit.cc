// handoff submit

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/attach.h"
#include "cli/await.h"
#include "cli/ci_report.h"
#include "cli/ci_source.h"
#include "cli/leaving.h"
#include "cli/send_object.h"
#include "cli/settings.h"
#include "cli/submit_follow.h"
#include "cli/submit_source.h"
#include "cli/submit_spec.h"
#include "cli/submit_task.h"
#include "cli/text/json.h"
#include "cli/text/options.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "cli/wait_reason.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

absl::Status Upload(const std::string& pack, const v1::Repository& repository, Client& client,
                    Terminal& terminal) {
  if (pack.empty()) return absl::OkStatus();
  return Annotate(
      SendObject({pack, repository.pack_sha256(), repository.pack_bytes()}, client, terminal),
      "nothing was handed over: sending the repository's state failed");
}

absl::StatusOr<v1::SubmitResponse> Store(const v1::SubmitRequest& request, Client& client,
                                         Terminal& terminal) {
  v1::SubmitResponse response;
  int tries = 0;
  RETURN_IF_ERROR(RetryWhileAway(terminal, [&] {
    ++tries;
    auto answer = client.Submit(request);
    if (answer.ok()) response = *std::move(answer);
    return answer.status();
  }));
  // An answer was lost, and what was found by our own key is what we submitted.
  const bool ours =
      tries > 1 && response.handoff().spec().idempotency_key() == request.spec().idempotency_key();
  if (ours) response.set_existing(false);
  return response;
}

// After it is kept: what the person gets to see, and until when the command stays.
VerbResult AfterSubmit(const SubmitFlags& flags, const std::optional<CiJob>& job,
                       const v1::SubmitResponse& response, Context& context) {
  const v1::Handoff& handoff = response.handoff();
  const bool stays = flags.follow || flags.wait;
  CiReport report(job, context);
  if (!context.json) {
    context.terminal.Out(handoff.id() + "\n");
  } else if (!stays) {
    context.terminal.Out(ToJsonLine(handoff));
  }
  if (context.terminal.err_is_terminal()) SayWhyItWaits(handoff.id(), context);
  if (response.existing() || (context.terminal.err_is_terminal() && !stays)) {
    for (const std::string& line : RenderKept(handoff, response.existing())) {
      context.terminal.Say(line);
    }
  }
  if (response.existing() && !flags.attach.empty()) {
    context.terminal.Say(
        "handoff: it keeps the files that it was given at first; what was attached "
        "now was not added (--allow-duplicate makes another one)");
  }
  report.Kept(handoff, response.existing(), stays);
  const auto on_end = [&report](const v1::Handoff& ended) { report.Ended(ended); };
  if (flags.follow) return FollowToEnd(handoff.id(), context, 1, on_end);
  if (flags.wait) return WaitToEnd(handoff.id(), context, on_end);
  return Exit::kDone;
}

// Before the repository's state is sent: the coordinator refuses it, too. Where the workers cannot
// be asked, it decides alone.
absl::Status CheckAgent(const std::string& agent, Client& client) {
  if (IsKnownAgent(agent)) return absl::OkStatus();
  const auto workers = client.ListWorkers("");
  if (!workers.ok()) return absl::OkStatus();
  std::set<std::string> offered;
  for (const v1::Worker& worker : workers->workers()) {
    for (const v1::AgentOffer& offer : worker.agents()) offered.insert(offer.name());
  }
  if (offered.count(agent) > 0) return absl::OkStatus();
  return NoSuchAgent(agent, offered, "nothing was handed over");
}

// Says so unless the sentence does.
absl::Status NothingWasHandedOver(const absl::Status& status) {
  // Also where it begins a sentence.
  if (status.ok() || absl::StrContains(status.message(), "othing was")) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; nothing was handed over"));
}

// A key of the person's own says already what is the same.
v1::SubmitRequest::Duplicates DuplicatesFrom(const SubmitFlags& flags) {
  // So also with one: the job that is run again has another key, and may find that of before.
  if (flags.reuse) return v1::SubmitRequest::REUSE;
  const bool own_rule = !flags.idempotency_key.empty() && flags.dedupe_key.empty();
  return flags.allow_duplicate || own_rule ? v1::SubmitRequest::ALLOW : v1::SubmitRequest::REFUSE;
}

// Nobody reads along in a pipeline.
void WarnWithoutChecks(const v1::HandoffSpec& spec, Terminal& terminal) {
  if (!spec.checks().empty() || spec.agent() == "command") return;
  terminal.Say(
      "handoff: warning: nothing checks the work, so the agent's own word decides whether the "
      "pipeline goes on; say with --check CMD what has to pass");
}

// Everything but task and repository, refused before a person writes the one and minutes are spent
// on the other.
struct Prepared {
  v1::SubmitRequest request;
  std::optional<CiJob> job;
  std::string where;
  Client* client = nullptr;  // none for --dry-run
};

absl::StatusOr<Prepared> Prepare(const SubmitFlags& flags, const std::optional<CiJob>& job,
                                 const std::string& task, Context& context) {
  Prepared prepared;
  prepared.job = job;
  ASSIGN_OR_RETURN(const ProjectDefaults defaults, ReadProjectDefaults(ProjectRootFor(flags)));
  ASSIGN_OR_RETURN(*prepared.request.mutable_spec(),
                   BuildSpec(flags, defaults, task, context.rest, context.environment));
  prepared.request.set_duplicates(DuplicatesFrom(flags));
  if (flags.ci) WarnWithoutChecks(prepared.request.spec(), context.terminal);
  ASSIGN_OR_RETURN(prepared.where, CheckSource(flags));
  const std::string set = defaults.ToString();
  if (!set.empty()) context.terminal.Say(absl::StrCat(".handoff.toml sets ", set));
  if (flags.dry_run) return prepared;
  ASSIGN_OR_RETURN(prepared.client, context.Connect());
  const auto ask = [&] { return prepared.client->GetPool().status(); };
  // A person hears at once that it is away; a pipeline waits until it was started again.
  RETURN_IF_ERROR(flags.ci || flags.wait ? RetryWhileAway(context.terminal, ask) : ask());
  RETURN_IF_ERROR(CheckAgent(prepared.request.spec().agent(), *prepared.client));
  return prepared;
}

// Snapshot, upload and submit. `keep` is called when Ctrl-C ends the command meanwhile.
absl::StatusOr<v1::SubmitResponse> Send(const SubmitFlags& flags, Prepared prepared,
                                        Context& context,
                                        const std::function<std::string()>& keep) {
  v1::HandoffSpec& spec = *prepared.request.mutable_spec();
  auto temp = TempDir::Make("handoff-submit-");
  if (!temp.ok()) return NothingWasHandedOver(temp.status());
  Leaving leaving(context, temp->path(), "nothing was handed over", keep);
  const NamedFileRules rules{"--attach", flags.named_secrets, /*in_checkout=*/flags.ci};
  const absl::Status attached = AddAttachments(flags.attach, rules, *temp, context.terminal, &spec);
  if (!attached.ok()) return NothingWasHandedOver(attached);
  const auto pack = AddRepository(flags, prepared.where, *temp, context, &spec);
  if (!pack.ok()) return NothingWasHandedOver(pack.status());
  if (const absl::Status push = CheckPush(spec); !push.ok()) return NothingWasHandedOver(push);
  if (prepared.job.has_value() && flags.idempotency_key.empty()) {
    spec.set_idempotency_key(CiKey(*prepared.job, CiContent(spec)));
  }
  if (flags.dry_run) {
    context.terminal.Say("Nothing was sent (--dry-run).");
    if (context.json) context.terminal.Out(ToJsonLine(spec));
    return v1::SubmitResponse();
  }
  RETURN_IF_ERROR(Upload(*pack, spec.repository(), *prepared.client, context.terminal));
  RETURN_IF_ERROR(SendAttachments(spec, *temp, *prepared.client, context.terminal));
  leaving.Leaves(
      "the coordinator had not answered: 'handoff list' shows whether it was handed over");
  auto stored = Store(prepared.request, *prepared.client, context.terminal);
  // Of other errors it is not known.
  if (absl::IsInvalidArgument(stored.status())) return NothingWasHandedOver(stored.status());
  return stored;
}

// From flags to a stored handoff; an answer without a handoff after --dry-run.
absl::StatusOr<v1::SubmitResponse> HandOver(const SubmitFlags& flags,
                                            const std::optional<CiJob>& job, Context& context) {
  if (!AsksEditor(flags, context)) {
    const auto task = ReadTask(flags, context);
    if (!task.ok()) return NothingWasHandedOver(task.status());
    auto prepared = Prepare(flags, job, *task, context);
    if (!prepared.ok()) return NothingWasHandedOver(prepared.status());
    return Send(flags, *std::move(prepared), context, nullptr);
  }
  auto prepared = Prepare(flags, job, "to be written", context);
  if (!prepared.ok()) return NothingWasHandedOver(prepared.status());
  auto draft = Draft::Write(TaskDraft(), context);
  if (!draft.ok()) return NothingWasHandedOver(draft.status());
  const absl::Status valid = ValidateTask(draft->text());
  if (!valid.ok()) return draft->Kept(NothingWasHandedOver(valid));
  prepared->request.mutable_spec()->set_task(draft->text());
  const auto keep = [&draft] { return draft->Keep(); };
  auto response = Send(flags, *std::move(prepared), context, keep);
  if (!response.ok()) return draft->Kept(response.status());
  if (flags.dry_run) {
    const std::string where = draft->Keep();
    if (!where.empty()) context.terminal.Say(where);
  }
  return response;
}

// What is named by itself is not meant as a part of the work tree.
void TakeIncludesOfNamed(SubmitFlags& flags) {
  std::set<std::string> named(flags.attach.begin(), flags.attach.end());
  if (flags.ci) named.insert(flags.file);
  const auto others =
      std::stable_partition(flags.include.begin(), flags.include.end(),
                            [&](const std::string& include) { return named.count(include) == 0; });
  flags.named_secrets.assign(others, flags.include.end());
  flags.include.erase(others, flags.include.end());
}

absl::StatusOr<std::optional<CiJob>> TakeCiJob(SubmitFlags& flags, Context& context) {
  if (!flags.ci) return std::optional<CiJob>();
  ASSIGN_OR_RETURN(CiJob job, FindCiJob(context.environment));
  RETURN_IF_ERROR(UseCiJob(job, flags));
  context.terminal.Say(CiWords(job));
  return std::optional<CiJob>(std::move(job));
}

VerbResult Submit(SubmitFlags flags, Context& context) {
  TakeIncludesOfNamed(flags);
  auto job = TakeCiJob(flags, context);
  if (!job.ok()) return NothingWasHandedOver(job.status());
  if (!flags.dry_run) CiReport(*job, context).Begin();
  ASSIGN_OR_RETURN(const v1::SubmitResponse response, HandOver(flags, *job, context));
  return flags.dry_run ? Exit::kDone : AfterSubmit(flags, *job, response, context);
}

void DefineWhat(CLI::App& app, SubmitFlags& flags) {
  app.add_option("TASK", flags.task, "What the agent is to do; - reads it from standard input");
  app.add_option("SURPLUS", flags.surplus, "")->group("");
  app.add_option("--file", flags.file, "Read the task from this file")->type_name("FILE");
  app.add_option("--agent", flags.agent,
                 "claude, codex, gemini, opencode, copilot, qwen, command; else cursor")
      ->type_name("A");
  app.add_option("--model", flags.model, "The agent's own name for a model")->type_name("M");
  app.add_option("--check", flags.checks,
                 "Runs in the work tree after the agent and must exit with 0")
      ->type_name("CMD")
      ->allow_extra_args(false);
  app.add_option("--check-retries", flags.check_retries,
                 "Attempts more that are told how the checks failed; 0 unless given")
      ->type_name("N");
  app.add_option("--summaries", flags.summaries,
                 "Of the log, by another agent: always, never, auto (work or failure)")
      ->type_name("WHEN");
  app.add_option("--summary-model", flags.summary_model, "The model of the agent that does")
      ->type_name("M");
  app.add_flag("--child", flags.child, "Its agent may hand off further tasks itself");
  app.add_option("--attach", flags.attach,
                 "A file that the agent gets beside the task: a log, a report, an image")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--env", flags.env,
                 "Variable for the agent, its value hidden; NAME alone: taken from here")
      ->type_name("NAME[=V]")
      ->allow_extra_args(false);
}

void DefineFrom(CLI::App& app, SubmitFlags& flags) {
  app.add_option("--from", flags.from,
                 "worktree (default): all you see; head: commits; pushed: as at origin")
      ->check(CLI::IsMember({"worktree", "head", "pushed"}).description(""))
      ->type_name("WHAT")
      ->group("From");
  app.add_option("--repo", flags.repo, "Another repository than the one here")
      ->type_name("URL|PATH")
      ->group("From");
  app.add_option("--ref", flags.ref, "Branch or tag of --repo URL")
      ->type_name("REF")
      ->group("From");
  app.add_option("--include", flags.include, "Send this path although it was held back")
      ->type_name("PATH")
      ->allow_extra_args(false)
      ->group("From");
  app.add_flag("--full", flags.full, "Send all of the history, whatever origin has")->group("From");
  app.add_flag("--dry-run", flags.dry_run, "Only say what would leave")->group("From");
}

void DefineWhere(CLI::App& app, SubmitFlags& flags) {
  app.add_option("--require", flags.require, "Only on workers with this label")
      ->type_name("K=V")
      ->allow_extra_args(false)
      ->group("Where");
  app.add_option("--on", flags.on, "Only on this worker")->type_name("WORKER")->group("Where");
  app.add_option("--prefer", flags.prefer, "On this worker when it has a free slot")
      ->type_name("WORKER")
      ->group("Where");
  app.add_flag("--exclusive", flags.exclusive, "Nothing else on that worker meanwhile")
      ->group("Where");
  app.add_flag("--private", flags.is_private,
               "Task and log are shown to you alone, and to operators and admins")
      ->group("Tag");
  app.add_option("--label", flags.labels, "A tag to find it by")
      ->type_name("K=V")
      ->allow_extra_args(false)
      ->group("Tag");
  app.add_option("--id", flags.id, "Instead of one made from date and task")->group("Tag");
  app.add_option("--dedupe-key", flags.dedupe_key,
                 "At most one handoff of yours with this key at a time")
      ->type_name("K")
      ->group("Tag");
  const auto reuse =
      app.add_flag("--reuse", flags.reuse, "Take one that asks for the same, if there is one")
          ->group("Tag");
  app.add_flag("--allow-duplicate", flags.allow_duplicate,
               "Although one that asks for the same has not ended")
      ->excludes(reuse)
      ->group("Tag");
  app.add_option("--priority", flags.priority,
                 "-100 to 100, the highest of yours first; above 0 for operators only")
      ->type_name("N")
      ->group("Tag");
  app.add_option("--idempotency-key", flags.idempotency_key,
                 "The same key and content never start it twice")
      ->type_name("K")
      ->group("Tag");
}

void DefineWhen(CLI::App& app, SubmitFlags& flags) {
  app.add_option("--timeout", flags.timeout, "Of one attempt; 6h unless given")
      ->type_name("D")
      ->group("When");
  app.add_option("--deadline", flags.deadline, "Of all attempts together, from now")
      ->type_name("D")
      ->group("When");
  app.add_option("--stall-timeout", flags.stall_timeout,
                 "Silence after which an attempt is ended; 10m unless given")
      ->type_name("D")
      ->group("When");
  app.add_option("--check-timeout", flags.check_timeout, "Of each check; 30m unless given")
      ->type_name("D")
      ->group("When");
  app.add_option("--lease", flags.lease,
                 "How long a worker that nobody hears from keeps it; 30m unless given")
      ->type_name("D")
      ->group("When");
  app.add_option("--retries", flags.retries, "After failures of hosts and network; 2 unless given")
      ->type_name("N")
      ->group("When");
  app.add_flag("--ci", flags.ci, "In a pipeline: commit, key, outputs and summary by its variables")
      ->group("Then");
  const auto follow =
      app.add_flag("--follow", flags.follow, "Show the log until it ended; Ctrl-C only leaves")
          ->group("Then");
  app.add_option("--notify", flags.notify,
                 "Told when it ends or needs you: [notify.KEY] of the coordinator")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->group("Then");
  const auto push =
      app.add_flag("--push", flags.push,
                   "Push its work to branch handoff/ID of the remote when an attempt ended")
          ->group("Then");
  app.add_flag("--no-push", flags.no_push, "Not, though .handoff.toml says so")
      ->excludes(push)
      ->group("Then");
  app.add_flag("--wait", flags.wait, "Stay until it ended; the exit status says how")
      ->excludes(follow)
      ->group("Then");
}

}  // namespace

VerbRun DefineSubmit(CLI::App& app) {
  const auto flags = std::make_shared<SubmitFlags>();
  DefineWhat(app, *flags);
  DefineFrom(app, *flags);
  DefineWhere(app, *flags);
  DefineWhen(app, *flags);
  const CLI::App* const parsed = &app;
  return [flags, parsed](Context& context) {
    flags->has_task = parsed->count("TASK") > 0;
    return Submit(*flags, context);
  };
}

}  // namespace handoff
