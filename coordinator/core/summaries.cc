#include "coordinator/core/summaries.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/holds.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {
namespace {

bool MaySummarise(const State& state, const Handoff& handoff, const Worker& worker,
                  absl::Time now) {
  // Whose work it takes is its owner's to say, of summaries as of attempts.
  if (!IsOpenTo(worker, handoff.owner) || !TakesRepository(worker, handoff)) return false;
  if (!IsReachable(worker, now) || worker.draining || !worker.not_accepting.empty()) return false;
  const AgentOffer* offer = FindOffer(worker, handoff.agent);
  return offer != nullptr && offer->state == AgentState::kReady &&
         HoldAgainst(state, handoff, worker, Need::kAgent, now) == nullptr;
}

// Task and log go along, and its owner may have said who gets those.
bool MaySee(const Handoff& handoff, const Worker& worker) {
  return (handoff.on_worker.empty() || handoff.on_worker == worker.name) &&
         HasLabels(worker, handoff);
}

// The same failure would meet the agent that summarises.
bool AgentIsUsable(FailureClass failure) {
  return failure != FailureClass::kQuota && failure != FailureClass::kRateLimited &&
         failure != FailureClass::kAgentMissing && failure != FailureClass::kAgentNeedsSetup;
}

// A person who ends an attempt does not ask for more of it.
bool WantedByItself(const AttemptEnd& end, const SummaryPolicy& policy) {
  if (policy.when != SummaryPolicy::When::kAuto) {
    return policy.when == SummaryPolicy::When::kAlways;
  }
  if (end.failure == FailureClass::kCancelled) return false;
  return end.changed || end.failure != FailureClass::kNone || !end.question.empty();
}

SummaryWish Wish(const Draft& draft, const Handoff& handoff, const Attempt& attempt,
                 const std::string& model, const Worker& worker) {
  SummaryWish wish;
  wish.handoff_id = handoff.id;
  wish.number = attempt.number;
  // So that no earlier start of the coordinator gave it; the State makes it the highest.
  wish.wish = static_cast<uint64_t>(absl::ToUnixMicros(draft.now()));
  wish.agent = handoff.agent;
  wish.model = model;
  wish.partial = IsLive(attempt.state);
  wish.worker_uuid = worker.uuid;
  wish.since = draft.now();
  return wish;
}

// What nobody asked for is dropped where it cannot be had; the record says so.
void WishByItself(Draft& draft, const Handoff& handoff, const Attempt& attempt,
                  const std::string& model) {
  const Worker* worker = SummariserFor(draft.state(), handoff, attempt, draft.now());
  const bool full = draft.state().wishes().size() >= kMaxSummaryWishes;
  if (worker != nullptr && !full) {
    draft.Add(SetSummaryWish{Wish(draft, handoff, attempt, model, *worker)});
    return;
  }
  draft.Tell("not_summarised", handoff,
             absl::StrCat(
                 "Attempt ", attempt.number, " is not summarised: ",
                 full ? "too many summaries wait already"
                      : absl::StrCat("no worker that may have it can use ", handoff.agent, " now"),
                 ". `handoff summary ", handoff.id, " --refresh` asks again."));
}

absl::StatusOr<const Attempt*> AttemptToSummarise(const Handoff& handoff, int number) {
  if (handoff.agent == "command") {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id, " runs a command, of which there are facts only. No summary was asked for."));
  }
  if (number < 0 || static_cast<size_t>(number) > handoff.attempts.size()) {
    return absl::NotFoundError(absl::StrCat(handoff.id, " has no attempt ", number,
                                            ". No summary was asked for: `handoff show ",
                                            handoff.id, "` lists them."));
  }
  if (number > 0) return &handoff.attempts[static_cast<size_t>(number) - 1];
  const auto& attempts = handoff.attempts;
  const auto ran = std::find_if(attempts.rbegin(), attempts.rend(), [](const Attempt& a) {
    return a.end.has_value() ? a.end->started_at != absl::InfinitePast()
                             : IsLive(a.state) || a.state == AttemptState::kLost;
  });
  return ran == attempts.rend() ? &attempts.back() : &*ran;
}

}  // namespace

const Worker* SummariserFor(const State& state, const Handoff& handoff, const Attempt& attempt,
                            absl::Time now) {
  const Worker* own = state.FindWorker(attempt.worker_uuid);
  if (own != nullptr && MaySummarise(state, handoff, *own, now)) return own;
  for (const auto& [uuid, worker] : state.workers()) {
    if (MaySee(handoff, worker) && MaySummarise(state, handoff, worker, now)) return &worker;
  }
  return nullptr;
}

