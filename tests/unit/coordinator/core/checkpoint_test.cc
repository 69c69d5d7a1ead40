// Checkpoints: which counts, which is late, and what the next attempt goes on from.
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// Two hosts; attempt 1 of "h" runs on a.
class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() : a(pool, "a"), b(pool, "b") {
    a.Call();
    pool.Submit("h");
    a.Call();
    b.Call();
  }
  const Attempt& First() const { return pool.Get("h").attempts[0]; }
  void MustSave(FakeWorker& worker, int number, const std::string& commit,
                const std::string& session = "") {
    const auto saved = worker.Save("h", number, Taken(pool, commit, session));
    ASSERT_TRUE(saved.ok()) << saved.status();
    ASSERT_TRUE(saved->current);
  }
  // Its lease ends; attempt 2 runs on b.
  void LoseFirst() {
    pool.Pass(absl::Minutes(31));
    b.Call();
    pool.Pass(absl::Seconds(11));  // backed off
    b.Call();
    ASSERT_EQ(First().state, AttemptState::kLost);
    ASSERT_EQ(pool.Latest("h").worker_name, "b");
  }
  Resume From(int attempt) const {
    Resume command = Again("h");
    command.from_attempt = attempt;
    return command;
  }

  Pool pool;
  FakeWorker a, b;
};

TEST_F(CheckpointTest, OfALiveAttemptCountsAndTheLastOneIsTheHead) {
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).attempt, 0);
  MustSave(a, 1, "c1");
  EXPECT_TRUE(pool.durable);
  MustSave(a, 1, "c2");
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).attempt, 1);
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "c2");
  EXPECT_EQ(First().late_checkpoint, Checkpoint{});
}

TEST_F(CheckpointTest, TheSameCallAgainChangesNothing) {
  const Checkpoint taken = Taken(pool, "c1");
  ASSERT_TRUE(a.Save("h", 1, taken)->current);
  EXPECT_TRUE(a.Save("h", 1, taken)->current);
  EXPECT_FALSE(pool.durable);
  pool.Pass(absl::Minutes(31));
  ASSERT_EQ(First().state, AttemptState::kLost);
  EXPECT_TRUE(a.Save("h", 1, taken)->current) << "it counted before the loss";
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(First().late_checkpoint, Checkpoint{});
}

TEST_F(CheckpointTest, OfALostAttemptIsKeptAsLateAndIsNeverTheHead) {
  MustSave(a, 1, "c1");
  LoseFirst();
  const auto late = a.Save("h", 1, Taken(pool, "c2"));
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_FALSE(late->current);
  EXPECT_EQ(First().late_checkpoint.commit, "c2");
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "c1");
  EXPECT_THAT(pool.EventKinds(), Contains("late_checkpoint"));
  EXPECT_FALSE(a.Save("h", 1, First().late_checkpoint)->current);
  EXPECT_FALSE(pool.durable) << "twice is once";
}

TEST_F(CheckpointTest, ALateReportDoesNotTakeAwayWhatCameBeforeTheLoss) {
  MustSave(a, 1, "c1", "s-1");
  LoseFirst();
  ASSERT_FALSE(a.Finish("h", 1, Success())->current);
  EXPECT_TRUE(First().arrived_after_loss);
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "c1");
}

TEST_F(CheckpointTest, AfterTheReportNothingReplacesTheLastOne) {
  MustSave(a, 1, "c2");
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  EXPECT_TRUE(a.Save("h", 1, Taken(pool, "c1")).ok()) << "a call that was overtaken";
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(First().checkpoint.commit, "c2");
}

TEST_F(CheckpointTest, ThatComesAfterTheReportIsKeptWhenThereIsNoOther) {
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  EXPECT_TRUE(a.Save("h", 1, Taken(pool, "c1"))->current);
  EXPECT_EQ(First().checkpoint.commit, "c1");
}

TEST_F(CheckpointTest, WhatOnlyTheWorkerHasTakesNothingAway) {
  Checkpoint only_there = Taken(pool, "");
  EXPECT_TRUE(a.Save("h", 1, only_there)->current);
  EXPECT_EQ(First().checkpoint, only_there) << "it is shown";
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).attempt, 0);
  MustSave(a, 1, "c1");
  EXPECT_TRUE(a.Save("h", 1, only_there)->current);
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "c1");
}

TEST_F(CheckpointTest, OfAnotherEpochPoolOrWorkerIsNotTaken) {
  SaveCheckpoint command{
      {pool.state.pool_id, "uuid-a", 1, 11}, "h", 1, First().epoch, Taken(pool, "c")};
  SaveCheckpoint other = command;
  other.epoch += 1;  // from before the records were restored
  EXPECT_FALSE(pool.Do(other)->current);
  EXPECT_FALSE(pool.durable);
  other = command;
  other.sender.pool_id = "pool-2";
  EXPECT_TRUE(absl::IsFailedPrecondition(pool.Do(other).status())) << pool.Do(other).status();
  other = command;
  other.sender = {pool.state.pool_id, "uuid-b", 1, 11};
  EXPECT_TRUE(absl::IsPermissionDenied(pool.Do(other).status()));
  other = command;
  other.sender.worker_nonce = 12;  // a copy of its data directory
  EXPECT_TRUE(absl::IsAborted(pool.Do(other).status()));
  other = command;
  other.number = 2;
  EXPECT_TRUE(absl::IsPermissionDenied(pool.Do(other).status()));
  other = command;
  other.handoff_id = "none";
  EXPECT_TRUE(absl::IsNotFound(pool.Do(other).status()));
  EXPECT_EQ(First().checkpoint, Checkpoint{});
  EXPECT_TRUE(pool.Do(command)->current);
}

