// A person takes a handoff into their own hands: when, how, and what follows from it.
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TakeOver By(const std::string& actor, bool stop = false, bool on_host = false) {
  return {"h", actor, on_host, stop};
}

// Two hosts; attempt 1 of "h" runs on a.
class TakeOverTest : public ::testing::Test {
 protected:
  TakeOverTest() : a(pool, "a"), b(pool, "b") { a.Call(); }

  void Run() {
    pool.Submit("h");
    a.Call();
    b.Call();
    ASSERT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  }
  AttemptEnd Interrupted() const {
    AttemptEnd end = Failure(FailureClass::kCancelled, "The attempt was interrupted.");
    end.ended_by = EndedBy::kInterrupted;
    end.started_at = pool.now;
    return end;
  }
  AttemptEnd Asking() const {
    AttemptEnd end = Success();
    end.question = "This or that?";
    end.started_at = pool.now;
    return end;
  }
  std::string Refusal(const TakeOver& command) {
    const auto reply = pool.Do(command);
    EXPECT_TRUE(absl::IsFailedPrecondition(reply.status())) << reply.status();
    return std::string(reply.status().message());
  }
  void ExpectInHands(const std::string& reason) {
    const Handoff& handoff = pool.Get("h");
    EXPECT_EQ(handoff.status, HandoffStatus::kInteractive);
    EXPECT_EQ(handoff.taken_by, "ada");
    EXPECT_EQ(handoff.reason, reason);
    EXPECT_EQ(handoff.question, "");
    EXPECT_EQ(handoff.ended_at, absl::InfinitePast());
    EXPECT_EQ(handoff.failure, FailureClass::kNone);
    EXPECT_FALSE(handoff.verified);
    const size_t attempts = handoff.attempts.size();
    a.Call();
    b.Call();
    pool.Pass(absl::Hours(2));
    EXPECT_EQ(pool.Get("h").status, HandoffStatus::kInteractive) << "it went on by itself";
    EXPECT_EQ(pool.Get("h").attempts.size(), attempts);
  }

  Pool pool;
  FakeWorker a, b;
};

TEST_F(TakeOverTest, WhatHasEndedIsThePersonsAtOnce) {
  Run();
  AttemptEnd end = Success();
  end.verified = true;
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  ASSERT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
  const auto reply = pool.Do(By("ada"));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(pool.durable);
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kInteractive);
  EXPECT_EQ(reply->handoff.taken_at, pool.now);
  EXPECT_THAT(pool.EventKinds(), Contains("taken_over"));
  ExpectInHands("Taken over by ada.");
}

TEST_F(TakeOverTest, AQuestionNeedsNoAnswerAnyMoreAndStaysInTheEndThatAskedIt) {
  Run();
  ASSERT_TRUE(a.Finish("h", 1, Asking()).ok());
  ASSERT_EQ(pool.Get("h").status, HandoffStatus::kWaiting);
  ASSERT_TRUE(pool.Do(By("ada")).ok());
  EXPECT_EQ(pool.Latest("h").end->question, "This or that?");
  ExpectInHands("Taken over by ada.");
}

TEST_F(TakeOverTest, WhatIsQueuedIsTakenOutOfTheQueueAndItsMessagesWait) {
  a.Drop("none");
  a.self.slots = 0;
  a.Call();
  pool.Submit("h");
  ASSERT_TRUE(pool.Do(Send{"h", "hurry", false, 0, "bob"}).ok());
  ASSERT_TRUE(pool.Do(By("ada")).ok());
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kCancelled);
  EXPECT_EQ(PendingMessages(pool.Get("h")), 1u);
  EXPECT_EQ(pool.state.queued(), 0u);
  a.self.slots = 2;
  ExpectInHands("Taken over by ada.");
}

TEST_F(TakeOverTest, WhatRunsIsLeftAloneWithoutStop) {
  Run();
  EXPECT_THAT(Refusal(By("ada")), HasSubstr("`handoff takeover h --stop`"));
  EXPECT_TRUE(IsLive(pool.Latest("h").state));
  EXPECT_NE(pool.Latest("h").state, AttemptState::kStopping);
  EXPECT_EQ(pool.Get("h").taken_by, "");
}

