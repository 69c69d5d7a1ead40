// What the coordinator makes of Syncs, whatever the network did to them.
#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr auto kRefused = absl::StatusCode::kAlreadyExists;

TEST(Sync, ASubmittedHandoffIsPlacedInTheSameBatchAndSentWithItsSpec) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLeased);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  const auto reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_TRUE(reply.attempts[0].with_spec);
  EXPECT_TRUE(reply.urgent);
  EXPECT_EQ(reply.attempts[0].epoch, (uint64_t{1} << 32) + 1);
  EXPECT_EQ(reply.attempts[0].lease, absl::Minutes(30));
}

TEST(Sync, NothingDurableChangesWhenNothingDurableWasSaid) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  EXPECT_TRUE(pool.durable);  // its name
  a.Call();
  EXPECT_FALSE(pool.durable);
  pool.Submit("h");
  a.Call();
  a.Call();  // lists it as running
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kRunning);
  EXPECT_FALSE(pool.durable);
  a.Restart(/*keeps_attempts=*/true);
  a.Call();
  EXPECT_TRUE(pool.durable);  // its start
}

TEST(Sync, ARepeatedRequestIsDropped) {
  Pool pool;
  FakeWorker a(pool, "a");
  const Sync first = a.Request();
  EXPECT_TRUE(pool.Do(first).ok());
  EXPECT_EQ(pool.Do(first).status().code(), absl::StatusCode::kAborted);
}

TEST(Sync, AnOvertakenRequestIsDroppedAndTheNewerOneStands) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  const Sync before = a.Request();  // lists nothing
  a.Call();
  a.Call();
  EXPECT_EQ(pool.Do(before).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kRunning);
}

TEST(Sync, ALostAnswerIsGivenAgainInTheSameStart) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  const auto lost = a.Call();
  a.runs.clear();  // the answer never arrived
  const auto again = a.Call();
  ASSERT_THAT(again.attempts, SizeIs(1));
  EXPECT_TRUE(again.attempts[0].with_spec);
  EXPECT_EQ(again.attempts[0].epoch, lost.attempts[0].epoch);
  EXPECT_EQ(again.attempts[0].number, 1);
  EXPECT_LE(again.hold, kOfferAgain);
  EXPECT_FALSE(again.urgent);  // or the two would go in circles
}

TEST(Sync, AfterAHigherStartAnUnlistedAttemptIsLostAtOnce) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  a.Call();  // lists it
  a.Restart(/*keeps_attempts=*/false);
  const auto reply = a.Call();
  EXPECT_THAT(reply.attempts, IsEmpty());
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_THAT(pool.EventKinds(), Contains("worker_lost"));
}

// Nothing began, so nobody has to pay for it.
TEST(Sync, AfterAHigherStartOnTheSameBootAnAttemptThatNobodySawIsQueuedAgainForFree) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.self.boot_id = "boot-1";
  a.Call();
  pool.Submit("h");
  a.Call();
  a.Restart(/*keeps_attempts=*/false);
  a.Call();
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  EXPECT_THAT(pool.Get("h").avoid, IsEmpty());
  EXPECT_EQ(pool.Get("h").not_before, absl::InfinitePast());
}

TEST(Sync, AfterAHigherStartWhatMayHaveBegunCostsARetry) {
  for (const bool listed : {false, true}) {
    Pool pool;
    FakeWorker a(pool, "a");
    a.self.boot_id = "boot-1";
    a.Call();
    pool.Submit("h");
    a.Call();
    if (listed) {  // but then its directory was lost, in the same boot
      a.runs[0].running = false;
      a.Call();
    } else {  // files of another boot may be lost
      a.self.boot_id = "boot-2";
    }
    a.Restart(/*keeps_attempts=*/false);
    a.Call();
    EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
    EXPECT_EQ(pool.Get("h").retries_used, 1) << listed;
  }
}

TEST(Sync, AfterAHigherStartAListedAttemptIsKept) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  a.Restart(/*keeps_attempts=*/true);
  a.runs[0].adopting = true;
  a.runs[0].running = false;
  const auto reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_FALSE(reply.attempts[0].with_spec);
  EXPECT_FALSE(reply.attempts[0].stop);
  EXPECT_EQ(pool.Latest("h").number, 1);
}

