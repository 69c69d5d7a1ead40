// What the coordinator makes of Syncs, whatever the network did to them.
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

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

// A handoff that ends the daemon before it begins would otherwise do so a hundred times.
TEST(Sync, AnAttemptThatDoesNotBeginEitherCostsARetry) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.self.boot_id = "boot-1";
  a.Call();
  pool.Submit("h");
  a.Call();
  a.Restart(/*keeps_attempts=*/false);
  a.Call();
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  ASSERT_EQ(pool.Latest("h").number, 2);
  ASSERT_TRUE(pool.Latest("h").offered);
  a.Restart(/*keeps_attempts=*/false);
  a.Call();
  EXPECT_EQ(pool.Get("h").retries_used, 1);
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
  pool.Restart();
  EXPECT_EQ(NextTick(pool.state), pool.now + absl::Minutes(31));
  const auto reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_FALSE(reply.attempts[0].with_spec);
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
  listed.reporting = true;
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

TEST(Sync, ManyDueProbesAreAskedForAFewAtATimeAndEachInTurn) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  constexpr size_t kHolds = 3 * kMaxProbesAsked;
  for (size_t i = 0; i < kHolds; ++i) {
    Hold hold;
    hold.worker_uuid = a.self.uuid;
    hold.key = absl::StrCat("repo:", i);
    hold.next_probe = pool.now;
    pool.Install({{PutHold{hold}}});
  }
  std::set<std::string> asked;
  for (int round = 0; round < 3; ++round) {
    const auto reply = a.Call();
    EXPECT_THAT(reply.probes, SizeIs(kMaxProbesAsked));
    for (const auto& [key, url] : reply.probes) asked.insert(key);
    EXPECT_THAT(a.Call().probes, IsEmpty()) << "while it is at those";
    pool.now += kProbeBackoff.first;  // it answers none of them
  }
  EXPECT_THAT(asked, SizeIs(kHolds));
  const auto reply = a.Call();
  for (const auto& [key, url] : reply.probes) a.probes.push_back({key, true, ""});
  EXPECT_THAT(a.Call().probes, SizeIs(kMaxProbesAsked)) << "these are done: the next ones";
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

TEST(Sync, WhatFitsIntoNoMessageHoldsUpNothingElse) {
  Pool pool;
  FakeWorker a(pool, "a", 3);
  a.Call();
  pool.Submit("large", [](Handoff& h) { h.spec.assign(kMaxSentBytes + 1, 'x'); });
  pool.Submit("other");
  a.Call();
  ASSERT_THAT(a.runs, SizeIs(1));
  EXPECT_EQ(a.runs[0].handoff_id, "other");
  EXPECT_FALSE(a.Call().urgent) << "in a circle";
  pool.Pass(kOfferWait + absl::Seconds(1));
  EXPECT_EQ(pool.Latest("large").number, 2) << "its lease was not renewed";
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
  ASSERT_TRUE(pool.Do(Drain{"a", "new disk", false, "ada", pool.SignIn("ada")}).ok());
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
