// Which daemon a worker's name and identity belong to, and what is taken from the others.
#include <algorithm>
#include <string>

#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kRefused = absl::StatusCode::kAlreadyExists;

TEST(Identity, AnotherPoolIsRefused) {
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
TEST(Identity, AnEmptyCoordinatorTakesNewWorkersOnly) {
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

TEST(Identity, ASecondWorkerWithALiveNameIsToldWhatToDo) {
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

TEST(Identity, ANameIsFreeOnceItsWorkerIsSilentAndRunsNothing) {
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

TEST(Identity, ANameIsNotFreeWhileItsSilentWorkerMayStillRunSomething) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "a");
  b.self.uuid = "uuid-b";
  a.Call();
  pool.Submit("h");
  a.Call();
  pool.Pass(absl::Minutes(2));
  EXPECT_EQ(b.TryCall().code(), kRefused);
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "ada", pool.SignIn("ada")}).ok());
  EXPECT_TRUE(b.TryCall().ok());
  // Removed by name: what it holds stays its own until the lease ends.
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLeased);
}

// After a start nobody was heard of yet: who calls first is not for that reason the one that
// counts.
TEST(Identity, AfterAStartOfTheCoordinatorATwinDoesNotTakeTheNameOfAnIdleWorker) {
  Pool pool;
  FakeWorker a(pool, "a"), twin(pool, "a");
  twin.self.uuid = "uuid-twin";
  a.Call();
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "ada", pool.SignIn("ada")}).ok());
  ASSERT_EQ(twin.TryCall().code(), kRefused);
  pool.Restart();
  EXPECT_EQ(twin.TryCall().code(), kRefused);
  EXPECT_TRUE(a.Call().draining);
  EXPECT_EQ(twin.TryCall().code(), kRefused);
  pool.Restart();
  pool.Pass(kUnreachableAfter);
  EXPECT_TRUE(twin.TryCall().ok()) << "it was given its time and did not call";
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

// The first to call after a start of the coordinator is not the original, which is idle.
TEST_P(ClonedDirectory, IsRefusedByACoordinatorThatJustStarted) {
  Pool pool;
  FakeWorker original(pool, "a"), clone(pool, "a");
  original.self.start = 5;
  clone.self.start = GetParam().start;
  clone.self.nonce = GetParam().nonce;
  original.Call();
  pool.Restart();
  const bool later = clone.self.start > original.self.start;
  EXPECT_EQ(clone.TryCall().code(), later ? absl::StatusCode::kOk : kRefused);
  EXPECT_EQ(original.TryCall().ok(), !later);
  pool.Restart();
  pool.Pass(kUnreachableAfter);
  EXPECT_TRUE(clone.TryCall().ok());
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

TEST(Identity, TheOriginalOfAHigherCloneIsRefusedFromThenOn) {
  Pool pool;
  FakeWorker original(pool, "a"), clone(pool, "a");
  clone.self.start = 2;
  clone.self.nonce = 12;
  original.Call();
  EXPECT_TRUE(clone.TryCall().ok());
  EXPECT_EQ(original.TryCall().code(), kRefused);
}

// A copy of the data directory was started, its Sync is taken, and its daemon finds that the
// attempt died with the host. The original still runs it.
TEST(Identity, AnAttemptThatACopyReportedIsStoppedWhereItRuns) {
  Pool pool;
  FakeWorker original(pool, "a"), b(pool, "b");
  original.Call();
  pool.Submit("h");
  original.Call();
  original.Call();  // runs
  FakeWorker copy = original;
  copy.self.nonce = 12;
  EXPECT_TRUE(absl::IsAborted(copy.Finish("h", 1, Failure(FailureClass::kWorkerLost)).status()))
      << "its Sync was not taken";
  copy.self.start = original.self.start + 1;
  EXPECT_TRUE(absl::IsAborted(copy.Finish("h", 1, Failure(FailureClass::kWorkerLost)).status()))
      << "its Sync was not taken yet";
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kRunning);
  ASSERT_TRUE(copy.TryCall().ok());
  ASSERT_TRUE(copy.Finish("h", 1, Failure(FailureClass::kWorkerLost)).ok());
  EXPECT_TRUE(absl::IsAborted(original.Finish("h", 1, Success()).status()));
  // The copy goes, and the original is taken again.
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "ada", pool.SignIn("ada")}).status().code() ==
              absl::StatusCode::kFailedPrecondition);
  pool.Pass(kUnreachableAfter);
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "ada", pool.SignIn("ada")}).ok());
  ReportedAttempt running;
  running.handoff_id = "h";
  running.number = 1;
  running.epoch = pool.Get("h").attempts[0].epoch;
  running.running = true;
  original.runs = {running};
  const auto reply = original.Call();
  EXPECT_THAT(reply.forget, IsEmpty());
  ASSERT_THAT(reply.attempts, Contains(Field(&Sync::Desired::number, 1)));
  EXPECT_TRUE(reply.attempts[0].stop);
  EXPECT_EQ(reply.attempts[0].stop_as, EndedBy::kSuperseded);
  EXPECT_TRUE(reply.urgent);
}