// ---- What the next attempt goes on from ----

TEST_F(CheckpointTest, ElsewhereTheSessionIsRestoredFromTheCheckpoint) {
  MustSave(a, 1, "c1", "s-1");
  LoseFirst();
  EXPECT_EQ(pool.Latest("h").from_attempt, 1);
  EXPECT_EQ(pool.Latest("h").from_commit, "c1");
  EXPECT_EQ(pool.Latest("h").session, "s-1");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kRestored);
}

TEST_F(CheckpointTest, ElsewhereTheSessionIsFreshWhenTheCheckpointHasAnother) {
  MustSave(a, 1, "c1", "s-0");
  AttemptEnd end = Failure(FailureClass::kAgentError);
  end.session = "s-1";
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  ASSERT_TRUE(pool.Do(Again("h", "b")).ok());
  EXPECT_EQ(pool.Latest("h").from_attempt, 1);
  EXPECT_EQ(pool.Latest("h").session, "");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(CheckpointTest, WhereTheWorkspaceIsTheSessionIsTheSame) {
  MustSave(a, 1, "c1", "s-1");
  AttemptEnd end = Failure(FailureClass::kAgentError);
  end.session = "s-1";
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(pool.Latest("h").worker_name, "a");
  EXPECT_EQ(pool.Latest("h").session, "s-1");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kSame);
}

TEST_F(CheckpointTest, WithoutOneItGoesOnFromTheSubmission) {
  LoseFirst();
  EXPECT_EQ(pool.Latest("h").from_attempt, 0);
  EXPECT_EQ(pool.Latest("h").from_commit, "");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(CheckpointTest, TheNewestThatCountsIsThatOfTheLastAttemptThatHasOne) {
  MustSave(a, 1, "c1", "s-1");
  LoseFirst();
  MustSave(b, 2, "c2", "s-2");
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  a.Drop("h");
  a.Call();
  ASSERT_TRUE(pool.Do(Again("h", "a")).ok());
  ASSERT_EQ(pool.Latest("h").number, 3);
  ASSERT_EQ(pool.Latest("h").worker_name, "a");
  EXPECT_EQ(pool.Latest("h").from_attempt, 2);
  EXPECT_EQ(pool.Latest("h").session, "s-2") << "that of the state, though s-1 lies here";
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kRestored);
}

TEST_F(CheckpointTest, AskedForALateOneItGoesOnFromThatWithItsSession) {
  MustSave(a, 1, "c1", "s-1");
  LoseFirst();
  ASSERT_FALSE(a.Save("h", 1, Taken(pool, "c1-late", "s-1-late"))->current);
  MustSave(b, 2, "c2", "s-2");
  AttemptEnd end = Failure(FailureClass::kAgentError);
  end.session = "s-2";
  ASSERT_TRUE(b.Finish("h", 2, end).ok());
  b.Call();
  ASSERT_TRUE(pool.Do(From(1)).ok());
  b.Call();
  EXPECT_EQ(pool.Latest("h").from_attempt, 1);
  EXPECT_EQ(pool.Latest("h").from_commit, "c1-late");
  EXPECT_EQ(pool.Latest("h").session, "s-1-late");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kRestored)
      << "what lies on b saw another state";
}

TEST_F(CheckpointTest, AskedForALateOneThatAloneHasASessionItIsRestored) {
  LoseFirst();
  ASSERT_FALSE(a.Save("h", 1, Taken(pool, "c1-late", "s-1-late"))->current);
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  b.Call();
  ASSERT_TRUE(pool.Do(From(1)).ok());
  EXPECT_EQ(pool.Latest("h").session, "s-1-late");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kRestored);
}

TEST_F(CheckpointTest, WhatCameSinceItWasAskedForIsGoneOnFrom) {
  MustSave(a, 1, "c1", "s-1");
  LoseFirst();
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  Resume from = From(1);
  from.on_worker = "c";
  ASSERT_TRUE(pool.Do(from).ok());
  ASSERT_FALSE(a.Save("h", 1, Taken(pool, "c1-late", "s-1-late"))->current);
  FakeWorker c(pool, "c");
  c.Call();
  EXPECT_EQ(pool.Latest("h").from_commit, "c1-late");
  EXPECT_EQ(pool.Latest("h").session, "s-1-late");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kRestored);
}

