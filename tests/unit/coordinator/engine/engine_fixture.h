// An engine without a thread, on a store in memory and a clock that the test moves.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/failing_store.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace handoff {

// Where a reply arrives; null until then.
template <typename Reply>
using Pending = std::shared_ptr<std::optional<absl::StatusOr<Reply>>>;

class EngineFixture : public ::testing::Test {
 protected:
  void SetUp() override { StartEngine(); }

  void StartEngine() {
    EngineOptions options = Options();
    options.own_thread = false;
    options.on_commit = [this](uint64_t revision) { revisions_.push_back(revision); };
    options.fatal = [this](const absl::Status& status) { fatal_ = status; };
    engine_ = std::make_unique<Engine>(options, failing_, clock_);
    const absl::Status started = engine_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  virtual EngineOptions Options() { return {}; }

  template <typename C>
  Pending<typename C::Reply> Post(C command) {
    auto pending = std::make_shared<std::optional<absl::StatusOr<typename C::Reply>>>();
    engine_->Post(std::move(command), [pending](auto reply) { *pending = std::move(reply); });
    return pending;
  }
  Pending<SyncAnswer> Post(core::Sync command) {
    auto pending = std::make_shared<std::optional<absl::StatusOr<SyncAnswer>>>();
    engine_->Post(std::move(command), [pending](auto reply) { *pending = std::move(reply); });
    return pending;
  }
  // Posts, takes one step, and returns the reply.
  template <typename C>
  absl::StatusOr<typename C::Reply> Ask(C command) {
    const auto pending = Post(std::move(command));
    engine_->Step();
    return pending->has_value() ? **pending : absl::InternalError("not answered");
  }

  static core::Submit Task(const std::string& text, const std::string& key = "") {
    core::Submit submit;
    submit.handoff.owner = "ann";
    submit.handoff.agent = "command";
    submit.handoff.task_line = text;
    submit.handoff.spec = "spec of " + text;
    submit.handoff.content_hash = text;
    submit.handoff.idempotency_key = key;
    return submit;
  }
  std::string SubmitOne(const std::string& text) { return Ask(Task(text))->handoff.id; }

  // The next Sync of this worker, which lists `runs`.
  core::Sync SyncOf(const std::string& name, int slots = 1,
                    const std::vector<core::Sync::Desired>& runs = {}) {
    core::Sync sync;
    sync.worker.uuid = "uuid-" + name;
    sync.worker.name = name;
    sync.worker.start = 1;
    sync.worker.nonce = 7;
    sync.worker.seq = ++seq_;
    sync.seen_term = 1;
    sync.worker.slots = slots;
    core::AgentOffer offer;
    offer.name = "command";
    offer.state = core::AgentState::kReady;
    sync.worker.agents = {offer};
    for (const core::Sync::Desired& run : runs) {
      core::ReportedAttempt attempt;
      attempt.handoff_id = run.handoff_id;
      attempt.number = run.number;
      attempt.epoch = run.epoch;
      attempt.running = true;
      attempt.bytes = "view of " + run.handoff_id;
      sync.attempts.push_back(attempt);
    }
    return sync;
  }
  static core::Report EndOf(const std::string& name, const core::Sync::Desired& run) {
    core::Report report;
    report.sender.worker_uuid = "uuid-" + name;
    report.handoff_id = run.handoff_id;
    report.number = run.number;
    report.epoch = run.epoch;
    report.end.bytes = "end";
    return report;
  }
  // A worker that holds this handoff's first attempt.
  core::Sync::Desired RunOne(const std::string& worker, const std::string& text) {
    const auto sync = Post(SyncOf(worker));
    const std::string id = SubmitOne(text);
    EXPECT_TRUE(sync->has_value() && (*sync)->ok());
    const core::Sync::Desired run = (**sync)->reply.attempts.at(0);
    EXPECT_EQ(run.handoff_id, id);
    return run;
  }
  core::Counts::Reply Count() { return *Ask(core::Counts{}); }

  FakeClock clock_;
  MemoryStore store_;
  FailingStore failing_{store_};
  std::vector<uint64_t> revisions_;
  absl::Status fatal_;
  uint64_t seq_ = 1;  // a daemon's first request is never held
  std::unique_ptr<Engine> engine_;
};

}  // namespace handoff
