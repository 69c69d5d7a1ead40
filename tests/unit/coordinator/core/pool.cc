#include "tests/unit/coordinator/core/pool.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace handoff::core {

Pool::Pool() {
  state.pool_id = "pool-1";
  state.term = 1;
  state.incarnation = 1;
}

void Pool::Install(const Edit& edit) {
  for (const Change& change : edit.changes) {
    if (const auto* event = std::get_if<AddEvent>(&change)) events_.push_back(event->event);
    if (const auto* audit = std::get_if<AddAudit>(&change)) audit_.push_back(audit->entry);
  }
  state.Apply(edit);
  state.CheckInvariants();
}

Caller Pool::SignIn(const std::string& name) {
  Caller caller{name, absl::StrCat("of-", name), "10.0.0.1"};
  if (state.identity().FindUser(name) != nullptr) return caller;
  Credential credential;
  credential.serial = credential.line = caller.serial;
  credential.purpose = CredentialPurpose::kUser;
  credential.subject = name;
  credential.issued_at = now;
  credential.not_after = now + kUserLife;
  Edit edit;
  edit.changes = {PutUser{{name, Role::kAdmin, {}, now, "", false}}, PutCredential{credential}};
  Install(edit);
  return caller;
}

void Pool::Tick() {
  const auto decision = Decide(state, core::Tick{}, now);
  ASSERT_TRUE(decision.ok());
  durable |= decision->edit.durable();
  tried = decision->reply.tried;
  Install(decision->edit);
}

void Pool::Pass(absl::Duration d) {
  const absl::Time end = now + d;
  for (absl::Time due = NextTick(state); due <= end; due = NextTick(state)) {
    ASSERT_GE(due, now) << "NextTick names a time that a Tick has passed: it would go in circles";
    now = due;
    Tick();
    ASSERT_GT(NextTick(state), due) << "a Tick at its time left it due";
  }
  now = end;
}

void Pool::Restart() {
  State loaded;
  loaded.pool_id = state.pool_id;
  loaded.term = state.term + 1;
  loaded.incarnation = state.incarnation;
  loaded.epoch_counter = state.epoch_counter;
  loaded.revision = state.revision;
  loaded.quotas = state.quotas;
  Edit rows;
  for (const auto& [uuid, worker] : state.workers())
    rows.changes.push_back(PutWorker{DurablePart(worker)});
  for (const auto& [key, hold] : state.holds()) rows.changes.push_back(PutHold{DurablePart(hold)});
  for (const auto& [id, handoff] : state.handoffs())
    rows.changes.push_back(PutHandoff{DurablePart(handoff)});
  for (const auto& [name, user] : state.identity().users()) rows.changes.push_back(PutUser{user});
  for (const auto& [id, token] : state.identity().tokens()) rows.changes.push_back(PutToken{token});
  for (const auto& [serial, credential] : state.identity().credentials())
    rows.changes.push_back(PutCredential{credential});
  rows.changes.push_back(SetAuditHead{state.identity().audit_head()});
  loaded.Apply(rows);
  loaded.Apply(AfterStart(loaded, now));
  state = loaded;
}

Handoff Pool::Wanted() {
  Handoff handoff;
  handoff.owner = "ada";
  handoff.task_line = "mend the build";
  handoff.agent = "cursor";
  handoff.repo_key = "repo";
  handoff.repo_url = "https://example.org/repo.git";
  handoff.spec = "spec";
  return handoff;
}

const Handoff& Pool::Get(const std::string& id) const {
  const Handoff* handoff = state.FindHandoff(id);
  EXPECT_NE(handoff, nullptr) << id;
  return *handoff;
}

Why::Reply Pool::Explain(const std::string& id) {
  auto decision = Decide(state, core::Why{id}, now);
  EXPECT_TRUE(decision.ok()) << decision.status();
  EXPECT_TRUE(decision->edit.changes.empty());
  return std::move(decision->reply);
}

std::vector<std::string> Pool::EventKinds() const {
  std::vector<std::string> kinds;
  for (const Event& event : events_) kinds.push_back(event.kind);
  return kinds;
}

FakeWorker::FakeWorker(Pool& pool, const std::string& name, int slots) : pool_(pool) {
  self.uuid = absl::StrCat("uuid-", name);
  self.name = name;
  self.start = 1;
  self.nonce = 11;
  self.boot_id = "boot";
  self.slots = slots;
  AgentOffer offer;
  offer.name = "cursor";
  offer.state = AgentState::kReady;
  offer.account = "team";
  offer.probed_at = pool.now;
  self.agents = {offer};
}

