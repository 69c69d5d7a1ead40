// What a worker's Sync records: who it is, what it runs, what it found out.
#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/agent_turns.h"
#include "coordinator/core/copies.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/holds.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/summaries.h"

namespace handoff::core {
namespace {

// Nobody may take its place: it is heard of, had no time yet to be heard of, or may still run what
// it holds.
bool IsAlive(const State& state, const Worker& worker, absl::Time now) {
  return IsReachable(worker, now) || now - state.listening_since() < kUnreachableAfter ||
         !state.AttemptsOf(worker.uuid).empty();
}

// Whether this is the daemon that we know by this UUID, a later start of it, or an impostor.
absl::Status CheckStart(const State& state, const Worker& known, const Worker& asked,
                        absl::Time now) {
  if (asked.start > known.start) return absl::OkStatus();
  const bool same = !IsOtherDaemon(known, asked);
  if (same && asked.seq > known.seq) return absl::OkStatus();
  if (same) {
    return absl::AbortedError(absl::StrCat("request ", asked.seq, " of worker '", asked.name,
                                           "' came after request ", known.seq,
                                           " and was dropped."));
  }
  if (!IsAlive(state, known, now)) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "another daemon works as '", known.name,
      "' with the same identity: this data directory is in use or was copied. This one was not "
      "registered: join the host anew with an empty data directory and a new line (`handoff worker "
      "invite`). If the other one is the copy, stop it: this one is let in once nothing was heard "
      "of that for ",
      absl::ToInt64Seconds(kUnreachableAfter), " s and its leases have ended."));
}

absl::Status CheckName(const State& state, const Worker& asked, absl::Time now) {
  const Worker* holder = state.FindWorkerByName(asked.name);
  // Whoever joined with a token keeps the name until they are removed, alive or not.
  const bool joined = holder != nullptr && !state.identity().SerialsOf(holder->uuid).empty();
  if (holder == nullptr || holder->uuid == asked.uuid ||
      (!joined && !IsAlive(state, *holder, now))) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError(absl::StrCat(
      "there is a worker named '", asked.name,
      "' already, with another data directory. This one was not registered: start it with another "
      "--name, or stop the other one and run `handoff worker remove ",
      asked.name, "`."));
}

// Its own, or one of which these records know nothing yet. What another worker was given says
// nothing of them: a worker may say any number.
bool MayHaveBeenGiven(const State& state, const Sync& command, const ReportedAttempt& listed) {
  if (listed.number < 1 || listed.number > kMaxAttempts) return false;
  if (state.purged().Has(listed.handoff_id)) return false;
  const Handoff* handoff = state.FindHandoff(listed.handoff_id);
  if (handoff == nullptr || static_cast<size_t>(listed.number) > handoff->attempts.size())
    return true;
  const std::string& uuid = handoff->attempts[listed.number - 1].worker_uuid;
  return uuid.empty() || uuid == command.worker.uuid;
}

// What these records do not have, of what a worker remembers: the terms and incarnations from which
// to go on, when there is anything.
std::optional<SetTerm> Unknown(const State& state, const Sync& command) {
  uint64_t highest_epoch = 0;
  for (const ReportedAttempt& listed : command.attempts) {
    if (MayHaveBeenGiven(state, command, listed))
      highest_epoch = std::max(highest_epoch, listed.epoch);
  }
  const bool unknown_epoch = highest_epoch > (state.incarnation << 32 | state.epoch_counter);
  const bool unknown_answer =
      command.seen_term > state.term ||
      (command.seen_term == state.term && command.seen_revision > command.answers_given);
  if (!unknown_epoch && !unknown_answer) return std::nullopt;
  // Above every incarnation that is remembered, or it would give that one's epochs once more.
  return SetTerm{std::max(state.term, command.seen_term) + 1,
                 std::max(state.incarnation, highest_epoch >> 32) + 1};
}

// What no coordinator of this pool can have given, and more than one restore can explain. Believed,
// it would spend the numbers that are left for those to come, and a commit with every call.
absl::Status CheckMemory(const State& state, const Sync& command, const Worker* known) {
  const std::optional<SetTerm> unknown = Unknown(state, command);
  if (!unknown) return absl::OkStatus();
  const bool possible = command.seen_term <= state.term + kMostTermsAhead &&
                        unknown->incarnation <= state.incarnation + kMostIncarnationsAhead + 1;
  if (!possible || (known != nullptr && known->told_of_restore)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "worker '", command.worker.name, "' remembers a term or an epoch that ",
        possible ? "these records do not have, again: it was believed once since the coordinator's "
                   "start"
                 : "this pool cannot have given",
        ". It was not registered: if its data directory is damaged, join it anew with an empty "
        "one."));
  }
  if (unknown->incarnation < kMostIncarnations) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "worker '", command.worker.name,
      "' remembers what these records do not have, and this pool has begun ", state.incarnation,
      " incarnations: no more are left. It was not registered: join it anew with an empty data "
      "directory; `handoff audit` shows who had them begun."));
}

