// What time brings: leases and deadlines that end, back-offs that are over, and placement.
#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "coordinator/core/affinity.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/holds.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"
#include "coordinator/core/summaries.h"
#include "coordinator/core/turns.h"

namespace handoff::core {
namespace {

void EndLeases(Draft& draft) {
  const State::ByTime& ends = draft.state().lease_ends();
  if (ends.empty() || ends.begin()->first > draft.now()) return;
  if (draft.now() - ends.begin()->first > kOverslept) {
    for (Change& change : AfterStart(draft.state(), draft.now()).changes)
      draft.Add(std::move(change));
    return;
  }
  for (auto end = ends.begin(); end != ends.end() && end->first <= draft.now(); ++end) {
    Handoff& handoff = draft.Touch(end->second);
    const Attempt& attempt = *handoff.Latest();
    LoseAttempt(
        draft, handoff,
        attempt.offered
            ? absl::StrCat("Worker ", attempt.worker_name,
                           " was silent until its lease of attempt ", attempt.number, " ended.")
            : absl::StrCat("Worker ", attempt.worker_name, " went silent before attempt ",
                           attempt.number, " reached it."));
  }
}

void EndDeadlines(Draft& draft) {
  for (const auto& [deadline, id] : draft.state().deadlines()) {
    if (deadline > draft.now()) break;
    Handoff& handoff = draft.Touch(id);
    if (IsAtRest(handoff.status)) continue;
    StopAttempt(draft, handoff, EndedBy::kHardCap,
                absl::StrCat("Its deadline, ", TimeText(deadline), ", passed."));
  }
}

std::optional<AccountKey> InUse(const State& state, const Handoff& handoff) {
  const Attempt* latest = handoff.Latest();
  return latest == nullptr ? std::nullopt
                           : AccountInUse(handoff, state.FindWorker(latest->worker_uuid));
}

// What this Tick has ended so far: an account that was full may have a free place for it.
AccountChanges EndedSoFar(const Draft& draft) {
  AccountChanges changes;
  const State& state = draft.state();
  if (!state.accounts().limited()) return changes;
  for (const auto& [id, handoff] : draft.touched()) {
    const Handoff* before = state.FindHandoff(id);
    if (const auto key = before == nullptr ? std::nullopt : InUse(state, *before)) --changes[*key];
    if (const auto key = InUse(state, handoff)) ++changes[*key];
  }
  return changes;
}

void Lease(Draft& draft, Handoff& handoff, Seat& seat, AccountChanges& changes) {
  Attempt& attempt = *handoff.Latest();
  Advance(attempt, AttemptEvent::kLease);
  attempt.epoch = draft.NextEpoch();
  attempt.worker_uuid = seat.worker->uuid;
  attempt.worker_name = seat.worker->name;
  const AgentOffer* offer = FindOffer(*seat.worker, handoff.agent);
  attempt.account = offer == nullptr ? "" : offer->account;
  attempt.leased_at = draft.now();
  attempt.lease_until = draft.now() + kOfferWait;
  attempt.offered = false;
  SettleStart(handoff, *seat.worker, attempt);
  if (!attempt.only_checks) GiveMessages(handoff);
  handoff.status = HandoffStatus::kRunning;
  handoff.reason.clear();
  handoff.not_before = absl::InfinitePast();
  if (const auto key = AccountInUse(handoff, seat.worker)) ++changes[*key];
  ++seat.used;
  seat.exclusive |= handoff.exclusive;
  draft.Tell("leased", handoff,
             absl::StrCat("Attempt ", attempt.number, " goes to ", seat.worker->name, "."));
}

std::vector<Seat> OpenSeats(const Draft& draft, const AccountChanges& changes) {
  std::vector<Seat> seats;
  for (const std::string& uuid : draft.state().open_workers()) {
    const Worker& worker = *draft.state().FindWorker(uuid);
    if (IsReachable(worker, draft.now()) && !worker.draining && worker.not_accepting.empty())
      seats.push_back(SeatOf(draft.state(), worker));
  }
  for (Seat& seat : seats) {
    seat.changes = &changes;
  }
  return seats;
}

// Keeps the worker that would be empty first for a handoff that asks to be alone, or a stream of
// small ones would keep it waiting for ever.
void ReserveFor(const Draft& draft, const Handoff& handoff, std::vector<Seat>& seats) {
  Seat* least = nullptr;
  for (Seat& seat : seats) {
    if (seat.reserved || handoff.avoid.count(seat.worker->uuid) > 0) continue;
    if (ObstacleFor(draft.state(), handoff, seat, draft.now()) != Obstacle::kAlone) continue;
    if (least == nullptr || seat.used < least->used) least = &seat;
  }
  if (least != nullptr) least->reserved = true;
}

// Returns how many heads were tried.
size_t PlaceQueued(Draft& draft) {
  if (draft.state().queued() == 0 && draft.touched().empty()) return 0;
  AccountChanges changes = EndedSoFar(draft);
  std::vector<Seat> seats = OpenSeats(draft, changes);
  size_t free = 0;
  for (const Seat& seat : seats) free += static_cast<size_t>(seat.worker->slots) - seat.used;
  if (free == 0) return 0;
  size_t tried = 0;
  for (Turns turns(draft); !turns.empty() && free > 0; ++tried) {
    const Handoff& handoff = *draft.Find(turns.id());
    Seat* seat = Choose(draft.state(), handoff, seats, draft.now());
    if (seat == nullptr) {
      if (handoff.exclusive) ReserveFor(draft, handoff, seats);
      // One that waits for its own host says nothing of the others.
      if (AwaitedHost(draft.state(), handoff, nullptr, draft.now()) != nullptr) {
        turns.Pass();
      } else {
        turns.Block();
      }
      continue;
    }
    Lease(draft, draft.Touch(handoff.id), *seat, changes);
    --free;
    turns.Placed();
  }
  return tried;
}

}  // namespace

absl::StatusOr<Decision<Tick::Reply>> Decide(const State& state, const Tick&, absl::Time now) {
  Draft draft(state, now);
  draft.Add(SetTicked{now});
  EndLeases(draft);
  EndDeadlines(draft);
  EndUsedUpAccounts(draft);
  DropOldWishes(draft);
  const size_t tried = PlaceQueued(draft);
  return Decision<Tick::Reply>{draft.Take(), {tried}};
}

absl::Time NextTick(const State& state) {
  const absl::Time done = state.ticked_at();
  absl::Time next = absl::InfiniteFuture();
  const auto first = [&](const State::ByTime& times) {
    if (!times.empty()) next = std::min(next, times.begin()->first);
  };
  first(state.lease_ends());
  first(state.waiting());
  first(state.deadlines());
  // These stay in the past once they have passed.
  const auto probe = state.probes().upper_bound({done, "\xff", ""});
  if (probe != state.probes().end()) next = std::min(next, std::get<0>(*probe));
  for (const auto& [key, wish] : state.wishes()) next = std::min(next, wish.since + kSummaryWait);
  if (state.queued() == 0) return next;
  const auto ready = state.ready_since().upper_bound({done - kAffinityWait, "\xff"});
  if (ready != state.ready_since().end()) next = std::min(next, ready->first + kAffinityWait);
  // A worker that goes silent is waited for no longer.
  const auto seen = state.last_seen().upper_bound({done - kUnreachableAfter, "\xff"});
  if (seen != state.last_seen().end()) next = std::min(next, seen->first + kUnreachableAfter);
  return next;
}

Edit AfterStart(const State& state, absl::Time now) {
  Edit edit;
  edit.changes.push_back(SetListening{now});
  for (const auto& [end, id] : state.lease_ends()) {
    const Handoff& handoff = *state.FindHandoff(id);
    const Attempt& attempt = *handoff.Latest();
    edit.changes.push_back(SetLease{id, attempt.number, attempt.state,
                                    now + handoff.lease + GiveAwayMargin(handoff.lease), true});
  }
  return edit;
}

}  // namespace handoff::core
