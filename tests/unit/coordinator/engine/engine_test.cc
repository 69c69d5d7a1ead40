// What the engine answers, and that it answers nothing which is not stored.
#include "coordinator/engine.h"

#include <set>
#include <utility>

#include "coordinator/engine_command.h"
#include "tests/unit/coordinator/engine/engine_fixture.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Status = core::HandoffStatus;

class EngineTest : public EngineFixture {};

TEST_F(EngineTest, ASubmitIsAnsweredAfterItsCommitAndNotBefore) {
  const auto reply = Post(Task("fix it"));
  EXPECT_FALSE(reply->has_value());
  EXPECT_THAT(store_.handoffs(), IsEmpty());
  engine_->Step();
  ASSERT_TRUE(reply->has_value());
  const std::string id = (**reply)->handoff.id;
  EXPECT_THAT(id, HasSubstr("fix-it"));
  EXPECT_EQ(store_.handoffs().count(id), 1u);
}

TEST_F(EngineTest, ABatchIsOneCommitAndTellsItsRevision) {
  const int before = store_.commits();
  Post(Task("a"));
  Post(Task("b"));
  Post(Task("c"));
  engine_->Step();
  EXPECT_EQ(store_.commits(), before + 1);
  EXPECT_THAT(revisions_, ElementsAre(store_.events().back().revision));
}

TEST_F(EngineTest, QuestionsCommitNothing) {
  const int before = store_.commits();
  EXPECT_TRUE(Ask(core::Counts{}).ok());
  EXPECT_TRUE(Ask(core::ListWorkers{}).ok());
  EXPECT_EQ(store_.commits(), before);
  EXPECT_THAT(revisions_, IsEmpty());
}

TEST_F(EngineTest, SubmitAndLeaseAreOneCommit) {
  Post(SyncOf("w"));
  engine_->Step();
  const int before = store_.commits();
  const std::string id = SubmitOne("task");
  EXPECT_EQ(store_.commits(), before + 1);
  EXPECT_EQ(store_.handoffs().at(id).status, Status::kRunning);
}

class EngineQuotaTest : public EngineFixture {
 protected:
  EngineOptions Options() override {
    EngineOptions options;
    options.quotas.common.queued = 2;
    options.quotas.owners["ci"].queued = 3;
    return options;
  }
};