TEST_F(TakeOverTest, WithStopItsAttemptIsInterruptedAndThenItIsThePersons) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  EXPECT_EQ(pool.Get("h").taken_by, "ada") << "nobody else is to have it meanwhile";
  EXPECT_EQ(pool.Latest("h").stop_as, EndedBy::kInterrupted);
  const Sync::Reply answer = a.Call();
  ASSERT_EQ(answer.attempts.size(), 1u);
  EXPECT_TRUE(answer.attempts[0].stop);
  EXPECT_EQ(answer.attempts[0].stop_reason, "Taken over by ada.");
  pool.Restart();
  EXPECT_EQ(pool.Get("h").taken_by, "ada");
  a.Restart(/*keeps_attempts=*/true);
  a.Call();
  ASSERT_TRUE(a.Finish("h", 1, Interrupted()).ok());
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kCancelled);
  ExpectInHands("Taken over by ada.");
}

TEST_F(TakeOverTest, WithStopAnEndOfItsOwnIsKeptAndNothingFollowsFromIt) {
  const std::vector<AttemptEnd> ends = {
      Success(), Asking(), Failure(FailureClass::kNetwork), Failure(FailureClass::kContextOverflow),
      HostFault(FailureClass::kAgentNeedsSetup, "agent:cursor", "No login")};
  for (size_t i = 0; i < ends.size(); ++i) {
    SCOPED_TRACE(i);
    Pool fresh;
    FakeWorker host(fresh, "a");
    host.Call();
    fresh.Submit("h", [](Handoff& handoff) { handoff.check_retries = 2; });
    host.Call();
    ASSERT_TRUE(fresh.Do(By("ada", /*stop=*/true)).ok());
    ASSERT_TRUE(fresh.Do(Resume{}).status().code() == absl::StatusCode::kNotFound);
    ASSERT_TRUE(host.Finish("h", 1, ends[i]).ok());
    EXPECT_EQ(fresh.Latest("h").end->failure, ends[i].failure);
    EXPECT_EQ(fresh.Get("h").status, HandoffStatus::kInteractive);
    EXPECT_EQ(fresh.Get("h").attempts.size(), 1u);
    EXPECT_EQ(fresh.Get("h").question, "");
    // What is wrong with the host is wrong for others, too.
    EXPECT_EQ(fresh.state.holds().empty(), !ends[i].host_fault);
  }
}

TEST_F(TakeOverTest, WithStopALostAttemptIsThePersonsToo) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  pool.Pass(absl::Minutes(32));
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLost);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kInteractive);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("Taken over by ada. Whether it stopped is unknown"));
  EXPECT_EQ(pool.Get("h").attempts.size(), 1u);
}

TEST_F(TakeOverTest, WithStopOneThatNobodyHasBegunIsThePersonsAtOnce) {
  pool.Submit("h");  // leased to a, which has not called yet
  ASSERT_EQ(pool.Latest("h").state, AttemptState::kLeased);
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kCancelled);
  ExpectInHands("Taken over by ada.");
}

TEST_F(TakeOverTest, AnInterruptionForAMessageBecomesATakeoverAndTheMessageWaits) {
  Run();
  ASSERT_TRUE(pool.Do(Send{"h", "no, this", true, 0, "bob"}).ok());
  EXPECT_THAT(Refusal(By("ada")), HasSubstr("--stop"));
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  ASSERT_TRUE(a.Finish("h", 1, Interrupted()).ok());
  EXPECT_EQ(PendingMessages(pool.Get("h")), 1u);
  ExpectInHands("Taken over by ada.");
}

TEST_F(TakeOverTest, WhatIsBeingCancelledIsNot) {
  Run();
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "bob"}).ok());
  EXPECT_THAT(Refusal(By("ada", /*stop=*/true)), HasSubstr("is being stopped"));
}