absl::Status CheckIdentity(const State& state, const Sync& command, absl::Time now) {
  if (!command.pool_id.empty() && command.pool_id != state.pool_id)
    return OtherPool(command.pool_id, state.pool_id);
  if (command.worker.slots < 0 || command.worker.slots > kMaxSlots) {
    return absl::InvalidArgumentError(absl::StrCat("worker '", command.worker.name, "' has ",
                                                   command.worker.slots, " slots; 0 to ", kMaxSlots,
                                                   " are allowed. It was not registered."));
  }
  RETURN_IF_ERROR(CheckNotRevoked(state, command.worker.uuid, "It was not registered"));
  const Worker* known = state.FindWorker(command.worker.uuid);
  RETURN_IF_ERROR(CheckMemory(state, command, known));
  if (known != nullptr) RETURN_IF_ERROR(CheckStart(state, *known, command.worker, now));
  if (known == nullptr && state.workers().size() >= kMaxWorkers) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the pool has ", kMaxWorkers, " workers, which is its limit. '", command.worker.name,
        "' was not registered: remove some with `handoff worker remove NAME`."));
  }
  return CheckName(state, command.worker, now);
}

void RecordWorker(Draft& draft, const Sync& command, const Worker* known, bool told_of_restore) {
  const State& state = draft.state();
  Worker worker = command.worker;
  worker.last_seen = draft.now();
  worker.registered_at = known == nullptr ? draft.now() : known->registered_at;
  worker.draining = known != nullptr && known->draining;
  worker.drain_reason = known == nullptr ? "" : known->drain_reason;
  worker.owner = known == nullptr ? "" : known->owner;
  worker.shared = known != nullptr && known->shared;
  worker.repos = known == nullptr ? std::vector<std::string>{} : known->repos;
  worker.address = command.caller.address;
  if (known != nullptr) worker.other = known->other;
  worker.told_of_restore = told_of_restore || (known != nullptr && known->told_of_restore);
  if (known != nullptr && DurablePart(worker) == DurablePart(*known)) {
    draft.Add(SetLiveWorker{std::move(worker)});
    return;
  }
  // Who had the name before is gone: CheckName saw to that.
  const Worker* gone = state.FindWorkerByName(worker.name);
  if (gone != nullptr && gone->uuid != worker.uuid) ForgetWorker(draft, *gone);
  draft.TellOfWorker(
      "worker_up", worker,
      known == nullptr || known->start == 0 ? "Registered." : "Its daemon started again.");
  draft.Add(PutWorker{std::move(worker)});
}

// A worker that remembers what our records do not have: they were restored from a copy. Epochs and
// terms that were given before must not be given again, or what was fenced off would count, and
// what is said now would be taken for old. Whether it was noticed.
bool NoticeRestore(Draft& draft, const Sync& command) {
  const std::optional<SetTerm> unknown = Unknown(draft.state(), command);
  if (!unknown) return false;
  draft.Add(*unknown);
  draft.TellOfWorker("restored", command.worker,
                     absl::StrCat("Worker ", command.worker.name,
                                  " remembers what these records do not have: they were restored "
                                  "from a copy. Leases are numbered anew from here on."));
  RecordDone(draft, {command.caller, Method::kSync, command.worker.name},
             absl::StrCat("remembers what these records do not have: incarnation ",
                          draft.state().incarnation, " became ", unknown->incarnation, ", term ",
                          draft.state().term, " became ", unknown->term));
  return true;
}

using Listed = std::map<std::pair<std::string, int>, const ReportedAttempt*>;

// A worker keeps an attempt on disk before it does anything for it, and only a boot loses what it
// kept. So one that a later start does not list and no earlier request did has not begun.
bool NeverBegan(const State& state, const Worker& worker, const Attempt& attempt,
                const std::string& id) {
  const Worker* known = state.FindWorker(worker.uuid);
  const AttemptView* view = state.ViewOf(id);
  const bool seen = view != nullptr && view->epoch == attempt.epoch;
  return attempt.state == AttemptState::kLeased && !seen && !worker.boot_id.empty() &&
         known != nullptr && known->boot_id == worker.boot_id;
}

// The attempt before it did not begin either: the handoff itself may be what ends the daemon.
bool NeitherDidTheLast(const Handoff& handoff) {
  const size_t count = handoff.attempts.size();
  if (count < 2) return false;
  const Attempt& last = handoff.attempts[count - 2];
  return last.state == AttemptState::kLost && !last.offered;
}