TEST_F(EngineQuotaTest, IsKeptWithinABatchAndOverARestart) {
  const auto first = Post(Task("a", "key"));
  Post(Task("b"));
  const auto third = Post(Task("c"));
  engine_->Step();
  EXPECT_TRUE((*first)->ok());
  EXPECT_EQ((*third)->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(store_.handoffs().size(), 2u);
  StartEngine();
  EXPECT_EQ(Ask(Task("c")).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Ask(Task("a", "key"))->existing) << "the same again is no further one";
  for (const char* task : {"d", "e", "f"}) {
    core::Submit submit = Task(task);
    submit.handoff.owner = "ci";
    EXPECT_TRUE(Ask(submit).ok()) << task;
  }
}

TEST_F(EngineTest, EqualTasksOfOneBatchGetNumbersOfTheirOwn) {
  std::set<std::string> ids;
  for (int round = 0; round < 3; ++round) {
    std::vector<Pending<core::Submit::Reply>> replies;
    for (int n = 0; n < 5; ++n) replies.push_back(Post(Task("same words")));
    engine_->Step();
    for (const auto& reply : replies) ids.insert((**reply)->handoff.id);
  }
  EXPECT_EQ(ids.size(), 15u);
  EXPECT_THAT(*ids.rbegin(), HasSubstr("same-words-9"));
}

TEST_F(EngineTest, TheIdOfWhatIsPrivateIsNotMadeOfItsTask) {
  core::Submit quiet = Task("same words");
  quiet.handoff.is_private = true;
  const auto first = Post(quiet);
  const auto second = Post(quiet);
  quiet.wished_id = "mine";
  const auto third = Post(quiet);
  engine_->Step();
  const std::string id = (**first)->handoff.id;
  EXPECT_THAT(id, ::testing::MatchesRegex("[0-9]{8}-private-[0-9a-f]{8}"));
  EXPECT_THAT((**second)->handoff.id, ::testing::MatchesRegex("[0-9]{8}-private-[0-9a-f]{8}"));
  EXPECT_NE((**second)->handoff.id, id);
  EXPECT_EQ((**third)->handoff.id, "mine");
}

TEST_F(EngineTest, AWishedIdOfTheSameBatchIsTaken) {
  core::Submit wished = Task("x");
  wished.wished_id = SubmitOne("words") + "-2";
  core::Submit again = Task("y");
  again.wished_id = wished.wished_id;
  const auto first = Post(wished);
  const auto second = Post(again);
  const auto third = Post(Task("words"));
  engine_->Step();
  EXPECT_TRUE((*first)->ok());
  EXPECT_TRUE(absl::IsAlreadyExists((*second)->status()));
  EXPECT_THAT((**third)->handoff.id, HasSubstr("words-3"));
}

TEST_F(EngineTest, TheSameKeyIsOneHandoffWithinABatchAndAfter) {
  const auto first = Post(Task("t", "key"));
  const auto same = Post(Task("t", "key"));
  const auto other = Post(Task("another", "key"));
  engine_->Step();
  EXPECT_TRUE((**same)->existing);
  EXPECT_EQ((**same)->handoff.id, (**first)->handoff.id);
  EXPECT_TRUE(absl::IsAlreadyExists((*other)->status()));
  EXPECT_TRUE(Ask(Task("t", "key"))->existing);
  EXPECT_EQ(store_.handoffs().size(), 1u);
}

TEST_F(EngineTest, AKeyStaysTakenWhenItsHandoffEndsInTheSameBatch) {
  core::Submit submit = Task("t", "key");
  submit.wished_id = "20261120-mine";
  core::Cancel cancel;
  cancel.id = submit.wished_id;
  Post(submit);
  const auto cancelled = Post(cancel);
  const auto again = Post(Task("t", "key"));
  engine_->Step();
  EXPECT_EQ((**cancelled)->handoff.status, Status::kCancelled);
  EXPECT_TRUE((**again)->existing);
  EXPECT_EQ((**again)->handoff.id, submit.wished_id);
}

// ---- What has ended ----

TEST_F(EngineTest, AnEndedHandoffLeavesMemoryAndIsStillAnswered) {
  const core::Sync::Desired run = RunOne("w", "task");
  ASSERT_TRUE(Ask(EndOf("w", run)).ok());
  EXPECT_EQ(Count().live, 0u);
  EXPECT_EQ(store_.handoffs().at(run.handoff_id).status, Status::kSucceeded);

  const int commits = store_.commits();
  EXPECT_TRUE(Ask(EndOf("w", run))->current) << "a report again gets the same answer";
  core::Why why;
  why.id = run.handoff_id;
  EXPECT_TRUE(Ask(why).ok());
  EXPECT_EQ(store_.commits(), commits);
  why.id = "20261120-absent";
  EXPECT_TRUE(absl::IsNotFound(Ask(why).status()));
}

TEST_F(EngineTest, AnEndedHandoffIsResumed) {
  const core::Sync::Desired run = RunOne("w", "task");
  ASSERT_TRUE(Ask(EndOf("w", run)).ok());
  core::Resume resume;
  resume.id = run.handoff_id;
  const absl::StatusOr<core::Resume::Reply> resumed = Ask(resume);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->handoff.attempts.size(), 2u);
  EXPECT_EQ(store_.handoffs().at(run.handoff_id).attempts.size(), 2u);
}

// A question takes the handoff out of memory; its answer brings it back, from the store.
TEST_F(EngineTest, AHandoffThatWaitsLeavesMemoryAndIsAnswered) {
  core::Sync sync = SyncOf("w");
  sync.worker.agents[0].name = "cursor";
  const auto synced = Post(sync);
  core::Submit task = Task("task");
  task.handoff.agent = "cursor";
  const std::string id = Ask(task)->handoff.id;
  ASSERT_TRUE(synced->has_value());
  core::Report report = EndOf("w", (**synced)->reply.attempts.at(0));
  report.end.question = "A or B?";
  ASSERT_TRUE(Ask(report).ok());
  EXPECT_EQ(store_.handoffs().at(id).status, Status::kWaiting);
  EXPECT_EQ(store_.handoffs().at(id).question, "A or B?");
  EXPECT_EQ(Count().queued, 0u);
  EXPECT_EQ(Count().live, 0u);
  core::Why why;
  why.id = id;
  EXPECT_EQ(Ask(why)->summary, id + " waits for a person. The agent asks: A or B?");

  engine_->Stop();
  StartEngine();
  core::Send send;
  send.id = id;
  send.text = "A";
  const absl::StatusOr<core::Send::Reply> sent = Ask(send);
  ASSERT_TRUE(sent.ok()) << sent.status();
  const core::Handoff& kept = store_.handoffs().at(id);
  EXPECT_EQ(kept.attempts.size(), 2u);
  EXPECT_EQ(kept.question, "");
  ASSERT_EQ(kept.messages.size(), 1u);
  EXPECT_EQ(kept.messages[0].text, "A");
}

