#include "tests/sim/sim_coordinator.h"

#include <algorithm>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/handoff/names.h"
#include "coordinator/core/checkpoints.h"

namespace handoff::sim {
namespace {

constexpr absl::Duration kHold = absl::Seconds(10);

worker::SyncAnswer ToWorker(const core::Sync::Reply& reply, const core::State& state) {
  worker::SyncAnswer answer;
  for (const core::Sync::Desired& d : reply.attempts) {
    worker::DesiredAttempt desired;
    desired.key = {d.handoff_id, d.number};
    desired.epoch = d.epoch;
    desired.stop = d.stop;
    desired.lease = d.lease;
    if (d.with_spec) desired.spec = SimSpec::Of(*state.FindHandoff(d.handoff_id)).Text();
    desired.stop_as = d.stop_as;
    desired.stop_reason = d.stop_reason;
    answer.attempts.push_back(std::move(desired));
  }
  answer.draining = reply.draining;
  for (const auto& [key, url] : reply.probes) answer.probes.push_back({key, url});
  for (const auto& [id, number] : reply.forget) answer.forget.push_back({id, number});
  return answer;
}

}  // namespace

SimSpec SimSpec::Of(const core::Handoff& handoff) {
  const core::Attempt& latest = *handoff.Latest();
  const core::Head start = core::StartOf(handoff, latest);
  if (start.checkpoint == nullptr) return {.only_checks = latest.only_checks};
  return {start.kept_since(), WorkOf(start.checkpoint->commit), start.asked, latest.only_checks};
}

SimSpec SimSpec::Parse(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ' ');
  CHECK(parts.size() == 4);
  SimSpec spec;
  CHECK(absl::SimpleAtoi(parts[0], &spec.attempt) && absl::SimpleAtoi(parts[1], &spec.work));
  spec.rebuild = parts[2] == "rebuild";
  spec.only_checks = parts[3] == "checks";
  return spec;
}

std::string SimSpec::Text() const {
  return absl::StrCat(attempt, " ", work, " ", rebuild ? "rebuild" : "keep", " ",
                      only_checks ? "checks" : "agent");
}

std::string SimSpec::CommitOf(int64_t work, int attempt) {
  return absl::StrCat(work, " by ", attempt);
}

int64_t SimSpec::WorkOf(const std::string& commit) {
  int64_t work = 0;
  CHECK(commit.empty() || absl::SimpleAtoi(commit.substr(0, commit.find(' ')), &work));
  return work;
}

void SimCoordinator::Start() {
  CHECK(!up());
  state_ = *store_.Load(/*new_term=*/true);
  state_->quotas = quotas_;
  ++life_;
  state_->Apply(core::AfterStart(*state_, world_.now));
  if (Finish({})) AfterReplies();
}

void SimCoordinator::Crash() {
  state_.reset();
  held_.clear();
  ++life_;
}

void SimCoordinator::TakeSync(core::Sync request, SyncDone done) {
  LookUp(request);
  request.answers_given = answers_;
  std::vector<core::Edit> edits;
  auto decision = core::Decide(*state_, request, world_.now);
  CHECK(state_->incarnation == 1);  // nothing was restored
  if (decision.ok()) Apply(std::move(decision->edit), edits);
  if (!Finish(std::move(edits))) return;
  if (decision.ok()) {
    Held held{std::move(request), std::move(done), world_.now + kHold};
    held_.insert_or_assign(held.request.worker.uuid, std::move(held));
  } else {
    done(decision.status());
  }
  AfterReplies();
}

void SimCoordinator::LookUp(core::Submit& command) {
  command.same_key =
      *store_.FindByIdempotencyKey(command.handoff.owner, command.handoff.idempotency_key);
  command.free_id = *store_.FreeId(MakeId(world_.now, command.handoff.task_line));
}

void SimCoordinator::LookUp(core::Sync& command) {
  for (const std::string& id : core::NotInMemory(*state_, command)) PageIn(id);
}

void SimCoordinator::PageIn(const std::string& id) {
  if (state_->FindHandoff(id) != nullptr) return;
  absl::StatusOr<core::Handoff> found = store_.Find(id);
  if (found.ok()) state_->PageIn(*std::move(found));
}

void SimCoordinator::Apply(core::Edit edit, std::vector<core::Edit>& edits) {
  state_->Apply(edit);
  if (edit.durable()) edits.push_back(std::move(edit));
}