TEST_F(CheckpointTest, AskedForAnotherStateItWaitsForNoHost) {
  MustSave(a, 1, "c1", "s-1");
  LoseFirst();
  AttemptEnd end = Failure(FailureClass::kAgentError);
  end.session = "s-2";
  ASSERT_TRUE(b.Finish("h", 2, end).ok());
  b.self.slots = 1;
  b.Call();
  pool.Submit("other", [](Handoff& h) { h.on_worker = "b"; });
  b.Call();
  a.Drop("h");
  a.Call();
  ASSERT_TRUE(pool.Do(From(1)).ok());
  EXPECT_EQ(pool.Latest("h").worker_name, "a");
}

TEST_F(CheckpointTest, WhatWasAskedForHoldsUntilAnAttemptWithItHasACheckpointOfItsOwn) {
  MustSave(a, 1, "c1");
  LoseFirst();
  MustSave(b, 2, "c2");
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  ASSERT_TRUE(pool.Do(From(1)).ok());
  b.Call();
  ASSERT_EQ(pool.Latest("h").from_attempt, 1);
  ASSERT_TRUE(b.Finish("h", 3, Failure(FailureClass::kAgentError)).ok()) << "without a checkpoint";
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  b.Call();
  EXPECT_EQ(pool.Latest("h").from_attempt, 1) << "attempt 3 never was beyond it";
  MustSave(b, 4, "c4");
  EXPECT_EQ(pool.Get("h").go_on_from, 0);
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).attempt, 4);
  ASSERT_TRUE(b.Finish("h", 4, Failure(FailureClass::kAgentError)).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(pool.Latest("h").from_attempt, 4);
}

TEST_F(CheckpointTest, AnotherAttemptsLateOneDoesNotEndWhatWasAskedFor) {
  MustSave(a, 1, "c1");
  LoseFirst();
  MustSave(b, 2, "c2");
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  ASSERT_TRUE(pool.Do(From(1)).ok());
  ASSERT_FALSE(a.Save("h", 1, Taken(pool, "c1-late"))->current);
  EXPECT_EQ(pool.Get("h").go_on_from, 1);
}

TEST_F(CheckpointTest, GoingOnFromAnAttemptWithoutOneIsRefused) {
  MustSave(a, 1, "c1");
  LoseFirst();
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  const auto without = pool.Do(From(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(without.status()));
  EXPECT_THAT(std::string(without.status().message()),
              HasSubstr("attempt 2 of h has no checkpoint"));
  const auto unknown = pool.Do(From(3));
  EXPECT_TRUE(absl::IsNotFound(unknown.status()));
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("has no attempt 3"));
  EXPECT_EQ(pool.Get("h").go_on_from, 0);
  EXPECT_TRUE(pool.Do(From(1)).ok());
}

// ---- resume --now ----

class ResumeNow : public CheckpointTest {
 protected:
  static Resume Now() {
    Resume command = Again("h");
    command.now = true;
    return command;
  }
};

TEST_F(ResumeNow, GivesUpAtOnceWhatASilentWorkerHolds) {
  MustSave(a, 1, "c1");
  pool.Pass(kUnreachableAfter);
  b.Call();
  const auto without = pool.Do(Again("h"));
  EXPECT_TRUE(absl::IsFailedPrecondition(without.status()));
  EXPECT_THAT(std::string(without.status().message()), HasSubstr("handoff resume h --now"));
  const auto reply = pool.Do(Now());
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(First().state, AttemptState::kLost);
  EXPECT_EQ(First().stop_reason, "Given up by ada.");
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
  EXPECT_EQ(pool.Latest("h").from_attempt, 1);
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  // It comes back: what it says of its epoch is late, and it is told to stop.
  EXPECT_FALSE(a.Save("h", 1, Taken(pool, "c2"))->current);
  EXPECT_FALSE(a.Finish("h", 1, Success())->current);
  EXPECT_TRUE(First().arrived_after_loss);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "c1");
}

TEST_F(ResumeNow, IsRefusedWhileTheWorkerAnswers) {
  pool.Pass(kUnreachableAfter - absl::Seconds(1));
  const auto refused = pool.Do(Now());
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("running on a, which answers"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("handoff cancel h"));
  EXPECT_EQ(pool.Latest("h").number, 1);
  const auto without = pool.Do(Again("h"));
  EXPECT_THAT(std::string(without.status().message()), Not(HasSubstr("--now")));
}

TEST_F(ResumeNow, IsRefusedWhileACoordinatorThatJustStartedMayStillHearOfIt) {
  pool.Restart();
  EXPECT_TRUE(absl::IsFailedPrecondition(pool.Do(Now()).status()));
  EXPECT_EQ(pool.Latest("h").number, 1);
  pool.Pass(kUnreachableAfter);
  EXPECT_TRUE(pool.Do(Now()).ok());
}

TEST_F(ResumeNow, OfWhatHasEndedIsAResume) {
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  EXPECT_TRUE(pool.Do(Now()).ok());
  EXPECT_EQ(First().state, AttemptState::kSucceeded);
}

TEST_F(ResumeNow, OfAnAttemptThatWasBeingStoppedGivesThatUpToo) {
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  pool.Pass(kUnreachableAfter);
  b.Call();
  ASSERT_TRUE(pool.Do(Now()).ok());
  EXPECT_EQ(First().state, AttemptState::kLost);
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
}

}  // namespace
}  // namespace handoff::core