TEST_F(EngineTest, OneThatBeginsToWaitInTheSameBatchIsADuplicate) {
  core::Sync sync = SyncOf("w");
  sync.worker.agents[0].name = "cursor";
  const auto synced = Post(sync);
  core::Submit task = Task("task");
  task.handoff.agent = "cursor";
  task.handoff.dedupe_key = "work";
  task.duplicates = core::Submit::Duplicates::kReuse;
  const std::string id = Ask(task)->handoff.id;
  ASSERT_TRUE(synced->has_value());
  core::Report report = EndOf("w", (**synced)->reply.attempts.at(0));
  report.end.question = "A or B?";
  const auto reported = Post(report);
  const auto again = Post(task);
  engine_->Step();
  ASSERT_TRUE((*reported)->ok() && (*again)->ok());
  EXPECT_TRUE((**again)->existing);
  EXPECT_EQ((**again)->handoff.id, id);
  EXPECT_EQ(store_.handoffs().size(), 1u);
}

// A worker that comes back with an attempt which was given away and has ended elsewhere.
TEST_F(EngineTest, AnAttemptOfAnEndedHandoffIsToldToStop) {
  const core::Sync::Desired run = RunOne("w", "task");
  core::Cancel cancel;
  cancel.id = run.handoff_id;
  ASSERT_TRUE(Ask(cancel).ok());
  ASSERT_TRUE(Ask(EndOf("w", run)).ok());
  core::Sync::Desired older = run;
  older.epoch = run.epoch - 1;
  const auto sync = Post(SyncOf("w", 1, {older}));
  engine_->Step();
  ASSERT_TRUE(sync->has_value()) << "urgent";
  EXPECT_TRUE((**sync)->reply.attempts.at(0).stop);
}

// ---- Failures of the store ----

TEST_F(EngineTest, ACertainRollbackRefusesTheWholeBatchAndLosesNothing) {
  const core::Sync::Desired run = RunOne("w", "runs");
  const std::string queued = SubmitOne("queued");
  clock_.Advance(absl::Minutes(20));
  failing_.FailCommit(absl::ResourceExhaustedError("disk full"));
  const auto submit = Post(Task("new"));
  const auto question = Post(core::Counts{});
  engine_->Step();
  EXPECT_TRUE(absl::IsUnavailable((*submit)->status()));
  EXPECT_THAT(std::string((*submit)->status().message()), HasSubstr("disk full"));
  EXPECT_TRUE(absl::IsUnavailable((*question)->status()));
  EXPECT_TRUE(fatal_.ok());

  // The next one works, on what was there before; what ran has one full lease from now.
  EXPECT_EQ(Count().queued, 1u);
  EXPECT_EQ(engine_->LeaseOf(run.handoff_id)->until,
            clock_.Now() + absl::Minutes(30) + absl::Minutes(1));
  EXPECT_TRUE(Ask(Task("new")).ok());
  EXPECT_TRUE(Ask(EndOf("w", run))->current);
}

TEST_F(EngineTest, ARollbackSendsHeldSyncsBackSoThatWorkersAreKnownAgain) {
  const auto held = Post(SyncOf("w", 4));
  engine_->Step();
  ASSERT_FALSE(held->has_value());
  failing_.FailCommit(absl::UnavailableError("busy"));
  Post(Task("lost"));
  engine_->Step();
  EXPECT_TRUE(absl::IsUnavailable((*held)->status()));
  const auto again = Post(SyncOf("w", 4));
  const std::string id = SubmitOne("kept");
  ASSERT_TRUE(again->has_value());
  EXPECT_EQ((**again)->reply.attempts.at(0).handoff_id, id);
}

// What is due is due again at once; a disk that takes nothing must not be asked a thousand times a
// second.
TEST_F(EngineTest, CommitsThatFailAgainAndAgainAreTriedEverMoreSeldom) {
  core::Submit task = Task("late");
  task.handoff.deadline = clock_.Now() + absl::Minutes(1);
  const std::string id = Ask(task)->handoff.id;
  clock_.Advance(absl::Minutes(1));
  absl::Duration wait;
  for (int i = 0; i < 20; ++i) {
    failing_.FailCommit(absl::ResourceExhaustedError("full"));
    wait = engine_->Step();
    clock_.Advance(wait);
  }
  EXPECT_GE(wait, absl::Seconds(1));
  EXPECT_LE(wait, absl::Seconds(10));
  failing_.FailCommit(absl::OkStatus());
  engine_->Step();
  EXPECT_EQ(store_.handoffs().at(id).status, core::HandoffStatus::kFailed);
}

