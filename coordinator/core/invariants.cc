// What must hold of a State at any time. Each index is built again from the records and compared.
#include <set>

#include "common/check.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/state.h"

namespace handoff::core {
namespace {

void CheckAttempts(const Handoff& handoff) {
  for (size_t i = 0; i < handoff.attempts.size(); ++i) {
    const Attempt& attempt = handoff.attempts[i];
    const bool latest = i + 1 == handoff.attempts.size();
    CHECK(attempt.number == static_cast<int>(i) + 1);
    CHECK(latest || IsTerminal(attempt.state));  // one at a time
    CHECK((attempt.epoch != 0) == !attempt.worker_uuid.empty());
    CHECK(!IsLive(attempt.state) || attempt.epoch != 0);
    CHECK(attempt.state != AttemptState::kSucceeded || attempt.end.has_value());
    // Given up, or taken for unbegun and cancelled.
    const bool may_be_late =
        attempt.state == AttemptState::kLost || attempt.state == AttemptState::kCancelled;
    CHECK(!attempt.arrived_after_loss || (may_be_late && attempt.end.has_value()));
    CHECK(attempt.late_checkpoint == Checkpoint{} || may_be_late);
    CHECK(attempt.from_attempt < attempt.number);
    CHECK((attempt.from_attempt == 0) == attempt.from_commit.empty());
    // A person's work that it went on from may have been replaced by their next one since.
    CHECK(IsTerminal(attempt.state) || attempt.from_attempt == 0 ||
          !StartOf(handoff, attempt).checkpoint->commit.empty());
    CHECK(!attempt.only_checks || attempt.session.empty());
  }
}

// In the order sent; what an attempt was given is its own while it lives, and then it was read or
// is pending again.
void CheckMessages(const Handoff& handoff) {
  for (size_t i = 0; i < handoff.messages.size(); ++i) {
    const Message& message = handoff.messages[i];
    CHECK(message.number == static_cast<int>(i) + 1);
    CHECK(message.attempt >= 0 && message.attempt <= handoff.Latest()->number);
    CHECK(!message.dropped || message.attempt == 0);
    CHECK(!message.delivered || message.attempt != 0);
    const bool given = message.attempt != 0 && !message.delivered;
    CHECK(!given ||
          (message.attempt == handoff.Latest()->number && IsLive(handoff.Latest()->state)));
  }
}

// Every version is kept.
void CheckEdits(const Handoff& handoff) {
  for (size_t i = 0; i < handoff.edits.size(); ++i) {
    CHECK(handoff.edits[i].version == static_cast<int>(i) + 1);
    CHECK(!handoff.edits[i].section.empty());
  }
}

// Whoever has it or wants it, and what they gave back.
void CheckTaken(const Handoff& handoff) {
  const Attempt& latest = *handoff.Latest();
  const bool wanted = handoff.status == HandoffStatus::kRunning &&
                      latest.state == AttemptState::kStopping &&
                      latest.stop_as == EndedBy::kInterrupted;
  CHECK(handoff.taken_by.empty() || wanted || handoff.status == HandoffStatus::kInteractive);
  CHECK((handoff.taken_at == absl::InfinitePast()) == handoff.taken_by.empty());
  CHECK(handoff.taken_on.empty() || !handoff.taken_by.empty());
  CHECK(handoff.returned_after >= 0 && handoff.returned_after <= latest.number);
  CHECK(handoff.returned == Checkpoint{} ||
        (!handoff.returned.commit.empty() && handoff.returned_after > 0));
}

void CheckStatus(const Handoff& handoff) {
  CHECK(!handoff.attempts.empty());
  const AttemptState latest = handoff.Latest()->state;
  switch (handoff.status) {
    case HandoffStatus::kQueued:
      CHECK(latest == AttemptState::kQueued);
      CHECK(!handoff.reason.empty());
      break;
    case HandoffStatus::kRunning:
      CHECK(IsLive(latest));
      break;
    case HandoffStatus::kSucceeded:
      CHECK(latest == AttemptState::kSucceeded);
      break;
    case HandoffStatus::kFailed:
    case HandoffStatus::kCancelled:
      CHECK(IsTerminal(latest));
      CHECK(!handoff.reason.empty());
      break;
    case HandoffStatus::kWaiting:
      CHECK(IsTerminal(latest));
      CHECK(!handoff.question.empty());
      CHECK(!handoff.reason.empty());
      break;
    case HandoffStatus::kInteractive:
      CHECK(IsTerminal(latest));
      CHECK(!handoff.taken_by.empty());
      CHECK(!handoff.reason.empty());
      break;
    case HandoffStatus::kStalled:
      CHECK(false);  // never set here
  }
  CHECK(handoff.go_on_from <= static_cast<int>(handoff.attempts.size()));
  CHECK(handoff.sessions_from >= 1);
  CHECK(handoff.sessions_from <= static_cast<int>(handoff.attempts.size()));
  CHECK((handoff.ended_at != absl::InfinitePast()) == IsEnded(handoff.status));
  CHECK(!handoff.deleted || IsEnded(handoff.status));
  CHECK(handoff.question.empty() || handoff.status == HandoffStatus::kWaiting);
}

void CheckTurns(const AgentTurns& turns, const State& state) {
  for (const auto& [key, turn] : turns.all()) {
    CHECK(key == std::pair(turn.worker_uuid, turn.agent));
    CHECK(state.FindWorker(turn.worker_uuid) != nullptr);
    CHECK(turn.number != 0 && turn.number <= turns.last());
  }
}

}  // namespace

void State::CheckInvariants() const {
  State fresh;
  fresh.ticked_at_ = ticked_at_;
  std::set<uint64_t> epochs;
  for (const auto& [id, handoff] : handoffs_) {
    CHECK(id == handoff.id);
    CHECK(handoff.seq < next_seq);
    CheckAttempts(handoff);
    CheckStatus(handoff);
    CheckTaken(handoff);
    CheckMessages(handoff);
    CheckEdits(handoff);
    for (const Attempt& attempt : handoff.attempts) {
      if (attempt.epoch == 0) continue;
      CHECK(epochs.insert(attempt.epoch).second);
      CHECK(attempt.epoch >> 32 <= incarnation);
      CHECK(attempt.epoch >> 32 < incarnation || (attempt.epoch & 0xffffffffu) <= epoch_counter);
    }
    fresh.Install(PutHandoff{handoff});
  }
  for (const auto& [uuid, worker] : workers_) {
    CHECK(uuid == worker.uuid);
    fresh.Install(PutWorker{worker});
  }
  for (const auto& [key, hold] : holds_) {
    CHECK(key.first == hold.worker_uuid && key.second == hold.key);
    fresh.Install(PutHold{hold});
  }
  for (const auto& [id, view] : views_) {
    const Handoff* handoff = FindHandoff(id);
    CHECK(handoff != nullptr && IsLive(handoff->Latest()->state));
    CHECK(handoff->Latest()->epoch == view.epoch);
  }
  for (const auto& [id, workers] : purged_.ids()) {
    CHECK(FindHandoff(id) == nullptr);
    for (const std::string& uuid : workers) CHECK(purged_.Of(uuid).count(id) > 0);
  }
  CheckTurns(turns_, *this);
  for (const auto& [key, wish] : wishes_) {
    CHECK(key == std::pair(wish.handoff_id, wish.number));
    CHECK(wish.wish != 0 && wish.wish <= last_wish_);
  }
  identity_.CheckInvariants();
  CHECK(fresh.worker_names_ == worker_names_);
  CHECK(fresh.keys_ == keys_);
  CHECK(fresh.dedupe_keys_ == dedupe_keys_);
  CHECK(fresh.queues_ == queues_);
  CHECK(fresh.attempts_of_ == attempts_of_);
  CHECK(fresh.open_workers_ == open_workers_);
  CHECK(fresh.accounts_ == accounts_);
  CHECK(fresh.owners_.SameLive(owners_));
  CHECK(fresh.lease_ends_ == lease_ends_);
  CHECK(fresh.waiting_ == waiting_);
  CHECK(fresh.deadlines_ == deadlines_);
  CHECK(fresh.ready_since_ == ready_since_);
  CHECK(fresh.last_seen_ == last_seen_);
  CHECK(fresh.probes_ == probes_);
  CHECK(fresh.at_rest_ == at_rest_);
  CHECK(fresh.bytes_as_sent_ == bytes_as_sent_);
}

}  // namespace handoff::core