bool SimCoordinator::Finish(std::vector<core::Edit> edits) {
  core::Edit tick = core::Decide(*state_, core::Tick{}, world_.now)->edit;
  const core::Edit ticked = tick;
  Apply(std::move(tick), edits);
  CheckShares(ticked);
  if (world_.Fault(400)) {  // kill -9 before the commit
    Crash();
    return false;
  }
  CheckCheckpoints(edits);
  if (!edits.empty()) CHECK(store_.Commit(edits).ok());
  CheckAgainstStore();
  if (world_.Fault(400)) {  // kill -9 before anybody hears of it
    Crash();
    return false;
  }
  return true;
}

void SimCoordinator::AfterReplies() {
  AnswerHeld();
  state_->EvictAtRest();
  SetTimer();
}

void SimCoordinator::AnswerHeld() {
  for (auto held = held_.begin(); held != held_.end();) {
    for (const std::string& id : core::NotInMemory(*state_, held->second.request)) PageIn(id);
    core::Sync::Reply reply = core::Answer(*state_, held->second.request, world_.now);
    held->second.until = std::min(held->second.until, world_.now + reply.hold);
    if (!reply.urgent && held->second.until > world_.now) {
      ++held;
      continue;
    }
    state_->Apply(core::RenewLeases(*state_, reply, world_.now));
    worker::SyncAnswer answer = ToWorker(reply, *state_);
    answer.pool_id = state_->pool_id;
    answer.term = state_->term;
    answer.revision = ++answers_;
    answer.in_reply_to = held->second.request.worker.seq;
    held->second.done(answer);
    held = held_.erase(held);
  }
}

void SimCoordinator::SetTimer() {
  absl::Time next = core::NextTick(*state_);
  for (const auto& [uuid, held] : held_) next = std::min(next, held.until);
  if (next == absl::InfiniteFuture()) return;
  const uint64_t timer = ++timer_;
  const uint64_t life = life_;
  world_.After(std::max(next - world_.now, absl::ZeroDuration()), [this, timer, life] {
    if (!up() || life != life_ || timer != timer_) return;
    if (Finish({})) AfterReplies();
  });
}

void SimCoordinator::CheckCheckpoints(const std::vector<core::Edit>& edits) {
  for (const core::Edit& edit : edits) {
    for (const core::Change& change : edit.changes) {
      const auto* put = std::get_if<core::PutHandoff>(&change);
      if (put == nullptr) continue;
      const auto before = store_.handoffs().find(put->handoff.id);
      const core::Handoff was =
          before == store_.handoffs().end() ? core::Handoff() : before->second;
      CheckHands(was, put->handoff);
      CheckCheckpoints(was, put->handoff);
    }
  }
}

// Since when until when a person has it; and what they did in a workspace is gone on from there.
void SimCoordinator::CheckHands(const core::Handoff& before, const core::Handoff& after) {
  const bool had = before.status == core::HandoffStatus::kInteractive;
  const bool has = after.status == core::HandoffStatus::kInteractive;
  if (has && !had) in_hands_[after.id].push_back({world_.now});
  if (had && !has) in_hands_[after.id].back().to = world_.now;
  if (has) CHECK(after.attempts.size() == before.attempts.size());
  const bool given_back = had && after.attempts.size() > before.attempts.size();
  if (given_back && !before.taken_on.empty()) by_hand_[after.id] = before.taken_on;
  // Allowed where that host cannot be asked.
  const bool elsewhere = has && !had && after.taken_on.empty();
  if (elsewhere || core::IsEnded(after.status)) by_hand_.erase(after.id);
  const core::Attempt& latest = *after.Latest();
  if (by_hand_.count(after.id) == 0 || latest.epoch == 0) return;
  CHECK(latest.worker_name == by_hand_[after.id]);
  const core::Head start = core::StartOf(after, latest);
  int lies_there = 0;
  for (const core::Attempt& attempt : after.attempts) {
    if (&attempt != &latest && attempt.worker_name == latest.worker_name)
      lies_there = attempt.number;
  }
  CHECK(!start.asked && start.kept_since() <= lies_there);
  by_hand_.erase(after.id);
}

