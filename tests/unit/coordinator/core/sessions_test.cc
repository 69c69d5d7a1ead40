// Which conversation a further attempt goes on with, and which it never goes back to.
#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

AttemptEnd FailureIn(FailureClass failure, const std::string& session) {
  AttemptEnd end = Failure(failure);
  end.session = session;
  return end;
}

class SessionsTest : public ::testing::Test {
 protected:
  SessionsTest() : a(pool, "a") {
    AgentOffer mine = a.self.agents[0];
    mine.name = "mine";
    a.self.agents.push_back(mine);
    a.Call();
    pool.Submit("h");
    a.Call();
    EXPECT_TRUE(a.Save("h", 1, Taken(pool, "c1", "s-1"))->current);
  }
  void End(int number, const AttemptEnd& end) {
    ASSERT_TRUE(a.Finish("h", number, end).ok());
    a.Call();
  }
  void Go(const Resume& command) {
    const auto reply = pool.Do(command);
    ASSERT_TRUE(reply.ok()) << reply.status();
    a.Call();
    ASSERT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  }
  // Its end brings no session: the agent could not even begin.
  void FailBeforeItBegins(int number) {
    End(number, Failure(FailureClass::kNetwork));
    pool.Pass(2 * kRetryBackoff.first);
    a.Call();
    ASSERT_EQ(pool.Latest("h").number, number + 1);
    ASSERT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  }
  static Resume WithAgent(const std::string& agent) {
    Resume command = Again("h");
    command.agent = agent;
    return command;
  }
  static Resume From(int attempt) {
    Resume command = Again("h");
    command.from_attempt = attempt;
    return command;
  }
  void ExpectFresh() {
    EXPECT_EQ(pool.Latest("h").session, "");
    EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
  }

  Pool pool;
  FakeWorker a;
};

TEST_F(SessionsTest, ARetryDoesNotGoBackToTheSessionOfTheAgentBefore) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(WithAgent("mine"));
  ExpectFresh();
  FailBeforeItBegins(2);
  ExpectFresh();
}

TEST_F(SessionsTest, ARetryDoesNotGoBackBehindAFreshSession) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Resume fresh = Again("h");
  fresh.fresh_session = true;
  Go(fresh);
  FailBeforeItBegins(2);
  ExpectFresh();
}

TEST_F(SessionsTest, AConversationThatWasFullIsNotGoneBackTo) {
  End(1, FailureIn(FailureClass::kContextOverflow, "s-1"));
  pool.Pass(2 * kRetryBackoff.first);
  a.Call();
  ExpectFresh();
  FailBeforeItBegins(2);
  ExpectFresh();
}

TEST_F(SessionsTest, WhatTheFreshOneSaidIsGoneOnWith) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(WithAgent("mine"));
  End(2, FailureIn(FailureClass::kAgentError, "s-2"));
  Go(Again("h"));
  EXPECT_EQ(pool.Latest("h").session, "s-2");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kSame);
}

TEST_F(SessionsTest, TheStateOfAnotherAgentsAttemptComesWithoutItsSession) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(WithAgent("mine"));
  End(2, FailureIn(FailureClass::kAgentError, "s-2"));
  Go(From(1));
  EXPECT_EQ(pool.Latest("h").from_attempt, 1);
  ExpectFresh();
  FailBeforeItBegins(3);
  ExpectFresh();
}

// What attempt 2 said is of a state that attempt 3 began without.
TEST_F(SessionsTest, AfterAnotherStateWithoutASessionTheOldOnesAreNotGoneBackTo) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(WithAgent("mine"));
  End(2, FailureIn(FailureClass::kAgentError, "s-2"));
  Go(From(1));
  ASSERT_TRUE(a.Save("h", 3, Taken(pool, "c3"))->current);
  FailBeforeItBegins(3);
  ExpectFresh();
}

TEST_F(SessionsTest, TheStateOfTheSameAgentsAttemptComesWithItsSession) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(Again("h"));
  ASSERT_TRUE(a.Save("h", 2, Taken(pool, "c2", "s-1"))->current);
  End(2, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(From(1));
  EXPECT_EQ(pool.Latest("h").session, "s-1");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kRestored);
}

// ---- A session that the agent does not know ----

AttemptEnd Refused(SessionKind kind) {
  AttemptEnd end = FailureIn(FailureClass::kSessionFailed, "s-1");
  end.session_kind = kind;
  return end;
}

TEST_F(SessionsTest, OneThatTheAgentDoesNotKnowIsReplacedByAFreshOneAtOnce) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(Again("h"));
  ASSERT_EQ(pool.Latest("h").session_kind, SessionKind::kSame);
  End(2, Refused(SessionKind::kSame));
  ASSERT_EQ(pool.Latest("h").number, 3);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  ExpectFresh();
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  EXPECT_EQ(pool.Latest("h").worker_name, "a") << "the workspace is there";
  FailBeforeItBegins(3);
  ExpectFresh();
}

TEST_F(SessionsTest, AFreshOneThatFailsIsNotTriedAgain) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(Again("h"));
  End(2, Refused(SessionKind::kSame));
  End(3, Refused(SessionKind::kFresh));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kSessionFailed);
}

TEST_F(SessionsTest, WhatAWorkerCouldNotRestoreWasFreshAlready) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Go(Again("h"));
  End(2, Refused(SessionKind::kFresh));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
}

TEST_F(SessionsTest, WhatWasSaidToTheRefusedOneIsSaidToTheFreshOne) {
  End(1, FailureIn(FailureClass::kAgentError, "s-1"));
  Send send;
  send.id = "h";
  send.text = "One more thing";
  ASSERT_TRUE(pool.Do(send).ok());
  a.Call();
  a.Call();  // tells that it runs
  ASSERT_TRUE(pool.Get("h").messages[0].delivered);
  ASSERT_EQ(pool.Get("h").messages[0].attempt, 2);
  AttemptEnd refused = Refused(SessionKind::kSame);
  refused.started_at = pool.now;
  End(2, refused);
  EXPECT_EQ(pool.Get("h").messages[0].attempt, 3);
  EXPECT_EQ(pool.Latest("h").number, 3);
}

// ---- What comes from an attempt that was taken for unbegun ----

class UnbegunTest : public ::testing::Test {
 protected:
  UnbegunTest() : a(pool, "a") {
    a.Call();
    pool.Submit("h");
    a.Call();
    const std::vector<ReportedAttempt> runs = a.runs;
    a.runs.clear();  // a request that was made before it took the attempt up
    EXPECT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
    a.Call();
    EXPECT_EQ(pool.Latest("h").state, AttemptState::kCancelled);
    a.runs = runs;
  }
  Pool pool;
  FakeWorker a;
};

TEST_F(UnbegunTest, ItsLateEndDecidesNothing) {
  for (int i = 0; i < 2; ++i)
    EXPECT_FALSE(a.Finish("h", 1, FailureIn(FailureClass::kAgentError, "s-1"))->current);
  EXPECT_TRUE(pool.Latest("h").arrived_after_loss);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(pool.Latest("h").session, "");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(UnbegunTest, ItsLateCheckpointIsUsedOnlyWhenAskedFor) {
  EXPECT_FALSE(a.Save("h", 1, Taken(pool, "c1", "s-1"))->current);
  EXPECT_EQ(pool.Latest("h").late_checkpoint.commit, "c1");
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).attempt, 0);
  Resume from = Again("h");
  from.from_attempt = 1;
  ASSERT_TRUE(pool.Do(from).ok());
  EXPECT_EQ(pool.Latest("h").from_commit, "c1");
}

}  // namespace
}  // namespace handoff::core
