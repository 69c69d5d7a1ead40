#include "tests/sim/sim_host.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/handoff/outcome.h"

namespace handoff::sim {
namespace {

using worker::AttemptKey;
using worker::Stage;

constexpr absl::Duration kSyncTimeout = absl::Seconds(15);
constexpr absl::Duration kReportAgain = absl::Seconds(3);

}  // namespace

SimHost::SimHost(World& world, SimCoordinator& coordinator, Truth& truth, const std::string& name,
                 int slots)
    : world_(world), coordinator_(coordinator), truth_(truth), name_(name), slots_(slots) {
  rate_ = 0.985 + 0.001 * static_cast<double>(world.Below(31));  // up to 1.5 % wrong
  boot_offset_ = static_cast<int64_t>(world.Below(1'000'000'000));
  advanced_ = world.now;
}

BootTime SimHost::Boot() const {
  const double passed = absl::ToDoubleSeconds(world_.now - absl::FromUnixSeconds(1'800'000'000));
  return {boot_offset_ + static_cast<int64_t>(passed * rate_ * 1e9)};
}

absl::Time SimHost::TrueTime(BootTime boot) const { return world_.now + (boot - Boot()) / rate_; }

// ---- The agents ----

void SimHost::Advance() {
  for (auto& [key, attempt] : attempts_) {
    if (!attempt.alive) continue;
    const absl::Time to =
        std::min({world_.now, attempt.frozen_from, advanced_ + attempt.work_left});
    if (to > advanced_) {
      truth_.runs[key.handoff_id].push_back({advanced_, to, name_, key.number});
      attempt.work_left -= to - advanced_;
    }
    if (attempt.work_left <= absl::ZeroDuration()) {
      EndProcess(attempt, EndedBy::kItself);
    } else if (attempt.frozen_from <= world_.now && !attempt.was_frozen) {
      attempt.was_frozen = true;
      ++truth_.frozen;
    }
  }
  advanced_ = world_.now;
}

void SimHost::Begin(const AttemptKey& key, Attempt& attempt) {
  attempt.begun = attempt.alive = true;
  attempt.begun_at = world_.now;
  truth_.begun.insert(key);
  attempt.work_left = absl::Milliseconds(1) + world_.UpTo(absl::Seconds(world_.OneIn(4) ? 90 : 10));
  attempt.planned = attempt.only_checks ? PlanChecks() : Plan();
  attempt.stage = Stage::kRunning;
}

core::AttemptEnd SimHost::Plan() {
  core::AttemptEnd end;
  end.session = absl::StrCat("session-", world_.Below(1000));
  const uint64_t dice = world_.Below(100);
  if (dice < 10) end.question = "This or that?";
  if (dice < 75) return end;
  end.failure = dice < 82   ? FailureClass::kNetwork
                : dice < 86 ? FailureClass::kAgentError
                : dice < 90 ? FailureClass::kContextOverflow
                : dice < 93 ? FailureClass::kQuota
                            : FailureClass::kAgentNeedsSetup;
  end.message = "The dice said so";
  if (end.failure == FailureClass::kQuota) end.retry_at = world_.now + absl::Seconds(40);
  if (end.failure == FailureClass::kAgentNeedsSetup) {
    end.host_fault = true;
    end.hold_key = "agent:cursor";
  }
  return end;
}

core::AttemptEnd SimHost::PlanChecks() {
  core::AttemptEnd end;
  if (!world_.OneIn(3)) return end;
  end.failure = FailureClass::kChecksFailed;
  end.message = "The dice said so";
  end.check_output = "1 test failed";
  return end;
}

void SimHost::WorkByHand(const std::string& id) {
  const auto workspace = workspaces_.find(id);
  CHECK(workspace != workspaces_.end());  // it was taken over there
  ++workspace->second.work;
  workspace->second.by_hand = true;
}

// As the protocol says: what lies here is kept when the attempt that the checkpoint is of, or a
// later one, left it, unless a person asked for that state.
void SimHost::PrepareWorkspace(const AttemptKey& key, const std::string& spec, Attempt& attempt) {
  const SimSpec from = SimSpec::Parse(spec);
  Workspace& workspace = workspaces_[key.handoff_id];
  const bool keep = workspace.attempt > 0 && workspace.attempt >= from.attempt && !from.rebuild;
  if (!keep) workspace.work = from.work;
  if (keep && workspace.by_hand) ++truth_.by_hand;
  workspace.by_hand = false;
  if (from.attempt > 0) ++(keep ? truth_.kept : truth_.rebuilt);
  CHECK(workspace.work >= from.work);  // it never goes back behind a checkpoint that counts
  workspace.attempt = key.number;
  attempt.work = attempt.saved = workspace.work;
  attempt.only_checks = from.only_checks;
}

// Checks are run after the work was kept, and change none of it.
void SimHost::TakeCheckpoint(const AttemptKey& key, Attempt& attempt) {
  if (attempt.only_checks) return;
  workspaces_[key.handoff_id].work = ++attempt.work;
  SendCheckpoint(key);
}

void SimHost::EndProcess(Attempt& attempt, EndedBy by) {
  attempt.alive = false;
  if (attempt.only_checks && by == EndedBy::kItself) ++truth_.only_checks;
  if (by == EndedBy::kItself) {
    attempt.end = attempt.planned;
  } else {
    const Verdict verdict = Judge(Protocol::kResultMissing, "", {std::nullopt, 9, by});
    attempt.end = {};
    attempt.end.failure = verdict.failure;
    attempt.end.message = verdict.message;
    attempt.end.session = attempt.planned.session;
  }
  attempt.end.ended_by = by;
  attempt.end.started_at = attempt.begun_at;
}

// ---- The daemon ----

void SimHost::StartDaemon() {
  if (up_) return;
  up_ = true;
  ++life_;
  ++start_;
  nonce_ = 1 + world_.Below(1'000'000);
  seq_ = 0;
  memory_ = {pool_id_, 0, 0};
  outstanding_ = {};
  probes_.clear();
  probed_at_ = world_.now;
  for (auto& [key, attempt] : attempts_) {
    attempt.closing = false;
    if (attempt.stage == Stage::kReporting) {
      SendReport(key);
      continue;
    }
    ++truth_.adopted;
    attempt.stage = Stage::kAdopting;
    attempt.ready = world_.now + world_.UpTo(absl::Seconds(1));
    if (!attempt.begun) attempt.frozen_from = absl::InfinitePast();  // only a shim keeps a lease
  }
  SendSync();
  Wake(absl::ZeroDuration());
}

void SimHost::KillDaemon() {
  if (!up_) return;
  up_ = false;
  ++life_;
  const absl::Duration down = world_.faults ? world_.UpTo(absl::Seconds(60)) : absl::Seconds(1);
  world_.After(down, [this] { StartDaemon(); });
}

void SimHost::Reboot() {
  Advance();
  ++truth_.reboots;
  ++boot_;
  boot_offset_ -= Boot().ns;  // its clock starts again
  for (auto& [key, attempt] : attempts_) {
    if (attempt.alive) EndProcess(attempt, EndedBy::kHostRebooted);
    attempt.frozen_from = absl::InfinitePast();
  }
  KillDaemon();
}

void SimHost::Wake(absl::Duration delay) {
  const uint64_t life = life_;
  world_.After(std::max(delay, absl::ZeroDuration()), [this, life] {
    if (life == life_) Work();
  });
}

void SimHost::Work() {
  Advance();
  for (auto attempt = attempts_.begin(); attempt != attempts_.end();) {
    auto next = std::next(attempt);
    StepAttempt(attempt->first, attempt->second);
    attempt = next;
  }
}

void SimHost::StepAttempt(const AttemptKey& key, Attempt& attempt) {
  const Stage before = attempt.stage;
  const bool ready = world_.now >= attempt.ready;
  const auto save = [&] {
    if (attempt.begun) TakeCheckpoint(key, attempt);
    attempt.stage = Stage::kSaving;
    attempt.ready = world_.now + world_.UpTo(absl::Milliseconds(300));
    Wake(attempt.ready - world_.now);
  };
  switch (attempt.stage) {
    case Stage::kAdopting:
      if (!ready) return Wake(attempt.ready - world_.now);
      attempt.stage = attempt.begun ? Stage::kRunning : Stage::kPreparing;
      attempt.ready = world_.now + world_.UpTo(absl::Seconds(2));
      Wake(absl::ZeroDuration());
      break;
    case Stage::kPreparing:
      if (attempt.stopping) {
        EndProcess(attempt, attempt.stop_as);
        save();
      } else if (!ready) {
        return Wake(attempt.ready - world_.now);
      } else {
        Begin(key, attempt);
        Wake(attempt.work_left);
      }
      break;
    case Stage::kRunning:
      if (attempt.alive && attempt.stopping) {
        // It has a moment to end by itself, and works on unless it is frozen.
        if (attempt.killed_at == absl::InfiniteFuture()) {
          attempt.killed_at = world_.now + world_.UpTo(absl::Seconds(1));
          Wake(attempt.killed_at - world_.now);
        }
        if (world_.now >= attempt.killed_at) EndProcess(attempt, attempt.stop_as);
      }
      if (!attempt.alive) {
        save();
      } else if (attempt.frozen_from > world_.now) {
        if (world_.OneIn(4)) TakeCheckpoint(key, attempt);
        return Wake(std::min(attempt.work_left, attempt.frozen_from - world_.now));
      }
      break;
    case Stage::kSaving:
      if (!ready) return Wake(attempt.ready - world_.now);
      if (attempt.saved < attempt.work) return;  // its answer wakes us
      // Until the end record is written a stop wins, but an interruption leaves a good result.
      if (attempt.stopping && attempt.end.ended_by != attempt.stop_as) {
        const bool good =
            attempt.end.failure == FailureClass::kNone && attempt.stop_as == EndedBy::kInterrupted;
        if (!good) EndProcess(attempt, attempt.stop_as);
        attempt.end.ended_by = attempt.stop_as;
      }
      attempt.stage = Stage::kReporting;
      truth_.ends[key] = attempt.end;
      SendReport(key);
      break;
    case Stage::kReporting:
      break;
  }
  if (attempt.stage != before) SendSync();
}

// ---- What it says and hears ----

core::Sync SimHost::Request() {
  core::Sync request;
  request.pool_id = pool_id_;
  request.seen_term = memory_.term;
  request.seen_revision = memory_.revision;
  core::Worker& self = request.worker;
  self.uuid = absl::StrCat("uuid-", name_);
  self.name = name_;
  self.start = start_;
  self.nonce = nonce_;
  self.seq = seq_;
  self.boot_id = absl::StrCat("boot-", boot_);
  self.slots = slots_;
  core::AgentOffer offer;
  offer.name = "cursor";
  offer.state = core::AgentState::kReady;
  offer.account = "team";
  offer.probed_at = probed_at_;
  offer.max_parallel = coordinator_.max_parallel();
  self.agents = {offer};
  for (const auto& [id, workspace] : workspaces_) self.workspaces.insert(id);
  for (const auto& [key, attempt] : attempts_) {
    core::ReportedAttempt reported;
    reported.handoff_id = key.handoff_id;
    reported.number = key.number;
    reported.epoch = attempt.epoch;
    reported.adopting = attempt.stage == Stage::kAdopting;
    reported.running = attempt.begun && !reported.adopting;
    reported.reporting = attempt.stage == Stage::kReporting;
    reported.stopping = attempt.stopping;
    request.attempts.push_back(reported);
  }
  request.probes = std::exchange(probes_, {});
  return request;
}

void SimHost::SendSync() {
  if (!up_) return;
  outstanding_ = {++seq_, Boot()};
  const uint64_t life = life_, seq = seq_;
  world_.After(kSyncTimeout, [this, life, seq] {
    if (life == life_ && outstanding_.seq == seq) SendSync();
  });
  const auto taken = [this, life](const absl::StatusOr<worker::SyncAnswer>& answer) {
    world_.Send([this, life, answer] {
      if (life != life_ || cut_) return;
      if (answer.ok()) {
        TakeAnswer(*answer);
      } else {
        CHECK(absl::IsAborted(answer.status()));  // a repeated or overtaken request
      }
    });
  };
  const uint64_t server = coordinator_.life();
  world_.Send([this, request = Request(), taken, server] {
    if (!cut_ && coordinator_.up() && coordinator_.life() == server)
      coordinator_.TakeSync(request, taken);
  });
}

void SimHost::TakeAnswer(const worker::SyncAnswer& answer) {
  Advance();
  worker::Holding holding;
  for (const auto& [key, attempt] : attempts_)
    holding[key] = {attempt.epoch, attempt.stage, attempt.closing};
  const worker::Reconciled result =
      worker::Reconcile(holding, slots_, memory_, outstanding_, answer, Boot());
  CHECK(result.verdict != worker::Reconciled::Verdict::kOtherPool);
  memory_ = result.memory;
  pool_id_ = memory_.pool_id;
  TakeActions(result.actions);
  if (result.verdict != worker::Reconciled::Verdict::kTaken) return;
  TakeProbes(answer.probes);
  SendSync();
}

void SimHost::TakeActions(const worker::Actions& actions) {
  truth_.deferred += static_cast<int>(actions.deferred.size());
  for (const worker::DesiredAttempt& desired : actions.start) {
    Attempt attempt;
    attempt.epoch = desired.epoch;
    attempt.frozen_from = absl::InfinitePast();
    attempt.ready = world_.now + world_.UpTo(absl::Seconds(2));
    PrepareWorkspace(desired.key, desired.spec, attempt);
    CHECK(attempts_.emplace(desired.key, attempt).second);
  }
  for (const worker::Renewal& renewal : actions.renew) {
    Attempt& attempt = attempts_.at(renewal.key);
    attempt.frozen_from = std::max(attempt.frozen_from, TrueTime(renewal.deadline));
    attempt.was_frozen = false;
  }
  for (const worker::StopOrder& stop : actions.stop) {
    Attempt& attempt = attempts_.at(stop.key);
    if (attempt.stopping || attempt.stage == Stage::kReporting) continue;
    attempt.stopping = true;
    attempt.stop_as = stop.as;
  }
  for (const AttemptKey& key : actions.forget) attempts_.erase(key);
  size_t used = 0;
  for (const auto& [key, attempt] : attempts_) used += attempt.stage != Stage::kReporting ? 1 : 0;
  CHECK(used <= static_cast<size_t>(slots_));
  Wake(absl::ZeroDuration());
}

void SimHost::TakeProbes(const std::vector<worker::Probe>& probes) {
  for (const worker::Probe& probe : probes) {
    probes_.push_back({probe.key, !world_.Fault(2), "The dice said so"});
    probed_at_ = world_.now;
  }
}

core::Sender SimHost::Self() const {
  return {pool_id_, absl::StrCat("uuid-", name_), start_, nonce_};
}

void SimHost::SendCheckpoint(const AttemptKey& key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end() || found->second.saved == found->second.work) return;
  const int64_t work = found->second.work;
  core::SaveCheckpoint save;
  save.sender = Self();
  save.handoff_id = key.handoff_id;
  save.number = key.number;
  save.epoch = found->second.epoch;
  save.checkpoint.commit = SimSpec::CommitOf(work, key.number);
  save.checkpoint.session = found->second.planned.session;
  save.checkpoint.taken_at = world_.now;
  const uint64_t life = life_;
  world_.After(kReportAgain, [this, life, key] {
    if (life == life_) SendCheckpoint(key);
  });
  const auto taken = [this, life, key,
                      work](const absl::StatusOr<core::SaveCheckpoint::Reply>& reply) {
    if (!reply.ok()) {
      CHECK(absl::IsAborted(reply.status()));  // sent before the Sync of this start, or of an older
      return;
    }
    world_.Send([this, life, key, work] {
      const auto attempt = attempts_.find(key);
      if (life != life_ || cut_ || attempt == attempts_.end()) return;
      attempt->second.saved = std::max(attempt->second.saved, work);
      Wake(absl::ZeroDuration());
    });
  };
  const uint64_t server = coordinator_.life();
  const uint64_t call = ++checkpoint_calls_;
  world_.Send([this, save, taken, server, call] {
    const bool overtaken = call < checkpoint_delivered_;
    if (cut_ || overtaken || !coordinator_.up() || coordinator_.life() != server) return;
    checkpoint_delivered_ = call;
    coordinator_.Take(save, taken);
  });
}

void SimHost::SendReport(const AttemptKey& key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end() || found->second.closing) return;
  core::Report report;
  report.sender = Self();
  report.handoff_id = key.handoff_id;
  report.number = key.number;
  report.epoch = found->second.epoch;
  report.end = found->second.end;
  const uint64_t life = life_;
  world_.After(kReportAgain, [this, life, key] {
    if (life == life_) SendReport(key);
  });
  const auto taken = [this, life, key](const absl::StatusOr<core::Report::Reply>& reply) {
    if (!reply.ok()) {
      CHECK(absl::IsAborted(reply.status()));  // sent before the Sync of this start, or of an older
      return;
    }
    const bool current = reply->current;
    world_.Send([this, life, key, current] {
      const auto attempt = attempts_.find(key);
      if (life != life_ || cut_ || attempt == attempts_.end() || attempt->second.closing) return;
      if (!current) ++truth_.late;
      attempt->second.closing = true;  // the last handoff.md is being written
      world_.After(absl::Milliseconds(50), [this, life, key] {
        if (life != life_) return;
        attempts_.erase(key);
        SendSync();
      });
    });
  };
  const uint64_t server = coordinator_.life();
  world_.Send([this, report, taken, server] {
    if (!cut_ && coordinator_.up() && coordinator_.life() == server)
      coordinator_.Take(report, taken);
  });
}

}  // namespace handoff::sim