TEST_F(TakeOverTest, TheSamePersonMayAskAgainAndAnotherIsToldWhoHasIt) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  EXPECT_THAT(Refusal(By("bob", /*stop=*/true)), HasSubstr("in the hands of ada since 20"));
  const auto wanted = pool.Do(By("ada", /*stop=*/true));
  ASSERT_TRUE(wanted.ok()) << wanted.status();
  EXPECT_FALSE(pool.durable);
  ASSERT_TRUE(a.Finish("h", 1, Interrupted()).ok());
  const absl::Time taken_at = pool.Get("h").taken_at;
  pool.Pass(absl::Minutes(1));
  const auto again = pool.Do(By("ada"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(again->handoff.taken_at, taken_at);
  EXPECT_THAT(Refusal(By("bob")), HasSubstr("in the hands of ada since 20"));
  EXPECT_THAT(Refusal(By("ada", false, /*on_host=*/true)), HasSubstr("a work tree of your own"));
}

TEST_F(TakeOverTest, WithoutARepositoryThereIsNothingToTake) {
  pool.Submit("h", [](Handoff& handoff) { handoff.repo_key.clear(); });
  EXPECT_THAT(Refusal(By("ada", /*stop=*/true)), HasSubstr("no repository"));
  EXPECT_TRUE(absl::IsNotFound(pool.Do(TakeOver{"none", "ada"}).status()));
}

TEST_F(TakeOverTest, NothingElseIsDoneWithItMeanwhile) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(pool.Do(Send{"h", "x", true, 0, "bob"}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(pool.Do(Again("h")).status()));
  ASSERT_TRUE(a.Finish("h", 1, Interrupted()).ok());
  const auto sent = pool.Do(Send{"h", "x", false, 0, "bob"});
  EXPECT_THAT(std::string(sent.status().message()), HasSubstr("in a person's hands"));
  const auto resumed = pool.Do(Again("h"));
  EXPECT_THAT(std::string(resumed.status().message()), HasSubstr("handoff return h"));
}

TEST_F(TakeOverTest, CancelEndsItAndNobodyHasItThen) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "bob"}).ok());
  EXPECT_EQ(pool.Get("h").taken_by, "");
  ASSERT_TRUE(a.Finish("h", 1, Obeyed()).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  ASSERT_TRUE(pool.Do(By("ada")).ok());
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "bob"}).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  EXPECT_EQ(pool.Get("h").taken_by, "");
  EXPECT_EQ(pool.Get("h").taken_at, absl::InfinitePast());
}

TEST_F(TakeOverTest, WhatASilentHostHoldsCanBeGivenUpForIt) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  pool.Pass(absl::Minutes(1));
  EXPECT_THAT(pool.Explain("h").commands, Contains("handoff resume h --now"));
  Resume now = Again("h");
  now.now = true;
  now.actor = "bob";
  Resume fresh = now;
  fresh.fresh_session = true;
  const absl::Status refused = pool.Do(fresh).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("goes to ada"));
  ASSERT_TRUE(pool.Do(now).ok());
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLost);
  ExpectInHands("Taken over by ada. Given up by bob.");
}

TEST_F(TakeOverTest, ItIsDeletedNoLonger) {
  Run();
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  ASSERT_TRUE(pool.Do(Delete{"h", /*purge=*/false, "ann"}).ok());
  ASSERT_TRUE(pool.Get("h").deleted);
  ASSERT_TRUE(pool.Do(By("ada")).ok());
  EXPECT_FALSE(pool.Get("h").deleted);
}

TEST_F(TakeOverTest, WithStopAFaultOfTheHostIsStillHeldAgainstIt) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  AttemptEnd fault = HostFault(FailureClass::kAgentMissing, "agent:cursor", "It is gone");
  ASSERT_TRUE(a.Finish("h", 1, fault).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kInteractive);
  EXPECT_NE(pool.state.FindHold("uuid-a", "agent:cursor"), nullptr);
}

TEST_F(TakeOverTest, WithStopAUsedUpAccountIsStillHeld) {
  a.self.agents[0].account = "team";
  a.Call();
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kQuota)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kInteractive);
  EXPECT_NE(pool.state.FindHold("", "account:cursor/team"), nullptr);
}