TEST_F(EngineTest, AnIdOfARolledBackBatchIsFree) {
  failing_.FailCommit(absl::UnavailableError("busy"));
  Post(Task("words"));
  engine_->Step();
  EXPECT_THAT(SubmitOne("words"), ::testing::EndsWith("-words"));
}

TEST_F(EngineTest, AnUnknownOutcomeEndsTheProcessAndAnswersNothingAsDone) {
  failing_.FailAfterCommit(absl::InternalError("fsync failed"));
  const auto submit = Post(Task("stored or not"));
  engine_->Step();
  EXPECT_TRUE(absl::IsInternal(fatal_));
  EXPECT_TRUE(absl::IsUnavailable((*submit)->status()));
  EXPECT_TRUE(absl::IsUnavailable(Ask(core::Counts{}).status()));
  // The next process reads what is there.
  StartEngine();
  EXPECT_EQ(Count().queued, 1u);
}

TEST_F(EngineTest, ARollbackThatCannotLoadEndsTheProcess) {
  failing_.FailCommit(absl::UnavailableError("busy"));
  failing_.FailLoad(absl::DataLossError("damaged"));
  const auto submit = Post(Task("x"));
  engine_->Step();
  EXPECT_TRUE(absl::IsDataLoss(fatal_));
  EXPECT_TRUE(absl::IsUnavailable((*submit)->status()));
}

TEST_F(EngineTest, BelowTheReserveNothingNewStartsAndWhatRunsEnds) {
  const core::Sync::Desired run = RunOne("w", "runs");
  const std::string queued = SubmitOne("waits");
  failing_.SetRoom(absl::ResourceExhaustedError("the disk is low"));
  EXPECT_TRUE(absl::IsResourceExhausted(Ask(Task("new")).status()));
  core::Resume resume;
  resume.id = run.handoff_id;
  EXPECT_TRUE(absl::IsResourceExhausted(Ask(resume).status()));
  Post(SyncOf("w", 1, {run}));
  EXPECT_TRUE(Ask(EndOf("w", run)).ok());
  EXPECT_EQ(store_.handoffs().at(queued).status, Status::kQueued);
  EXPECT_LE(engine_->Step(), absl::Seconds(5)) << "it looks again by itself";

  failing_.SetRoom(absl::OkStatus());
  clock_.Advance(absl::Seconds(5));
  engine_->Step();
  EXPECT_EQ(store_.handoffs().at(queued).status, Status::kRunning);
}

TEST_F(EngineTest, BelowTheReserveARepeatedSubmitStillGetsItsHandoff) {
  const std::string id = Ask(Task("t", "key"))->handoff.id;
  failing_.SetRoom(absl::ResourceExhaustedError("the disk is low"));
  EXPECT_EQ(Ask(Task("t", "key"))->handoff.id, id);
}

// ---- Time ----

TEST_F(EngineTest, ALeaseThatEndsIsGivenAwayAtTheTimeThatStepNamed) {
  const core::Sync::Desired run = RunOne("w", "task");
  const absl::Time until = engine_->LeaseOf(run.handoff_id)->until;
  while (clock_.Now() < until) {
    EXPECT_EQ(store_.handoffs().at(run.handoff_id).attempts.size(), 1u);
    clock_.Advance(std::min(engine_->Step(), until - clock_.Now()));
  }
  engine_->Step();
  EXPECT_EQ(store_.handoffs().at(run.handoff_id).attempts.size(), 2u);
}

TEST_F(EngineTest, AClockThatIsSetEndsNoLease) {
  const core::Sync::Desired run = RunOne("w", "task");
  const auto held = Post(SyncOf("w", 1, {run}));
  engine_->Step();
  for (const absl::Duration step : {absl::Hours(5), -absl::Hours(9)}) {
    clock_.StepWall(step);
    engine_->Step();
    EXPECT_EQ(store_.handoffs().at(run.handoff_id).attempts.size(), 1u);
    EXPECT_EQ(engine_->LeaseOf(run.handoff_id)->until, clock_.Now() + absl::Minutes(31));
  }
  EXPECT_TRUE(absl::IsUnavailable((*held)->status())) << "workers are asked again";
}

TEST_F(EngineTest, ASmallDriftOfTheClockDisturbsNobody) {
  const auto held = Post(SyncOf("w"));
  engine_->Step();
  clock_.StepWall(absl::Seconds(9));
  engine_->Step();
  EXPECT_FALSE(held->has_value());
}

// ---- Views ----

