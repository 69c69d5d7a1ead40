// How Syncs are held and answered.
#include <set>

#include "absl/strings/str_cat.h"
#include "coordinator/core/limits.h"
#include "coordinator/engine_syncs.h"
#include "tests/unit/coordinator/engine/engine_fixture.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class EngineSyncTest : public EngineFixture {
 protected:
  // Lets time pass in the steps that the engine asks for.
  void Pass(absl::Duration d) {
    const absl::Time end = clock_.Now() + d;
    while (clock_.Now() < end) clock_.Advance(std::min(engine_->Step(), end - clock_.Now()));
    engine_->Step();
  }
};

TEST_F(EngineSyncTest, AnIdleWorkerIsHeldForTenSecondsMoreOrLess) {
  const core::Sync request = SyncOf("w");
  const auto answer = Post(request);
  Pass(absl::Seconds(7.9));
  EXPECT_FALSE(answer->has_value());
  Pass(absl::Seconds(4.2));
  ASSERT_TRUE(answer->has_value());
  EXPECT_THAT((**answer)->reply.attempts, IsEmpty());
  EXPECT_EQ((**answer)->in_reply_to, request.worker.seq);
  EXPECT_EQ((**answer)->pool_id, "pool-of-the-test");
  EXPECT_EQ((**answer)->term, 1u);
}

TEST_F(EngineSyncTest, TheFirstRequestOfADaemonIsAnsweredAtOnce) {
  core::Sync request = SyncOf("w");
  request.worker.seq = 1;
  const auto answer = Post(request);
  engine_->Step();
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((**answer)->pool_id, "pool-of-the-test");
}

TEST_F(EngineSyncTest, ADaemonWhoseFirstRequestWasLostIsAnsweredAtOnce) {
  core::Sync request = SyncOf("w");
  request.seen_term = 0;
  const auto answer = Post(request);
  engine_->Step();
  EXPECT_TRUE(answer->has_value());
}

TEST_F(EngineSyncTest, WorkIsAnsweredAtOnceWithItsSpecToItsWorkerOnly) {
  const auto busy = Post(SyncOf("busy", 0));
  const auto idle = Post(SyncOf("idle", 1));
  engine_->Step();
  const std::string id = SubmitOne("task");
  EXPECT_FALSE(busy->has_value());
  ASSERT_TRUE(idle->has_value());
  const SyncAnswer& answer = ***idle;
  ASSERT_EQ(answer.reply.attempts.size(), 1u);
  ASSERT_EQ(answer.specs.size(), 1u);
  EXPECT_EQ(answer.specs[0].id, id);
  EXPECT_EQ(answer.specs[0].spec, "spec of task");
}

TEST_F(EngineSyncTest, ACancelReachesTheBusyWorkerAtOnce) {
  const core::Sync::Desired run = RunOne("w", "task");
  const auto held = Post(SyncOf("w", 1, {run}));
  engine_->Step();
  ASSERT_FALSE(held->has_value());
  core::Cancel cancel;
  cancel.id = run.handoff_id;
  ASSERT_TRUE(Ask(cancel).ok());
  ASSERT_TRUE(held->has_value());
  EXPECT_TRUE((**held)->reply.attempts.at(0).stop);
}

TEST_F(EngineSyncTest, AnAnswerRenewsTheLeasesThatItNames) {
  const core::Sync::Desired run = RunOne("w", "task");
  const absl::Time before = engine_->LeaseOf(run.handoff_id)->until;
  const auto held = Post(SyncOf("w", 1, {run}));
  Pass(absl::Seconds(12));
  ASSERT_TRUE(held->has_value());
  EXPECT_GT(engine_->LeaseOf(run.handoff_id)->until, before + absl::Seconds(7));
  EXPECT_THAT((**held)->specs, IsEmpty()) << "the worker has it";
}

// A worker whose agents talk sends the next request long before the hold of the last one is over.
TEST_F(EngineSyncTest, LeasesAreRenewedHoweverOftenTheWorkerSyncs) {
  const core::Sync::Desired run = RunOne("w", "task");
  const absl::Time before = engine_->LeaseOf(run.handoff_id)->until;
  int answers = 0;
  for (int i = 0; i < 60; ++i) {
    const auto held = Post(SyncOf("w", 1, {run}));
    Pass(absl::Milliseconds(400));
    if (held->has_value() && (**held).ok()) ++answers;
  }
  EXPECT_GE(answers, 2) << "in 24 s, with a hold of 10 s";
  EXPECT_LE(answers, 4) << "an answer for every request would be a busy loop";
  EXPECT_GT(engine_->LeaseOf(run.handoff_id)->until, before + absl::Seconds(12));
}

