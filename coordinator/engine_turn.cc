#include "coordinator/engine_turn.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/check.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/refusal.h"

namespace handoff {
namespace {

// The wall clock and CLOCK_BOOTTIME run at the same rate: a larger difference means that somebody
// set the wall clock.
constexpr absl::Duration kClockWasSet = absl::Seconds(10);
constexpr absl::Duration kRetryWithoutRoom = absl::Seconds(5);
constexpr Backoff kAfterFailure{absl::Milliseconds(200), absl::Seconds(10)};
constexpr absl::Duration kLeastWait = absl::Milliseconds(1);

void EndProcess(const absl::Status& status) {
  std::fprintf(stderr,
               "The database did not say whether the last changes are on the disk: %s. This "
               "process ends; the next one reads what is there.\n",
               status.ToString().c_str());
  std::_Exit(EXIT_FAILURE);
}

absl::Status DatabaseFailed() {
  return absl::UnavailableError(
      "the coordinator's database failed and it is ending; ask the next one what was stored");
}

}  // namespace

EngineTurn::EngineTurn(const EngineOptions& options, Store& store, const Clock& clock,
                       EngineViews& views, IdentityView& identities)
    : options_(options),
      store_(store),
      clock_(clock),
      views_(views),
      identities_(identities),
      ids_(store) {}

absl::Status EngineTurn::Start() {
  ASSIGN_OR_RETURN(state_, store_.Load(/*new_term=*/true));
  state_.quotas = options_.quotas;
  anchor_wall_ = clock_.Now();
  anchor_boot_ = clock_.Boot();
  now_ = anchor_wall_;
  BeginBatch();
  Apply(core::AfterStart(state_, now_));
  RETURN_IF_ERROR(Commit());
  views_.Rebuild(state_);
  identities_.Rebuild(state_);
  return absl::OkStatus();
}

absl::Duration EngineTurn::Take(Batch batch) {
  BeginBatch();
  if (!dead_) ReadClock();
  if (dead_) {
    for (auto& command : batch) command->Refuse(DatabaseFailed());
    return absl::InfiniteDuration();
  }
  for (auto& command : batch) command->Decide(*this);
  const bool ticks = now_ >= no_tick_before_ && (changed_ || now_ >= next_tick_);
  if (ticks) Tick();
  const bool stored = !durable_.empty();
  const absl::Status committed = Commit();
  if (!committed.ok()) {
    Recover(committed);
    // What is due is due again at once: without a pause all would be loaded again and again.
    if (++failed_commits_ > 1)
      no_tick_before_ = next_tick_ = now_ + kAfterFailure.Delay(failed_commits_ - 1, 0);
    const absl::Status refusal =
        absl::UnavailableError(absl::StrCat(committed.message(), ". Nothing was done; try again"));
    for (auto& command : batch) command->Refuse(refusal);
    return UntilNext();
  }
  // What was put off waits no longer.
  if (stored && std::exchange(failed_commits_, 0) > 1) no_tick_before_ = next_tick_ = now_;
  views_.Update(state_, touched_handoffs_, touched_workers_);
  if (touched_wishes_) views_.UpdateWishes(state_);
  const CutOff cut = identities_.Update(state_, std::move(touched_identities_));
  if (!cut.serials.empty()) options_.on_cut_off(cut);
  for (auto& command : batch) command->Release(*this);
  AnswerSyncs();
  state_.EvictAtRest();
  if (stored) options_.on_commit(state_.revision);
  if (ticks) next_tick_ = HasRoom().ok() ? core::NextTick(state_) : now_ + kRetryWithoutRoom;
  return UntilNext();
}

void EngineTurn::BeginBatch() {
  durable_.clear();
  changed_ = false;
  room_.reset();
  touched_handoffs_.clear();
  touched_workers_.clear();
  touched_identities_ = {};
  touched_wishes_ = false;
  keys_.clear();
}

// A clock that was set is like a start: leases were given by another time. Everybody is asked again
// and every live attempt gets one full lease.
void EngineTurn::ReadClock() {
  const absl::Time before = std::exchange(now_, anchor_wall_ + (clock_.Boot() - anchor_boot_));
  // This thread waits for less: the host slept, and heard nobody meanwhile.
  if (now_ - before > core::kOverslept) Apply({{core::SetListening{now_}}});
  const absl::Time wall = clock_.Now();
  if (absl::AbsDuration(wall - now_) <= kClockWasSet) return;
  anchor_wall_ = wall;
  anchor_boot_ = clock_.Boot();
  now_ = wall;
  Recover(absl::UnavailableError("the coordinator's clock was set"));
}

// ---- Deciding ----

absl::Status EngineTurn::LookUp(core::Submit& command) {
  core::Handoff& handoff = command.handoff;
  if (!handoff.idempotency_key.empty()) {
    const auto known = keys_.find({handoff.owner, handoff.idempotency_key});
    if (known != keys_.end()) {
      command.same_key = *state_.FindHandoff(known->second);
    } else {
      ASSIGN_OR_RETURN(command.same_key,
                       store_.FindByIdempotencyKey(handoff.owner, handoff.idempotency_key));
    }
    // What this batch purged is in the store until its commit.
    if (command.same_key && state_.purged().Has(command.same_key->id)) command.same_key.reset();
    if (command.same_key.has_value()) return absl::OkStatus();
  }
  if (command.duplicates != core::Submit::Duplicates::kAllow && !handoff.dedupe_key.empty()) {
    ASSIGN_OR_RETURN(command.same_work, store_.FindWaitingByDedupeKey(handoff.dedupe_key));
    // The one in memory is newer: it may have been answered in this batch.
    if (command.same_work && state_.FindHandoff(command.same_work->id) != nullptr)
      command.same_work = *state_.FindHandoff(command.same_work->id);
    if (command.same_work &&
        (core::IsEnded(command.same_work->status) || state_.purged().Has(command.same_work->id))) {
      command.same_work.reset();
    }
    // One that began to wait in this batch is not stored yet.
    const core::Handoff* waits = state_.FindWaitingByDedupeKey(handoff.dedupe_key);
    if (!command.same_work && waits != nullptr) command.same_work = *waits;
  }
  RETURN_IF_ERROR(HasRoom());
  if (command.wished_id.empty()) {
    // An id stands where the task does not: in lists, in names of branches.
    const std::string words =
        handoff.is_private ? absl::StrCat("private ", RandomHex(4)) : handoff.task_line;
    ASSIGN_OR_RETURN(command.free_id, ids_.Next(MakeId(now_, words), state_));
  } else {
    ASSIGN_OR_RETURN(command.wished_id_taken, ids_.IsTaken(command.wished_id, state_));
  }
  return absl::OkStatus();
}

absl::Status EngineTurn::LookUp(core::Resume& command) {
  RETURN_IF_ERROR(HasRoom());
  return PageIn(command.id);
}

absl::Status EngineTurn::LookUp(core::Send& command) {
  RETURN_IF_ERROR(HasRoom());
  return PageIn(command.id);
}

absl::Status EngineTurn::LookUp(core::EditSections& command) {
  RETURN_IF_ERROR(HasRoom());
  return PageIn(command.id);
}

absl::Status EngineTurn::LookUp(core::Return& command) {
  RETURN_IF_ERROR(HasRoom());
  return PageIn(command.id);
}

absl::Status EngineTurn::LookUp(core::Sync& command) {
  command.answers_given = answers_;
  RETURN_IF_ERROR(PageInListed(command));
  // Anything may be listed, and to look into a spec takes a while: only what is this worker's.
  const auto& held = state_.AttemptsOf(command.worker.uuid);
  for (core::ReportedAttempt& attempt : command.attempts) {
    if (!attempt.stalled || held.count({attempt.handoff_id, attempt.number}) == 0) continue;
    const core::AttemptView* view = state_.ViewOf(attempt.handoff_id);
    const bool known = view != nullptr && view->stalled;
    if (!known) attempt.summaries = SummariesOf(attempt.handoff_id);
  }
  return absl::OkStatus();
}

absl::Status EngineTurn::LookUp(core::Report& command) {
  RETURN_IF_ERROR(PageIn(command.handoff_id));
  command.summaries = SummariesOf(command.handoff_id);
  return absl::OkStatus();
}

absl::Status EngineTurn::LookUp(core::SavePush& command) {
  RETURN_IF_ERROR(PageIn(command.handoff_id));
  const core::Handoff* const handoff = state_.FindHandoff(command.handoff_id);
  command.asked = handoff != nullptr && options_.asks_for_push(handoff->spec);
  return absl::OkStatus();
}

absl::Status EngineTurn::LookUp(core::Summarize& command) {
  RETURN_IF_ERROR(HasRoom());
  RETURN_IF_ERROR(PageIn(command.id));
  command.model = SummariesOf(command.id).model;
  return absl::OkStatus();
}

// Only what somebody waits for is worth a read, and room on the disk.
absl::Status EngineTurn::LookUp(core::SaveSummary& command) {
  if (state_.FindWish(command.handoff_id, command.number) == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(HasRoom());
  return PageIn(command.handoff_id);
}

core::SummaryPolicy EngineTurn::SummariesOf(const std::string& handoff_id) const {
  const core::Handoff* handoff = state_.FindHandoff(handoff_id);
  return handoff == nullptr ? core::SummaryPolicy{} : options_.summaries_of(handoff->spec);
}

absl::Status EngineTurn::PageInListed(const core::Sync& request) {
  for (const std::string& id : core::NotInMemory(state_, request)) {
    RETURN_IF_ERROR(PageIn(id));
    if (state_.FindHandoff(id) != nullptr || state_.purged().Has(id)) continue;
    ASSIGN_OR_RETURN(const bool purged, store_.WasPurged(id));
    if (purged) state_.NotePurged(id, {});
  }
  return absl::OkStatus();
}

// What nobody has is left to the decision, which has the sentence for it.
absl::Status EngineTurn::PageIn(const std::string& id) {
  if (state_.FindHandoff(id) != nullptr || state_.purged().Has(id)) return absl::OkStatus();
  absl::StatusOr<core::Handoff> found = store_.Find(id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  state_.PageIn(*std::move(found));
  return absl::OkStatus();
}

absl::Status EngineTurn::HasRoom() {
  if (!room_.has_value()) room_ = store_.HasRoom();
  return *room_;
}

void EngineTurn::Apply(core::Edit edit) {
  if (edit.changes.empty()) return;
  changed_ = true;
  state_.Apply(edit);
  for (const core::Change& change : edit.changes) Note(change);
  if (edit.durable()) durable_.push_back(std::move(edit));
}

// Which views and which held Syncs a change concerns.
void EngineTurn::Note(const core::Change& change) {
  if (const auto* put = std::get_if<core::PutHandoff>(&change)) {
    const core::Handoff& handoff = put->handoff;
    touched_handoffs_.insert(handoff.id);
    for (const core::Attempt& attempt : handoff.attempts) {
      if (!attempt.worker_uuid.empty()) touched_workers_.insert(attempt.worker_uuid);
    }
    if (!handoff.idempotency_key.empty()) {
      keys_[{handoff.owner, handoff.idempotency_key}] = handoff.id;
    }
  } else if (const auto* purge = std::get_if<core::PurgeHandoff>(&change)) {
    touched_handoffs_.insert(purge->id);
    touched_workers_.insert(purge->workers.begin(), purge->workers.end());
    std::erase_if(keys_, [&](const auto& entry) { return entry.second == purge->id; });
  } else if (const auto* lease = std::get_if<core::SetLease>(&change)) {
    touched_handoffs_.insert(lease->handoff_id);
  } else if (const auto* views = std::get_if<core::SetAttemptViews>(&change)) {
    touched_workers_.insert(views->worker_uuid);
    for (const auto& attempt : state_.AttemptsOf(views->worker_uuid)) {
      touched_handoffs_.insert(attempt.first);
    }
  } else if (const auto* live = std::get_if<core::SetLiveWorker>(&change)) {
    touched_workers_.insert(live->worker.uuid);
  } else if (const auto* worker = std::get_if<core::PutWorker>(&change)) {
    touched_workers_.insert(worker->worker.uuid);
  } else if (const auto* dropped = std::get_if<core::DropWorker>(&change)) {
    touched_workers_.insert(dropped->uuid);
    answered_.erase(dropped->uuid);
  } else if (const auto* hold = std::get_if<core::PutHold>(&change)) {
    touched_workers_.insert(hold->hold.worker_uuid);
  } else if (const auto* ended = std::get_if<core::DropHold>(&change)) {
    touched_workers_.insert(ended->worker_uuid);
  } else if (const auto* wished = std::get_if<core::SetSummaryWish>(&change)) {
    touched_workers_.insert(wished->wish.worker_uuid);
    touched_wishes_ = true;
  } else if (const auto* turn = std::get_if<core::SetAgentTurn>(&change)) {
    touched_workers_.insert(turn->turn.worker_uuid);
  } else if (std::holds_alternative<core::DropSummaryWish>(change)) {
    touched_wishes_ = true;
  } else {
    NoteIdentity(change);
  }
}

void EngineTurn::NoteIdentity(const core::Change& change) {
  if (const auto* user = std::get_if<core::PutUser>(&change)) {
    touched_identities_.users.insert(user->user.name);
  } else if (const auto* put = std::get_if<core::PutCredential>(&change)) {
    touched_identities_.serials.insert(put->credential.serial);
  } else if (const auto* gone = std::get_if<core::DropCredential>(&change)) {
    touched_identities_.serials.insert(gone->serial);
  }
}

// Below the reserve nothing is placed and nothing is given away; both can wait.
absl::Status EngineTurn::LookUp(core::Why& command) {
  command.not_placing = std::string(HasRoom().message());
  return PageIn(command.id);
}

void EngineTurn::Tick() {
  if (!HasRoom().ok()) return;
  for (const auto& [time, uuid, key] : state_.probes()) {
    if (time > now_) break;
    touched_workers_.insert(uuid);
  }
  for (const auto& [key, wish] : state_.wishes()) {
    // That it is dropped is told of the handoff as it is.
    if (wish.since + core::kSummaryWait <= now_) PageIn(wish.handoff_id).IgnoreError();
  }
  core::Tick tick;
  const absl::Status ticked = Decide(tick).status();
  CHECK(ticked.ok());
}

// ---- Storing ----

absl::Status EngineTurn::Commit() {
  return durable_.empty() ? absl::OkStatus() : store_.Commit(durable_);
}

absl::Status EngineTurn::Reload() {
  ASSIGN_OR_RETURN(state_, store_.Load(/*new_term=*/false));
  state_.quotas = options_.quotas;
  BeginBatch();
  state_.Apply(core::AfterStart(state_, now_));
  views_.Rebuild(state_);
  identities_.Rebuild(state_);
  next_tick_ = no_tick_before_ = absl::InfinitePast();
  answered_.clear();  // in times of a clock that may have been set back
  return absl::OkStatus();
}

// What workers said is gone with the State. Their Syncs are ended, so that they say it again at
// once; until then their attempts have one full lease.
void EngineTurn::Recover(const absl::Status& cause) {
  absl::Status status = cause;
  if (absl::IsUnavailable(cause) || absl::IsResourceExhausted(cause)) status = Reload();
  if (status.ok()) {
    held_.EndAll(absl::UnavailableError(cause.message()));
    return;
  }
  dead_ = true;
  held_.EndAll(DatabaseFailed());
  options_.fatal ? options_.fatal(status) : EndProcess(status);
}

// ---- Answering Syncs ----

void EngineTurn::Hold(core::Sync request, Engine::Done<SyncAnswer> done) {
  touched_workers_.insert(request.worker.uuid);
  // From the last answer on, not from this request: a busy worker sends the next one long before
  // the hold is over, and only answers renew leases.
  const absl::Time last = answered_.try_emplace(request.worker.uuid, now_).first->second;
  const absl::Time until =
      last + SpreadHold(options_.sync_hold, request.worker.uuid, request.worker.seq);
  held_.Hold({std::move(request), std::move(done), std::max(now_, until)});
}

void EngineTurn::AnswerSyncs() {
  touched_handoffs_.clear();
  for (const std::string& uuid : held_.Due(now_)) AnswerSync(uuid, /*due=*/true);
  for (const std::string& uuid : touched_workers_) AnswerSync(uuid, /*due=*/false);
  views_.Update(state_, touched_handoffs_, {});
}

void EngineTurn::AnswerSync(const std::string& worker_uuid, bool due) {
  const HeldSyncs::Held* const held = held_.Find(worker_uuid);
  if (held == nullptr) return;
  const absl::Status good =
      core::CheckNotRevoked(state_, worker_uuid, "It gets nothing to do and no lease is renewed");
  if (!good.ok()) {
    held_.Take(worker_uuid).done(good);
    return;
  }
  // What it lists and has ended left memory with an earlier batch. What cannot be read now is in a
  // later answer.
  PageInListed(held->request).IgnoreError();
  core::Sync::Reply reply = core::Answer(state_, held->request, now_);
  if (!reply.urgent && !due) {
    const absl::Time soonest = now_ + std::min(reply.hold, core::kOfferAgain);
    held_.AnswerBy(worker_uuid, std::max(soonest, answered_[worker_uuid] + reply.hold));
    return;
  }
  HeldSyncs::Held taken = held_.Take(worker_uuid);
  taken.done(MakeAnswer(taken.request, std::move(reply)));
}

SyncAnswer EngineTurn::MakeAnswer(const core::Sync& request, core::Sync::Reply reply) {
  SyncAnswer answer;
  for (const core::Sync::Desired& desired : reply.attempts) {
    if (desired.with_spec) answer.specs.push_back(*state_.FindHandoff(desired.handoff_id));
  }
  const core::Edit renewal = core::RenewLeases(state_, reply, now_);
  CHECK(!renewal.durable());
  state_.Apply(renewal);
  for (const core::Change& change : renewal.changes) {
    if (const auto* lease = std::get_if<core::SetLease>(&change)) {
      touched_handoffs_.insert(lease->handoff_id);
    }
  }
  answer.pool_id = state_.pool_id;
  answer.term = state_.term;
  answer.revision = ++answers_;
  answered_[request.worker.uuid] = now_;
  answer.in_reply_to = request.worker.seq;
  answer.reply = std::move(reply);
  return answer;
}

absl::Duration EngineTurn::UntilNext() const {
  return std::max(kLeastWait, std::min(next_tick_, held_.Next()) - now_);
}

}  // namespace handoff