TEST(Sync, ARestartedCoordinatorTakesEveryAttemptUpAgain) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  State loaded;
  loaded.pool_id = pool.state.pool_id;
  loaded.incarnation = 1;
  loaded.epoch_counter = pool.state.epoch_counter;
  loaded.revision = pool.state.revision;
  Edit rows;
  rows.changes.push_back(PutWorker{DurablePart(*pool.state.FindWorkerByName("a"))});
  rows.changes.push_back(PutHandoff{DurablePart(pool.Get("h"))});
  loaded.Apply(rows);
  loaded.Apply(AfterStart(loaded, pool.now));
  pool.state = loaded;
  EXPECT_EQ(NextTick(pool.state), pool.now + absl::Minutes(31));
  const auto reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_FALSE(reply.attempts[0].with_spec);
}

TEST(Sync, AnotherPoolIsRefused) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.pool_id = "pool-2";
  const absl::Status status = a.TryCall();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pool-2"));
  EXPECT_TRUE(pool.state.workers().empty());
}

// A coordinator started on an empty directory has a pool id of its own: a worker that knows the old
// one is refused, and a new worker joins.
TEST(Sync, AnEmptyCoordinatorTakesNewWorkersOnly) {
  Pool old;
  FakeWorker a(old, "a");
  a.Call();
  Pool fresh;
  fresh.state.pool_id = "pool-fresh";
  FakeWorker known(fresh, "a");
  known.pool_id = a.pool_id;
  EXPECT_EQ(known.TryCall().code(), absl::StatusCode::kFailedPrecondition);
  FakeWorker b(fresh, "b");
  EXPECT_TRUE(b.TryCall().ok());
}

TEST(Sync, ASecondWorkerWithALiveNameIsToldWhatToDo) {
  Pool pool;
  FakeWorker a(pool, "a"), twin(pool, "a");
  twin.self.uuid = "uuid-other";
  a.Call();
  const absl::Status status = twin.TryCall();
  EXPECT_EQ(status.code(), kRefused);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--name"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("handoff worker remove a"));
  EXPECT_THAT(pool.state.workers(), SizeIs(1));
}

TEST(Sync, ANameIsFreeOnceItsWorkerIsSilentAndRunsNothing) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "a");
  b.self.uuid = "uuid-b";
  a.Call();
  pool.Pass(kUnreachableAfter);
  EXPECT_TRUE(b.TryCall().ok());
  EXPECT_EQ(pool.state.FindWorkerByName("a")->uuid, "uuid-b");
  EXPECT_THAT(pool.state.workers(), SizeIs(1));
  EXPECT_EQ(a.TryCall().code(), kRefused);
}

TEST(Sync, ANameIsNotFreeWhileItsSilentWorkerMayStillRunSomething) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "a");
  b.self.uuid = "uuid-b";
  a.Call();
  pool.Submit("h");
  a.Call();
  pool.Pass(absl::Minutes(2));
  EXPECT_EQ(b.TryCall().code(), kRefused);
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "ada"}).ok());
  EXPECT_TRUE(b.TryCall().ok());
  // Removed by name: what it holds stays its own until the lease ends.
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLeased);
}

struct CloneCase {
  const char* name;
  uint64_t start;  // the original has 5
  uint64_t nonce;  // the original has 11
  bool original_silent;
  bool accepted;
};
class ClonedDirectory : public ::testing::TestWithParam<CloneCase> {};

TEST_P(ClonedDirectory, IsRefusedUnlessItIsALaterStartOrTheOriginalIsGone) {
  Pool pool;
  FakeWorker original(pool, "a"), clone(pool, "a");
  original.self.start = 5;
  clone.self.start = GetParam().start;
  clone.self.nonce = GetParam().nonce;
  clone.self.seq = 100;
  original.Call();
  if (GetParam().original_silent) pool.Pass(kUnreachableAfter);
  EXPECT_EQ(clone.TryCall().code(), GetParam().accepted ? absl::StatusCode::kOk : kRefused);
}

INSTANTIATE_TEST_SUITE_P(Table, ClonedDirectory,
                         ::testing::Values(CloneCase{"SameStart", 5, 12, false, false},
                                           CloneCase{"LowerStart", 4, 12, false, false},
                                           CloneCase{"LowerStartSameNonce", 4, 11, false, false},
                                           CloneCase{"HigherStart", 6, 12, false, true},
                                           CloneCase{"SameStartOriginalSilent", 5, 12, true, true},
                                           CloneCase{"LowerStartOriginalSilent", 4, 12, true,
                                                     true}),
                         [](const auto& test) { return test.param.name; });