TEST_F(EngineSyncTest, AClockThatWasSetBackHoldsNoSyncLonger) {
  const core::Sync::Desired run = RunOne("w", "task");
  clock_.StepWall(-absl::Hours(1));
  engine_->Step();
  const auto held = Post(SyncOf("w", 1, {run}));
  Pass(absl::Seconds(13));
  ASSERT_TRUE(held->has_value());
  EXPECT_TRUE((**held).ok());
}

TEST_F(EngineSyncTest, ANewerSyncEndsTheHeldOne) {
  const auto first = Post(SyncOf("w"));
  engine_->Step();
  const auto second = Post(SyncOf("w"));
  engine_->Step();
  EXPECT_TRUE(absl::IsAborted((*first)->status()));
  EXPECT_FALSE(second->has_value());
}

TEST_F(EngineSyncTest, ARefusedSyncLeavesTheHeldOne) {
  core::Sync held = SyncOf("w");
  const auto first = Post(held);
  engine_->Step();
  held.worker.nonce = 8;  // a copied data directory
  ++held.worker.seq;
  const auto second = Post(held);
  engine_->Step();
  EXPECT_TRUE(absl::IsAlreadyExists((*second)->status()));
  EXPECT_FALSE(first->has_value());
}

TEST_F(EngineSyncTest, CancelSyncEndsTheOneThatItNames) {
  const core::Sync request = SyncOf("w");
  const auto held = Post(request);
  const SyncKey key = KeyOf(request);
  SyncKey other = key;
  ++other.seq;
  engine_->CancelSync(other);
  other = key;
  ++other.start;  // numbers begin again with each start
  engine_->CancelSync(other);
  other = key;
  ++other.nonce;
  engine_->CancelSync(other);
  other = key;
  other.worker_uuid = "uuid-other";
  engine_->CancelSync(other);
  engine_->Step();
  EXPECT_FALSE(held->has_value());
  engine_->CancelSync(key);
  engine_->Step();
  EXPECT_TRUE(absl::IsAborted((*held)->status()));
}

// An ended handoff is in memory only while somebody asks for it.
TEST_F(EngineSyncTest, ThatAnEndIsStoredIsSaidToAHeldSyncThatListsIt) {
  const core::Sync::Desired run = RunOne("w", "task");
  ASSERT_TRUE(Ask(EndOf("w", run)).ok());
  core::Sync request = SyncOf("w", 1, {run});
  request.attempts[0].running = false;
  request.attempts[0].reporting = true;  // the answer to its report was lost
  const auto held = Post(request);
  Pass(core::kForgetWithin);
  ASSERT_TRUE(held->has_value() && (*held)->ok());
  EXPECT_THAT((**held)->reply.forget, ElementsAre(Pair(run.handoff_id, 1)));
  const auto again = Post(SyncOf("w", 1, {run}));
  EXPECT_FALSE(again->has_value()) << "not in a circle";
}

// Nobody was heard meanwhile, or not by this time: who calls first does not take an idle worker's
// name.
class WhoCallsFirstTest : public EngineSyncTest {
 protected:
  void SetUp() override {
    EngineSyncTest::SetUp();
    Post(SyncOf("w"));
    engine_->Step();
  }
  absl::Status TwinCalls() {
    core::Sync twin = SyncOf("w");
    twin.worker.uuid = "uuid-twin";
    twin.worker.seq = 1;
    const auto answer = Post(twin);
    engine_->Step();
    return answer->has_value() ? (*answer)->status() : absl::InternalError("not answered");
  }
};

TEST_F(WhoCallsFirstTest, AfterAStart) {
  engine_.reset();
  StartEngine();
  EXPECT_TRUE(absl::IsAlreadyExists(TwinCalls()));
}

