// A coordinator without engine, store and network: commands are decided, applied, checked, and
// followed by a Tick, as the engine does in one batch. Workers are the requests that they send.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/scheduler.h"
#include "gtest/gtest.h"

namespace handoff::core {

class Pool {
 public:
  Pool();

  State state;
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  bool durable = false;  // did the last command (with its Tick) change anything durable

  template <typename Command>
  absl::StatusOr<typename Command::Reply> Do(const Command& command) {
    auto decision = Decide(state, command, now);
    if (!decision.ok()) return decision.status();
    durable = decision->edit.durable();
    Install(decision->edit);
    Tick();
    if (!decision->refusal.ok()) return decision->refusal;
    return std::move(decision->reply);
  }
  void Tick();
  size_t tried = 0;  // heads of queues, by the last Tick
  void Install(const Edit& edit);
  // Time goes on; what falls due on the way is ticked exactly then.
  void Pass(absl::Duration d);
  // The coordinator dies and comes up again with what was stored.
  void Restart();

  // A handoff of agent cursor in repository "repo"; `change` may ask for more.
  template <typename Change>
  std::string Submit(const std::string& id, Change change) {
    core::Submit command;
    command.wished_id = id;
    command.handoff = Wanted();
    change(command.handoff);
    const auto reply = Do(command);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return id;
  }
  std::string Submit(const std::string& id) {
    return Submit(id, [](Handoff&) {});
  }
  static Handoff Wanted();

  const Handoff& Get(const std::string& id) const;
  const Attempt& Latest(const std::string& id) const { return *Get(id).Latest(); }
  Why::Reply Explain(const std::string& id);
  // An admin of that name, with a certificate.
  Caller SignIn(const std::string& name);
  std::vector<std::string> EventKinds() const;                  // of all Edits so far
  const std::vector<Event>& events() const { return events_; }  // the same
  const std::vector<AuditEntry>& audit() const { return audit_; }

 private:
  std::vector<Event> events_;
  std::vector<AuditEntry> audit_;
};

// A worker as the coordinator sees it: it lists what it was given, and reports when told to.
class FakeWorker {
 public:
  FakeWorker(Pool& pool, const std::string& name, int slots = 2);

  core::Worker self;
  std::vector<ReportedAttempt> runs;
  std::vector<ProbeResult> probes;
  std::string pool_id;

  // What it would send now, with the next seq.
  core::Sync Request();
  // Sends it, takes everything that the answer names, and lists it from then on.
  Sync::Reply Call();
  // Refusals stay visible.
  absl::Status TryCall();
  absl::StatusOr<Report::Reply> Finish(const std::string& id, int number, AttemptEnd end);
  absl::StatusOr<SaveCheckpoint::Reply> Save(const std::string& id, int number,
                                             const Checkpoint& checkpoint);
  // The daemon comes up again with a higher start and only what it still has.
  void Restart(bool keeps_attempts);
  void Drop(const std::string& id);
  ReportedAttempt* Find(const std::string& id);

 private:
  void Take(const Sync::Reply& reply);
  Sender Self() const;
  uint64_t EpochOf(const std::string& id, int number);
  Pool& pool_;
};

Resume Again(const std::string& id, const std::string& on_worker = "");

// Taken now, with the session's files unless `session` is empty.
Checkpoint Taken(const Pool& pool, const std::string& commit, const std::string& session = "");

AttemptEnd Success();
AttemptEnd Failure(FailureClass failure, const std::string& message = "It broke");
AttemptEnd HostFault(FailureClass failure, const std::string& key, const std::string& message);
AttemptEnd Obeyed();  // cancelled, as asked

}  // namespace handoff::core