TEST(Sync, TheOriginalOfAHigherCloneIsRefusedFromThenOn) {
  Pool pool;
  FakeWorker original(pool, "a"), clone(pool, "a");
  clone.self.start = 2;
  clone.self.nonce = 12;
  original.Call();
  EXPECT_TRUE(clone.TryCall().ok());
  EXPECT_EQ(original.TryCall().code(), kRefused);
}

TEST(Sync, AnAttemptThatWasGivenUpIsToldToStopAndItsEndIsForgottenWhenStored) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "b");
  a.Call();
  pool.Submit("h");
  a.Call();
  pool.Pass(absl::Minutes(31));  // a is silent; its lease ends
  ASSERT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  b.Call();
  pool.Pass(absl::Seconds(11));  // backed off
  EXPECT_EQ(pool.Latest("h").worker_name, "b");

  auto reply = a.Call();  // back from its partition, still listing attempt 1
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_TRUE(reply.attempts[0].stop);
  EXPECT_EQ(reply.attempts[0].stop_as, EndedBy::kSuperseded);
  EXPECT_EQ(reply.attempts[0].lease, absl::ZeroDuration());
  EXPECT_TRUE(reply.urgent);
  EXPECT_FALSE(a.Call().urgent);  // it lists that it stops

  ReportedAttempt listed = *a.Find("h");
  const auto late = a.Finish("h", 1, Success());
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_FALSE(late->current);
  a.runs = {listed};
  reply = a.Call();
  EXPECT_THAT(reply.forget, ElementsAre(Pair("h", 1)));
  EXPECT_THAT(reply.attempts, IsEmpty());
}

TEST(Sync, AnUnknownAttemptIsLeftAloneUntilItsLeaseEnds) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();  // the first request of a daemon is answered at once
  ReportedAttempt unknown;
  unknown.handoff_id = "never-heard-of";
  unknown.number = 1;
  unknown.epoch = 7;
  a.runs = {unknown};
  const Sync request = a.Request();
  EXPECT_THAT(NotInMemory(pool.state, request), ElementsAre("never-heard-of"));
  ASSERT_TRUE(pool.Do(request).ok());
  const auto reply = Answer(pool.state, request, pool.now);
  EXPECT_THAT(reply.attempts, IsEmpty());
  EXPECT_FALSE(reply.urgent);
}

TEST(Sync, AnEpochFromBeforeARestoreIsStoppedBeforeTheNewOneIsSent) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  a.runs[0].epoch = 99;  // what the worker holds is not what the restored records know
  auto reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_TRUE(reply.attempts[0].stop);
  EXPECT_EQ(reply.attempts[0].epoch, 99u);
  a.runs.clear();
  reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_TRUE(reply.attempts[0].with_spec);
}

TEST(Sync, BigSpecsAreSpreadOverSeveralAnswers) {
  Pool pool;
  FakeWorker a(pool, "a", 3);
  a.Call();
  for (const char* id : {"h1", "h2", "h3"})
    pool.Submit(id, [](Handoff& h) { h.spec.assign(kMaxAnswerBytes - 10, 'x'); });
  for (size_t known = 1; known <= 3; ++known) {
    a.Call();
    EXPECT_THAT(a.runs, SizeIs(known));
  }
}

TEST(Sync, AShortLeaseIsAnsweredWellBeforeItEnds) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h", [](Handoff& h) { h.lease = absl::Seconds(6); });
  a.Call();
  EXPECT_LE(a.Call().hold, absl::Seconds(2));
}

TEST(Sync, ADrainingWorkerIsToldSoAndKeepsWhatItRuns) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h1");
  a.Call();
  ASSERT_TRUE(pool.Do(Drain{"a", "new disk", false, "ada"}).ok());
  EXPECT_TRUE(pool.durable);
  pool.Submit("h2");
  const auto reply = a.Call();
  EXPECT_TRUE(reply.draining);
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_FALSE(reply.attempts[0].stop);
  a.Restart(/*keeps_attempts=*/true);
  EXPECT_TRUE(a.Call().draining) << "a restart does not undrain";
}

}  // namespace
}  // namespace handoff::core