TEST_F(WhoCallsFirstTest, AfterARollback) {
  failing_.FailCommit(absl::UnavailableError("busy"));
  Post(Task("lost"));
  engine_->Step();
  EXPECT_TRUE(absl::IsAlreadyExists(TwinCalls()));
}

TEST_F(WhoCallsFirstTest, AfterTheClockWasSet) {
  clock_.StepWall(absl::Hours(1));
  EXPECT_TRUE(absl::IsUnavailable(TwinCalls()) || absl::IsAlreadyExists(TwinCalls()));
  EXPECT_TRUE(absl::IsAlreadyExists(TwinCalls()));
}

TEST_F(WhoCallsFirstTest, AfterTheHostSlept) {
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(absl::IsAlreadyExists(TwinCalls()));
  Pass(core::kUnreachableAfter);
  EXPECT_TRUE(TwinCalls().ok()) << "it had its time and did not call";
}

// A data directory that was copied back: the worker remembers a later term and an answer.
TEST_F(EngineSyncTest, RestoredRecordsBeginANewTermThatSurvivesTheNextStart) {
  core::Sync request = SyncOf("w");
  request.worker.seq = 1;
  request.seen_term = 5;
  request.seen_revision = 1000;
  const auto answer = Post(request);
  engine_->Step();
  ASSERT_TRUE(answer->has_value() && (*answer)->ok());
  EXPECT_EQ((**answer)->term, 6u);
  engine_.reset();
  StartEngine();
  const auto later = Post(SyncOf("w"));
  SubmitOne("task");
  ASSERT_TRUE(later->has_value());
  EXPECT_EQ((**later)->term, 7u);
  EXPECT_EQ((**later)->reply.attempts.at(0).epoch >> 32, 2u);
}

TEST_F(EngineSyncTest, AnAnswerOfThisTermIsNoSignOfRestoredRecords) {
  const auto first = Post(SyncOf("w"));
  Pass(absl::Seconds(13));
  ASSERT_TRUE(first->has_value() && (*first)->ok());
  core::Sync request = SyncOf("w");
  request.seen_term = (**first)->term;
  request.seen_revision = (**first)->revision;
  const auto second = Post(request);
  Pass(absl::Seconds(13));
  ASSERT_TRUE(second->has_value() && (*second)->ok());
  EXPECT_EQ((**second)->term, (**first)->term);
  ++request.worker.seq;
  request.seen_revision = (**second)->revision + 1;
  const auto third = Post(request);
  Pass(absl::Seconds(13));
  ASSERT_TRUE(third->has_value() && (*third)->ok());
  EXPECT_GT((**third)->term, (**first)->term) << "an answer that was never given";
}

TEST_F(EngineSyncTest, EachAnswerHasAHigherRevisionThanTheOneBefore) {
  uint64_t last = 0;
  for (int n = 0; n < 5; ++n) {
    const auto answer = Post(SyncOf(absl::StrCat("w", n % 2)));
    Pass(absl::Seconds(12));
    ASSERT_TRUE(answer->has_value() && (*answer)->ok());
    EXPECT_GT((**answer)->revision, last);
    last = (**answer)->revision;
  }
}

TEST_F(EngineSyncTest, ABatchThatTouchesNoWorkerAnswersNoSync) {
  std::vector<Pending<SyncAnswer>> held;
  for (int n = 0; n < 50; ++n) held.push_back(Post(SyncOf(absl::StrCat("w", n), 0)));
  engine_->Step();
  SubmitOne("task");
  for (const auto& answer : held) EXPECT_FALSE(answer->has_value());
}

TEST(SpreadHold, IsWithinAFifthAndTheSameForTheSameSync) {
  std::set<absl::Duration> different;
  for (uint64_t seq = 0; seq < 1000; ++seq) {
    const absl::Duration hold = SpreadHold(absl::Seconds(10), "worker", seq);
    EXPECT_GE(hold, absl::Seconds(8));
    EXPECT_LE(hold, absl::Seconds(12));
    EXPECT_EQ(hold, SpreadHold(absl::Seconds(10), "worker", seq));
    different.insert(hold);
  }
  EXPECT_GT(different.size(), 900u);
  EXPECT_LT(*different.begin(), absl::Seconds(8.1));
  EXPECT_GT(*different.rbegin(), absl::Seconds(11.9));
}

}  // namespace
}  // namespace handoff