TEST(Identity, AReportOfAWorkerThatWasRemovedIsStored) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  pool.Pass(kUnreachableAfter);
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "ada", pool.SignIn("ada")}).ok());
  EXPECT_TRUE(a.Finish("h", 1, Success()).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
}

struct RestoredCase {
  const char* name;
  uint64_t seen_term, seen_revision;  // the coordinator is in term 3 and gave 10 answers in it
  uint64_t listed_epoch;              // above its incarnation 1, counter 1; 0: none is listed
  bool noticed;
};
class RestoredRecords : public ::testing::TestWithParam<RestoredCase> {};

TEST_P(RestoredRecords, AreNoticedByWhatAWorkerRemembers) {
  const RestoredCase& c = GetParam();
  Pool pool;
  pool.state.term = 3;
  FakeWorker a(pool, "a");
  Sync request = a.Request();
  request.seen_term = c.seen_term;
  request.seen_revision = c.seen_revision;
  request.answers_given = 10;
  if (c.listed_epoch != 0) {
    request.attempts.emplace_back();
    request.attempts[0].handoff_id = "h0";
    request.attempts[0].number = 1;
    request.attempts[0].epoch = c.listed_epoch;
  }
  ASSERT_TRUE(pool.Do(request).ok());
  EXPECT_EQ(pool.state.incarnation,
            c.noticed ? std::max<uint64_t>(1, c.listed_epoch >> 32) + 1 : 1);
  EXPECT_EQ(pool.state.term, c.noticed ? std::max<uint64_t>(3, c.seen_term) + 1 : 3u);
  EXPECT_TRUE(pool.durable);
  EXPECT_THAT(pool.EventKinds(), Contains(c.noticed ? "restored" : "worker_up"));
  pool.Submit("h1");
  EXPECT_EQ(pool.Latest("h1").epoch >> 32, pool.state.incarnation);
}

constexpr uint64_t kIncarnation = uint64_t{1} << 32;
INSTANTIATE_TEST_SUITE_P(
    Table, RestoredRecords,
    ::testing::Values(RestoredCase{"AnEarlierTerm", 2, 900, 0, false},
                      RestoredCase{"AnAnswerOfThisTerm", 3, 10, 0, false},
                      RestoredCase{"AnAnswerThatWasNotGiven", 3, 11, 0, true},
                      RestoredCase{"ALaterTerm", 7, 1, 0, true},
                      RestoredCase{"TheLastEpoch", 2, 0, kIncarnation, false},
                      RestoredCase{"AnEpochThatWasNotGiven", 2, 0, kIncarnation + 1, true},
                      RestoredCase{"AnEpochOfALaterIncarnation", 2, 0, 5 * kIncarnation + 3, true}),
    [](const auto& test) { return test.param.name; });