core::Sync FakeWorker::Request() {
  core::Sync request;
  request.pool_id = pool_id;
  ++self.seq;
  request.worker = self;
  if (self.seq > 1) request.seen_term = pool_.state.term;
  request.attempts = runs;
  request.probes = std::move(probes);
  probes.clear();
  return request;
}

absl::Status FakeWorker::TryCall() { return pool_.Do(Request()).status(); }

Sync::Reply FakeWorker::Call() {
  const core::Sync request = Request();
  const auto done = pool_.Do(request);
  EXPECT_TRUE(done.ok()) << done.status();
  Sync::Reply reply = Answer(pool_.state, request, pool_.now);
  pool_.Install(RenewLeases(pool_.state, reply, pool_.now));
  pool_id = pool_.state.pool_id;
  Take(reply);
  return reply;
}

void FakeWorker::Take(const Sync::Reply& reply) {
  for (const Sync::Desired& desired : reply.attempts) {
    if (ReportedAttempt* known = Find(desired.handoff_id); known != nullptr) {
      if (known->epoch == desired.epoch) known->stopping |= desired.stop;
    } else if (!desired.stop) {
      ReportedAttempt attempt;
      attempt.handoff_id = desired.handoff_id;
      attempt.number = desired.number;
      attempt.epoch = desired.epoch;
      attempt.running = true;
      runs.push_back(attempt);
      self.workspaces.insert(desired.handoff_id);
    }
  }
  for (const auto& [id, number] : reply.forget) Drop(id);
}

absl::StatusOr<Report::Reply> FakeWorker::Finish(const std::string& id, int number,
                                                 AttemptEnd end) {
  core::Report report;
  report.sender = Self();
  report.handoff_id = id;
  report.number = number;
  report.epoch = EpochOf(id, number);
  report.end = std::move(end);
  auto reply = pool_.Do(report);
  if (reply.ok()) Drop(id);
  return reply;
}

absl::StatusOr<SaveCheckpoint::Reply> FakeWorker::Save(const std::string& id, int number,
                                                       const Checkpoint& checkpoint) {
  return pool_.Do(SaveCheckpoint{Self(), id, number, EpochOf(id, number), checkpoint});
}

Sender FakeWorker::Self() const { return {pool_id, self.uuid, self.start, self.nonce}; }

uint64_t FakeWorker::EpochOf(const std::string& id, int number) {
  const ReportedAttempt* known = Find(id);
  const bool this_one = known != nullptr && known->number == number;
  return this_one ? known->epoch : pool_.Get(id).attempts[number - 1].epoch;
}

void FakeWorker::Restart(bool keeps_attempts) {
  ++self.start;
  ++self.nonce;
  self.seq = 0;
  if (!keeps_attempts) runs.clear();
}

void FakeWorker::Drop(const std::string& id) {
  runs.erase(std::remove_if(runs.begin(), runs.end(),
                            [&](const ReportedAttempt& a) { return a.handoff_id == id; }),
             runs.end());
}

ReportedAttempt* FakeWorker::Find(const std::string& id) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const ReportedAttempt& a) { return a.handoff_id == id; });
  return found == runs.end() ? nullptr : &*found;
}

Resume Again(const std::string& id, const std::string& on_worker) {
  Resume command;
  command.id = id;
  command.on_worker = on_worker;
  command.actor = "ada";
  return command;
}

Checkpoint Taken(const Pool& pool, const std::string& commit, const std::string& session) {
  Checkpoint checkpoint;
  checkpoint.commit = commit;
  checkpoint.session = session;
  checkpoint.packs = {"pack-of-" + commit};
  checkpoint.taken_at = pool.now;
  checkpoint.bytes = "as sent: " + commit;
  return checkpoint;
}

AttemptEnd Success() {
  AttemptEnd end;
  end.changed = true;
  end.session = "session-1";
  end.head_commit = std::string(40, 'a');
  return end;
}

AttemptEnd Failure(FailureClass failure, const std::string& message) {
  AttemptEnd end;
  end.failure = failure;
  end.message = message;
  return end;
}

AttemptEnd HostFault(FailureClass failure, const std::string& key, const std::string& message) {
  AttemptEnd end = Failure(failure, message);
  end.host_fault = true;
  end.hold_key = key;
  return end;
}

AttemptEnd Obeyed() {
  AttemptEnd end = Failure(FailureClass::kCancelled, "The attempt was cancelled.");
  end.ended_by = EndedBy::kCancel;
  return end;
}

}  // namespace handoff::core
