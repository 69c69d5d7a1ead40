// handoff summary

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/await.h"
#include "cli/text/json.h"
#include "cli/text/options.h"
#include "cli/text/render_summary.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

// The agent that summarises has five minutes, and may have to wait for another one.
constexpr char kPatience[] = "10m";

struct SummaryFlags {
  std::string id = "-";
  int attempt = 0;
  bool refresh = false;
  std::string timeout;
};

// The one that was asked for, or the latest of which there is something to tell.
absl::StatusOr<v1::Attempt> Choose(const v1::Handoff& handoff, int number) {
  const auto& attempts = handoff.attempts();
  const auto found = std::find_if(attempts.rbegin(), attempts.rend(), [&](const v1::Attempt& a) {
    return number > 0 ? a.number() == number : a.has_started_at() || a.has_summary();
  });
  if (found != attempts.rend()) return *found;
  if (number > 0) {
    return absl::NotFoundError(
        absl::StrCat(handoff.id(), " has no attempt ", number, "; 'handoff show' lists them"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "no agent of ", handoff.id(), " has started yet; 'handoff why ", handoff.id(), "' says why"));
}

const v1::Attempt* Find(const v1::Handoff& handoff, int number) {
  for (const v1::Attempt& attempt : handoff.attempts()) {
    if (attempt.number() == number) return &attempt;
  }
  return nullptr;
}

// Asks, and waits until what is known of the attempt's summary is another than before.
absl::StatusOr<v1::Handoff> Refresh(const SummaryFlags& flags, const v1::Handoff& before,
                                    int number, Client& client, Context& context) {
  ASSIGN_OR_RETURN(const absl::Duration patience,
                   ParseDuration("--timeout", flags.timeout.empty() ? kPatience : flags.timeout));
  const std::string old = Find(before, number)->summary().SerializeAsString();
  v1::SummarizeRequest request;
  request.set_id(before.id());
  request.set_attempt(number);
  RETURN_IF_ERROR(client.Summarize(request).status());
  if (context.terminal.err_is_terminal()) {
    context.terminal.Say(absl::StrCat("attempt ", number, " of ", before.id(),
                                      " is being summarised; Ctrl-C only leaves"));
  }
  const auto enough = [&](const v1::Handoff& now) {
    const v1::Attempt* attempt = Find(now, number);
    return attempt == nullptr || attempt->summary().SerializeAsString() != old;
  };
  auto waited = Await(context, {before.id()}, patience, enough, [](const v1::Handoff&) {});
  if (absl::IsDeadlineExceeded(waited.status())) {
    return absl::DeadlineExceededError(
        absl::StrCat("there is no new summary after ", HumanDuration(patience),
                     ". It may still come: 'handoff summary ", before.id(),
                     "' shows it, and 'handoff events' whether one was given up"));
  }
  RETURN_IF_ERROR(waited.status());
  return waited->front();
}

VerbResult Summary(const SummaryFlags& flags, Context& context) {
  if (flags.attempt < 0) {
    return absl::InvalidArgumentError("--attempt takes an attempt's number, from 1");
  }
  if (!flags.timeout.empty() && !flags.refresh) {
    return absl::InvalidArgumentError("--timeout goes with --refresh: nothing else waits");
  }
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(v1::Handoff handoff, client->Get(id));
  ASSIGN_OR_RETURN(v1::Attempt attempt, Choose(handoff, flags.attempt));
  if (flags.refresh) {
    ASSIGN_OR_RETURN(handoff, Refresh(flags, handoff, attempt.number(), *client, context));
    ASSIGN_OR_RETURN(attempt, Choose(handoff, attempt.number()));
  }
  context.terminal.Out(context.json
                           ? ToJsonLine(attempt.summary())
                           : RenderSummaryOf(handoff, attempt, context.terminal.OutView()));
  // What was asked for is not there, and what was printed says why.
  const bool made = attempt.summary().state() == v1::Summary::ACCEPTED;
  return flags.refresh && !made ? Exit::kInternal : Exit::kDone;
}

}  // namespace

VerbRun DefineSummary(CLI::App& app) {
  const auto flags = std::make_shared<SummaryFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - (default): your last one here");
  app.add_option("--attempt", flags->attempt, "Of this attempt; the latest unless given")
      ->type_name("N");
  app.add_flag("--refresh", flags->refresh,
               "Have an agent that can only read summarise it now; costs its tokens");
  app.add_option("--timeout", flags->timeout, "How long to wait for that; 10m unless given")
      ->type_name("D");
  return [flags](Context& context) { return Summary(*flags, context); };
}

}  // namespace handoff