void WishAfterEnd(Draft& draft, const Handoff& handoff, const SummaryPolicy& policy) {
  // The next attempt may be queued already.
  const auto& attempts = handoff.attempts;
  const auto ended = std::find_if(attempts.rbegin(), attempts.rend(),
                                  [](const Attempt& a) { return a.end.has_value(); });
  if (ended == attempts.rend()) return;
  if (draft.state().FindWish(handoff.id, ended->number) != nullptr)
    draft.Add(DropSummaryWish{handoff.id, ended->number});
  const AttemptEnd& end = *ended->end;
  if (handoff.agent == "command" || ended->only_checks || !AgentIsUsable(end.failure)) return;
  if (end.started_at == absl::InfinitePast() || !WantedByItself(end, policy)) return;
  WishByItself(draft, handoff, *ended, policy.model);
}

void WishWhileStalled(Draft& draft, const Handoff& handoff, const SummaryPolicy& policy) {
  const Attempt& attempt = *handoff.Latest();
  if (handoff.agent == "command" || attempt.only_checks ||
      policy.when == SummaryPolicy::When::kNever) {
    return;
  }
  WishByItself(draft, handoff, attempt, policy.model);
}

void DropOldWishes(Draft& draft) {
  for (const auto& [key, wish] : draft.state().wishes()) {
    if (wish.since + kSummaryWait > draft.now()) continue;
    draft.Add(DropSummaryWish{wish.handoff_id, wish.number});
    const Handoff* known = draft.Find(wish.handoff_id);
    if (known == nullptr) continue;  // it was removed
    draft.Tell("not_summarised", *known,
               absl::StrCat("No summary of attempt ", wish.number, " was made within ",
                            absl::FormatDuration(kSummaryWait),
                            "; the facts stand alone. `handoff summary ", wish.handoff_id,
                            " --refresh` asks again."));
  }
}

absl::StatusOr<Decision<Summarize::Reply>> Decide(const State& state, const Summarize& command,
                                                  absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  ASSIGN_OR_RETURN(const Attempt* const attempt, AttemptToSummarise(*known, command.number));
  const bool began = attempt->end.has_value() ? attempt->end->started_at != absl::InfinitePast()
                                              : attempt->epoch != 0 && attempt->offered;
  if (attempt->only_checks || !(began || attempt->state == AttemptState::kLost)) {
    return absl::FailedPreconditionError(
        absl::StrCat("no agent has run in attempt ", attempt->number, " of ", known->id,
                     ", so there is no log to summarise. No summary was asked for."));
  }
  Decision<Summarize::Reply> decision{{}, {*known, attempt->number}};
  const SummaryWish* pending = state.FindWish(known->id, attempt->number);
  if (pending != nullptr && pending->partial == IsLive(attempt->state)) return decision;
  const Worker* worker = SummariserFor(state, *known, *attempt, now);
  if (worker == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no worker that answers can use ", known->agent, " now, of those that may have ", known->id,
        ". No summary was asked for: `handoff worker list` shows what they have, and the facts "
        "stand in `handoff show --md ",
        known->id, "`."));
  }
  if (state.wishes().size() >= kMaxSummaryWishes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        kMaxSummaryWishes, " summaries are being made. None was asked for: try again later."));
  }
  Draft draft(state, now);
  draft.Add(SetSummaryWish{Wish(draft, *known, *attempt, command.model, *worker)});
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<SaveSummary::Reply>> Decide(const State& state, const SaveSummary& command,
                                                    absl::Time now) {
  RETURN_IF_ERROR(CheckSender(state, command.sender, "Its summary was not stored"));
  const SummaryWish* wish = state.FindWish(command.handoff_id, command.number);
  const Handoff* known = state.FindHandoff(command.handoff_id);
  const bool current = wish != nullptr && wish->wish == command.wish && known != nullptr &&
                       wish->worker_uuid == command.sender.worker_uuid;
  if (!current) return Decision<SaveSummary::Reply>{{}, {false}};
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.handoff_id);
  handoff.attempts[static_cast<size_t>(command.number) - 1].summary = command.bytes;
  draft.Add(DropSummaryWish{command.handoff_id, command.number});
  draft.Tell("summarised", handoff,
             command.refusal.empty()
                 ? absl::StrCat("Attempt ", command.number, " was summarised by ", wish->agent, ".")
                 : absl::StrCat("Attempt ", command.number, " has no summary: ", command.refusal));
  Decision<SaveSummary::Reply> decision{{}, {true}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