// What is leased goes on from the newest checkpoint that was accepted before, or from the one that
// a person asked for; and no checkpoint that counts holds less than one before it.
void SimCoordinator::CheckCheckpoints(const core::Handoff& before, const core::Handoff& after) {
  if (after.returned != before.returned && !after.returned.commit.empty()) {
    const int64_t work = SimSpec::WorkOf(after.returned.commit);
    CHECK(work >= safe_[after.id] || before.go_on_from != 0);
    safe_[after.id] = work;
    accepted_[after.id] = after.returned.commit;
  }
  for (const core::Attempt& attempt : after.attempts) {
    const size_t i = static_cast<size_t>(attempt.number) - 1;
    const core::Attempt was = i < before.attempts.size() ? before.attempts[i] : core::Attempt();
    if (attempt.checkpoint != was.checkpoint) {
      const int64_t work = SimSpec::WorkOf(attempt.checkpoint.commit);
      CHECK(work >= safe_[after.id]);
      safe_[after.id] = work;
      accepted_[after.id] = attempt.checkpoint.commit;
    }
    if (attempt.epoch == 0 || was.epoch != 0) continue;
    if (after.go_on_from == 0) {
      CHECK(attempt.from_commit == accepted_[after.id]);
    } else {
      CHECK(attempt.from_attempt == after.go_on_from);
      safe_[after.id] = SimSpec::WorkOf(attempt.from_commit);
      ++asked_for_;
    }
  }
}

// Nobody got a slot while another owner, whose share was smaller, waited with a handoff that asks
// the same of a worker. What is urgent goes before shares, and nobody has more than their cap.
void SimCoordinator::CheckShares(const core::Edit& tick) {
  std::map<std::string, std::vector<const core::Handoff*>> leased;  // by owner
  for (const core::Change& change : tick.changes) {
    const auto* put = std::get_if<core::PutHandoff>(&change);
    if (put != nullptr && put->handoff.status == core::HandoffStatus::kRunning &&
        put->handoff.Latest()->leased_at == world_.now) {
      leased[put->handoff.owner].push_back(&put->handoff);
    }
  }
  const auto running = [&](const std::string& owner) {
    return static_cast<int64_t>(state_->owners().Of(owner).running);
  };
  for (const auto& [owner, queues] : state_->queues()) {
    const core::Quota& quota = state_->quotas.Of(owner);
    CHECK(state_->owners().Of(owner).running <= quota.running);
    if (state_->owners().Of(owner).running == quota.running) {
      ++capped_;
      continue;
    }
    for (const auto& [other, handoffs] : leased) {
      if (other == owner) continue;
      const int64_t before = running(other) - static_cast<int64_t>(handoffs.size());
      for (const core::Handoff* handoff : handoffs) {
        // As it was in the queue: the affinity of a later attempt is another one by now.
        if (handoff->priority > 0 || handoff->attempts.size() > 1) continue;
        if (queues.count(core::SignatureOf(*handoff)) == 0) continue;
        ++contested_;
        CHECK(before * quota.weight <= running(owner) * state_->quotas.Of(other).weight);
      }
    }
  }
}

// Load() gives what is live: if it did not, a crash here would change the pool.
void SimCoordinator::CheckAgainstStore() {
  state_->CheckInvariants();
  const core::State loaded = *store_.Load(/*new_term=*/false);
  size_t live = 0;
  for (const auto& [id, handoff] : state_->handoffs()) {
    if (core::IsAtRest(handoff.status)) continue;
    ++live;
    const core::Handoff* stored = loaded.FindHandoff(id);
    CHECK(stored != nullptr && *stored == core::DurablePart(handoff));
  }
  CHECK(live == loaded.handoffs().size());
  const auto most = static_cast<size_t>(max_parallel_);
  // Attempts without an agent need no account.
  const auto running = static_cast<size_t>(
      std::count_if(state_->handoffs().begin(), state_->handoffs().end(), [](const auto& entry) {
        const core::Attempt& latest = *entry.second.Latest();
        return core::IsLive(latest.state) && !latest.only_checks;
      }));
  CHECK(most == 0 || running <= most);
  if (running == most && state_->queued() > 0 && !state_->open_workers().empty()) ++account_full_;
  CHECK(state_->workers().size() == loaded.workers().size());
  for (const auto& [uuid, worker] : state_->workers()) {
    // After a start of the coordinator nobody has said how many slots there are.
    CHECK(worker.slots == 0 ||
          state_->AttemptsOf(uuid).size() <= static_cast<size_t>(worker.slots));
    CHECK(*loaded.FindWorker(uuid) == core::DurablePart(worker));
  }
  CHECK(state_->holds().size() == loaded.holds().size());
  for (const auto& [key, hold] : state_->holds())
    CHECK(*loaded.FindHold(key.first, key.second) == core::DurablePart(hold));
  CHECK(state_->epoch_counter == loaded.epoch_counter);
  CHECK(state_->revision == loaded.revision);
  CHECK(state_->next_seq == loaded.next_seq);
  CHECK(state_->owners() == loaded.owners());
}

}  // namespace handoff::sim