TEST_F(EngineTest, ViewsShowWhatTheWorkerSaidLast) {
  EXPECT_FALSE(engine_->LeaseOf("20261120-absent").has_value());
  const core::Sync::Desired run = RunOne("w", "task");
  EXPECT_EQ(engine_->LeaseOf(run.handoff_id)->state, core::AttemptState::kLeased);
  EXPECT_FALSE(engine_->ViewOf(run.handoff_id).has_value());
  Post(SyncOf("w", 1, {run}));
  engine_->Step();
  EXPECT_EQ(engine_->LeaseOf(run.handoff_id)->state, core::AttemptState::kRunning);
  EXPECT_EQ(engine_->ViewOf(run.handoff_id)->bytes, "view of " + run.handoff_id);
  EXPECT_FALSE(engine_->LeaseOf(run.handoff_id)->unreachable);
  clock_.Advance(absl::Seconds(31));
  EXPECT_TRUE(engine_->LeaseOf(run.handoff_id)->unreachable);
  ASSERT_TRUE(Ask(EndOf("w", run)).ok());
  EXPECT_FALSE(engine_->LeaseOf(run.handoff_id).has_value());
  EXPECT_FALSE(engine_->ViewOf(run.handoff_id).has_value());
}

// ---- Starts and stops ----

TEST_F(EngineTest, TheNextEngineGoesOnWithOneFullLeaseForWhatRuns) {
  const core::Sync::Desired run = RunOne("w", "task");
  engine_.reset();
  clock_.Advance(absl::Hours(3));
  StartEngine();
  EXPECT_EQ(engine_->LeaseOf(run.handoff_id)->until, clock_.Now() + absl::Minutes(31));
  EXPECT_TRUE(engine_->LeaseOf(run.handoff_id)->unreachable);
  EXPECT_TRUE(Ask(EndOf("w", run))->current);
}

TEST_F(EngineTest, AtItsStopEverythingUnansweredIsToBeTriedAgain) {
  const auto held = Post(SyncOf("w"));
  engine_->Step();
  const auto queued = Post(Task("t"));
  engine_->Stop();
  EXPECT_TRUE(absl::IsUnavailable((*held)->status()));
  EXPECT_TRUE(absl::IsUnavailable((*queued)->status()));
  EXPECT_TRUE(absl::IsUnavailable((*Post(Task("later")))->status()));
  EXPECT_THAT(store_.handoffs(), IsEmpty());
}

class SmallQueueTest : public EngineFixture {
 protected:
  EngineOptions Options() override {
    EngineOptions options;
    options.max_queue = 2;
    options.max_batch = 2;
    return options;
  }
};

class SmallQueueBytesTest : public EngineFixture {
 protected:
  EngineOptions Options() override {
    EngineOptions options;
    options.max_queue_bytes = 1000;
    return options;
  }
  core::Submit Big(const std::string& text, size_t bytes) {
    core::Submit submit = Task(text);
    submit.handoff.spec.assign(bytes, 'x');
    return submit;
  }
};

TEST_F(SmallQueueBytesTest, WhatIsQueuedIsBoundedInBytesToo) {
  const auto first = Post(Big("a", 600));
  const auto refused = Post(Big("b", 600));
  ASSERT_TRUE(refused->has_value());
  EXPECT_TRUE(absl::IsResourceExhausted((*refused)->status()));
  EXPECT_FALSE(Post(Big("c", 300))->has_value());
  engine_->Step();
  EXPECT_TRUE((*first)->ok());
  EXPECT_TRUE(Ask(Big("d", 5000)).ok()) << "one is always taken";
  EXPECT_TRUE(Ask(Big("b", 600)).ok());
}

TEST_F(SmallQueueTest, AFullQueueRefusesAtOnceAndGoesOn) {
  const auto sync = Post(SyncOf("w"));
  const auto first = Post(Task("a"));
  const auto refused = Post(Task("b"));
  EXPECT_TRUE(absl::IsResourceExhausted((*refused)->status()));
  engine_->CancelSync({"uuid-w", 1, 7, seq_});  // never refused
  engine_->Step();
  EXPECT_TRUE((*first)->ok());
  engine_->Step();
  EXPECT_TRUE(sync->has_value());
  EXPECT_TRUE(Ask(Task("b")).ok());
}

TEST_F(EngineTest, WhatAnImportCarriesCountsAsItsBytes) {
  core::Submit submit = Task("task");
  const size_t without = BytesOf(submit);
  submit.imported.emplace().sections = {{"What It Tried", std::string(1000, 'x')},
                                        {"Resume Prompt", std::string(500, 'y')}};
  EXPECT_EQ(BytesOf(submit), without + 1500);
}

}  // namespace
}  // namespace handoff