TEST_F(TakeOverTest, WhySaysWhoHasItSinceWhenAndHowToGiveItBack) {
  Run();
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true)).ok());
  Why::Reply why = pool.Explain("h");
  EXPECT_EQ(why.summary, "Being stopped on a. Taken over by ada.");
  EXPECT_THAT(why.details, Contains(HasSubstr("goes to ada when attempt 1 has ended")));
  ASSERT_TRUE(a.Finish("h", 1, Interrupted()).ok());
  why = pool.Explain("h");
  EXPECT_THAT(why.summary, HasSubstr("h is in the hands of ada since 20"));
  EXPECT_THAT(why.commands, Contains("handoff return h MESSAGE"));
  EXPECT_THAT(why.commands, Not(Contains("handoff logs -f h")));
}

// ---- In the workspace itself ----

TEST_F(TakeOverTest, OnItsHostIsWhereTheNewestWorkspaceLies) {
  Run();
  ASSERT_TRUE(a.Save("h", 1, Taken(pool, "c1")).ok());
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  a.Call();
  ASSERT_TRUE(pool.Do(By("ada", false, /*on_host=*/true)).ok());
  EXPECT_EQ(pool.Get("h").taken_on, "a");
  ExpectInHands("Taken over by ada, in its workspace on a.");
  EXPECT_THAT(Refusal(By("ada")), HasSubstr("in its workspace on a"));
}

TEST_F(TakeOverTest, OnItsHostNeedsAWorkspaceThatIsKnownToBeThere) {
  Run();
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  pool.Pass(absl::Minutes(1));
  EXPECT_THAT(Refusal(By("ada", false, true)),
              HasSubstr("a, on which attempt 1 worked, is unreach"));
  a.self.workspaces.clear();  // swept
  a.Call();
  EXPECT_THAT(Refusal(By("ada", false, true)), HasSubstr("a has no workspace of h any more"));
  pool.Pass(absl::Minutes(1));
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "bob", pool.SignIn("bob")}).ok());
  EXPECT_THAT(Refusal(By("ada", false, true)), HasSubstr("no longer in this pool"));
}

TEST_F(TakeOverTest, OnItsHostIsRefusedWhenNoAttemptHadAWorkspace) {
  a.self.slots = 0;
  a.Call();
  pool.Submit("h");
  EXPECT_THAT(Refusal(By("ada", false, true)), HasSubstr("no workspace of h"));
}

TEST_F(TakeOverTest, OnItsHostWhileItRunsIsWhereItRuns) {
  Run();
  EXPECT_THAT(Refusal(By("ada", /*stop=*/true, true)), HasSubstr("is still being made"));
  a.Call();  // it runs there now
  ASSERT_TRUE(pool.Do(By("ada", /*stop=*/true, true)).ok());
  EXPECT_EQ(pool.Get("h").taken_on, "a");
  ASSERT_TRUE(a.Finish("h", 1, Interrupted()).ok());
  ExpectInHands("Taken over by ada, in its workspace on a.");
}

TEST_F(TakeOverTest, OnItsHostPassesOverAHostThatHasNothingButNotOneThatMayHave) {
  Run();
  ASSERT_TRUE(a.Save("h", 1, Taken(pool, "c1")).ok());
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  ASSERT_TRUE(pool.Do(Again("h", "b")).ok());
  ASSERT_EQ(pool.Latest("h").worker_name, "b");
  a.Call();
  b.Call();
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  b.self.workspaces.clear();  // it never got so far as to make one
  b.Call();
  ASSERT_TRUE(pool.Do(By("ada", false, true)).ok());
  EXPECT_EQ(pool.Get("h").taken_on, "a");
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  pool.Pass(absl::Minutes(1));
  a.Call();  // b is silent
  EXPECT_THAT(Refusal(By("ada", false, true)), HasSubstr("b, on which attempt 2 worked"));
}

TEST_F(TakeOverTest, OnItsHostIsNotAWorkspaceOlderThanTheLastCheckpoint) {
  Run();
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  ASSERT_TRUE(pool.Do(Again("h", "b")).ok());
  b.Call();
  a.Call();
  ASSERT_TRUE(b.Save("h", 2, Taken(pool, "c2")).ok());
  ASSERT_TRUE(b.Finish("h", 2, Success()).ok());
  b.self.workspaces.clear();
  b.Call();
  EXPECT_THAT(Refusal(By("ada", false, true)), HasSubstr("b has no workspace of h any more"));
}

}  // namespace
}  // namespace handoff::core