// Taken, they would leave no number for the terms and incarnations to come.
TEST(RestoredRecords, WhatNoCoordinatorGaveIsRefused) {
  Pool pool;
  FakeWorker a(pool, "a");
  const auto code = [&](uint64_t seen_term, uint64_t epoch) {
    Sync request = a.Request();
    request.seen_term = seen_term;
    request.attempts.emplace_back();
    request.attempts[0].handoff_id = "h0";
    request.attempts[0].number = 1;
    request.attempts[0].epoch = epoch;
    return pool.Do(request).status().code();
  };
  EXPECT_EQ(code(uint64_t{1} << 48, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(1, ~uint64_t{0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(pool.state.incarnation, 1u);
  // The highest that is believed leaves the worker, and everybody, able to call.
  EXPECT_EQ(code(pool.state.term + kMostTermsAhead, 1), absl::StatusCode::kOk);
  EXPECT_EQ(code(pool.state.term, 1), absl::StatusCode::kOk);
}

Sync Remembers(FakeWorker& worker, const std::string& id, uint64_t incarnation) {
  Sync request = worker.Request();
  request.caller = {worker.self.uuid, "serial", "10.0.0.9"};
  request.attempts.emplace_back();
  request.attempts[0].handoff_id = id;
  request.attempts[0].number = 1;
  request.attempts[0].epoch = incarnation << 32;
  return request;
}

TEST(RestoredRecords, AWorkerIsBelievedOnceInAStart) {
  Pool pool;
  FakeWorker a(pool, "a");
  ASSERT_TRUE(pool.Do(Remembers(a, "h0", 1 + kMostIncarnationsAhead)).ok());
  const uint64_t moved = 2 + kMostIncarnationsAhead;
  EXPECT_EQ(pool.state.incarnation, moved);
  ASSERT_EQ(pool.audit().size(), 1u);
  EXPECT_EQ(pool.audit()[0].actor, "uuid-a");
  EXPECT_EQ(pool.audit()[0].address, "10.0.0.9");
  EXPECT_THAT(pool.audit()[0].detail, HasSubstr("incarnation 1 became 66"));
  const absl::Status again = pool.Do(Remembers(a, "h0", moved + 1)).status();
  EXPECT_TRUE(absl::IsInvalidArgument(again)) << again;
  EXPECT_THAT(std::string(again.message()), HasSubstr("believed once since"));
  EXPECT_EQ(pool.state.incarnation, moved);
  EXPECT_TRUE(pool.Do(Remembers(a, "h0", moved - 1)).ok()) << "what was given says nothing";
  FakeWorker b(pool, "b");
  ASSERT_TRUE(pool.Do(Remembers(b, "h0", moved + 1)).ok()) << "another one may remember more";
  pool.Restart();
  EXPECT_TRUE(pool.Do(Remembers(a, "h0", pool.state.incarnation + 1)).ok())
      << "they may have been restored again";
}

TEST(RestoredRecords, AnAttemptThatAnotherWorkerWasGivenIsNoSign) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  FakeWorker b(pool, "b");
  EXPECT_TRUE(pool.Do(Remembers(b, "h", 5)).ok());
  EXPECT_EQ(pool.state.incarnation, 1u);
  EXPECT_TRUE(pool.Do(Remembers(a, "h", 5)).ok());
  EXPECT_EQ(pool.state.incarnation, 6u) << "its own is one";
}

TEST(RestoredRecords, TheLastIncarnationIsNeverPassed) {
  Pool pool;
  pool.state.incarnation = kMostIncarnations - 1;
  FakeWorker a(pool, "a");
  const absl::Status refused = pool.Do(Remembers(a, "h0", kMostIncarnations)).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no more are left"));
  EXPECT_EQ(pool.state.incarnation, kMostIncarnations - 1);
}

}  // namespace
}  // namespace handoff::core