// An attempt that is leased to the worker and that its request does not list.
void TakeUnlisted(Draft& draft, const Worker& worker, const std::pair<std::string, int>& held,
                  bool new_start) {
  const Attempt& attempt = *draft.state().FindHandoff(held.first)->Latest();
  if (attempt.state == AttemptState::kStopping) {
    // It cannot begin any more: a worker begins what the answer to its latest request names, and
    // the answer to this one will not.
    EndUnbegun(draft, draft.Touch(held.first));
  } else if (new_start) {
    // A new start looked at its whole disk before this request: what it does not list, it does not
    // have. In the same start it may not have got the answer yet, and gets it again.
    const bool never_began = NeverBegan(draft.state(), worker, attempt, held.first);
    Handoff& handoff = draft.Touch(held.first);
    if (never_began && !NeitherDidTheLast(handoff))
      handoff.Latest()->offered = false;  // as if the answer had not been sent
    LoseAttempt(draft, handoff,
                absl::StrCat("Worker ", worker.name, " started again and has nothing of attempt ",
                             held.second, never_began ? ", which had not begun." : "."));
  }
}

void RecordAttempts(Draft& draft, const Sync& command, bool new_start) {
  Listed listed;
  for (const ReportedAttempt& attempt : command.attempts)
    listed[{attempt.handoff_id, attempt.number}] = &attempt;
  SetAttemptViews views{command.worker.uuid, {}};
  std::vector<Change> started;
  for (const auto& held : draft.state().AttemptsOf(command.worker.uuid)) {
    const Attempt& attempt = *draft.state().FindHandoff(held.first)->Latest();
    const auto found = listed.find(held);
    const bool runs = found != listed.end() && found->second->epoch == attempt.epoch;
    if (!runs) {
      TakeUnlisted(draft, command.worker, held, new_start);
      continue;
    }
    const ReportedAttempt& r = *found->second;
    const AttemptView* before = draft.state().ViewOf(held.first);
    if (r.stalled && (before == nullptr || !before->stalled)) {
      draft.Tell("stalled", *draft.state().FindHandoff(held.first),
                 "Its agent has been silent for longer than the warning time.");
      WishWhileStalled(draft, *draft.state().FindHandoff(held.first), r.summaries);
    }
    views.views.push_back(
        {r.handoff_id, r.number, r.epoch, r.running, r.stopping, r.stalled, r.reporting, r.bytes});
    if (!r.running) continue;
    if (HasUndelivered(*draft.state().FindHandoff(held.first))) {
      // Its agent has read them: that is kept, or they would be given twice after a restart of
      // ours. The whole record is put, so what else changes of it is changed there.
      Handoff& handoff = draft.Touch(held.first);
      DeliverMessages(handoff);
      handoff.Latest()->offered = true;
      if (attempt.state == AttemptState::kLeased)
        Advance(*handoff.Latest(), AttemptEvent::kStarted);
    } else if (attempt.state == AttemptState::kLeased) {
      started.push_back(SetLease{held.first, held.second,
                                 *Next(attempt.state, AttemptEvent::kStarted), attempt.lease_until,
                                 true});
    }
  }
  draft.Add(std::move(views));
  for (Change& change : started) draft.Add(std::move(change));
}

// Of what was purged: an answer told this daemon to remove it, the daemon took that answer, and has
// nothing of it any more.
void RecordPurged(Draft& draft, const Sync& command) {
  const State& state = draft.state();
  const Worker& worker = command.worker;
  for (const auto& [id, told] : state.purged().Of(worker.uuid)) {
    const bool taken = told && command.seen_term == state.term && command.seen_revision > *told;
    const bool listed =
        worker.workspaces.count(id) > 0 ||
        std::any_of(command.attempts.begin(), command.attempts.end(),
                    [&purged = id](const auto& attempt) { return attempt.handoff_id == purged; });
    if (taken && !listed) draft.Add(PurgedFrom{id, worker.uuid});
  }
}

}  // namespace

absl::StatusOr<Decision<Sync::Reply>> Decide(const State& state, const Sync& command,
                                             absl::Time now) {
  const Worker* known = state.FindWorker(command.worker.uuid);
  const absl::Status refused = CheckIdentity(state, command, now);
  if (absl::IsAlreadyExists(refused) && known != nullptr && IsOtherDaemon(*known, command.worker))
    return RefuseOther(state, command, *known, now, refused);
  RETURN_IF_ERROR(refused);
  Draft draft(state, now);
  const bool noticed = NoticeRestore(draft, command);
  RecordWorker(draft, command, known, noticed);
  RecordAttempts(draft, command, known == nullptr || command.worker.start > known->start);
  RecordPurged(draft, command);
  ApplyProbes(draft, command);
  RecordTurns(draft, command);
  return Decision<Sync::Reply>{draft.Take(), {}};
}

std::vector<std::string> NotInMemory(const State& state, const Sync& command) {
  std::vector<std::string> ids;
  for (const ReportedAttempt& attempt : command.attempts) {
    if (state.FindHandoff(attempt.handoff_id) == nullptr) ids.push_back(attempt.handoff_id);
  }
  return ids;
}

}  // namespace handoff::core
