// Turns that somebody asks a worker for: who may, what is listed to the worker, and what becomes of
// its result.
#include "coordinator/core/agent_turns.h"

#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/identity_fixture.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

AgentOffer Offer(const std::string& name, AgentState state = AgentState::kReady) {
  AgentOffer offer;
  offer.name = name;
  offer.state = state;
  return offer;
}

class AgentTurnsTest : public IdentityTest {
 protected:
  AgentTurnsTest() : a(pool, "a") {
    a.self.makes_turns = true;
    a.self.version = "1.2";
    a.self.agents = {Offer("command"), Offer("cursor"), Offer("claude", AgentState::kNeedsSetup),
                     Offer("codex", AgentState::kMissing)};
    a.Call();
  }

  absl::StatusOr<AskTurns::Reply> Ask(const std::string& agent = "") {
    return pool.Do(AskTurns{"a", agent, root.name, root});
  }
  // Of the next answer.
  std::vector<std::string> Told() {
    std::vector<std::string> agents;
    for (const AgentTurn& turn : a.Call().turns) agents.push_back(turn.agent);
    return agents;
  }
  // The next request has the result of this turn.
  Sync::Reply Tell(uint64_t number, const std::string& bytes = "worked") {
    core::Sync request = a.Request();
    request.turns = {{number, bytes}};
    EXPECT_TRUE(pool.Do(request).ok());
    Sync::Reply reply = Answer(pool.state, request, pool.now);
    pool.Install(RenewLeases(pool.state, reply, pool.now));
    return reply;
  }
  const AgentTurn& Turn(const std::string& agent = "cursor") const {
    return *pool.state.turns().Find("uuid-a", agent);
  }

  FakeWorker a;
};

TEST_F(AgentTurnsTest, EveryAgentThatIsThereIsAskedButForCommands) {
  const auto asked = Ask();
  ASSERT_TRUE(asked.ok()) << asked.status();
  ASSERT_THAT(asked->worker.turns, SizeIs(2));
  EXPECT_EQ(asked->worker.turns[0].agent, "claude") << "who was logged in just now can be asked";
  EXPECT_EQ(asked->worker.turns[1].agent, "cursor");
  EXPECT_EQ(asked->worker.turns[1].asked_at, pool.now);
  EXPECT_FALSE(asked->worker.turns[1].made());
  EXPECT_THAT(pool.EventKinds(), Contains("turn_asked"));
  EXPECT_THAT(Told(), ElementsAre("claude", "cursor"));
  pool.state.CheckInvariants();
}

TEST_F(AgentTurnsTest, OneIsAskedByItsNameAlsoWhereItIsMissing) {
  ASSERT_TRUE(Ask("codex").ok());
  EXPECT_THAT(Told(), ElementsAre("codex"));
  EXPECT_EQ(Ask("gemini").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Ask("gemini").status().message(), HasSubstr("it knows cursor, claude, codex"));
  EXPECT_EQ(Ask("command").status().code(), absl::StatusCode::kInvalidArgument);
  a.self.agents = {Offer("command")};
  a.Call();
  EXPECT_EQ(Ask().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(pool.Do(AskTurns{"b", "", "root", root}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(AgentTurnsTest, IsListedUntilItsResultCameAndTellsAtOnce) {
  ASSERT_TRUE(Ask("cursor").ok());
  Sync::Reply reply = a.Call();
  EXPECT_TRUE(reply.urgent);
  reply = a.Call();
  EXPECT_THAT(reply.turns, SizeIs(1));
  EXPECT_FALSE(reply.urgent) << "it was told already";
  const uint64_t number = reply.turns[0].number;
  EXPECT_THAT(Tell(number + 1).turns, SizeIs(1)) << "that is another one";
  pool.Pass(absl::Seconds(2));
  EXPECT_THAT(Tell(number).turns, IsEmpty());
  EXPECT_EQ(Turn().bytes, "worked");
  EXPECT_EQ(Turn().at, pool.now);
  pool.Pass(absl::Seconds(2));
  Tell(number, "again");
  EXPECT_EQ(Turn().bytes, "worked") << "the first word counts";
}

TEST_F(AgentTurnsTest, OneAtATimeAndAFreshResultIsGivenAgain) {
  ASSERT_TRUE(Ask("cursor").ok());
  const uint64_t first = Turn().number;
  pool.Pass(absl::Seconds(5));
  ASSERT_TRUE(Ask().ok());
  EXPECT_EQ(Turn().number, first) << "it is being made";
  EXPECT_GT(Turn("claude").number, first);
  Tell(first);
  pool.Pass(kTurnFresh - absl::Seconds(1));
  a.Call();
  const auto fresh = Ask("cursor");
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(Turn().number, first);
  EXPECT_EQ(fresh->worker.turns[1].bytes, "worked");
  pool.Pass(absl::Seconds(1));
  ASSERT_TRUE(Ask("cursor").ok());
  EXPECT_GT(Turn().number, first);
  EXPECT_FALSE(Turn().made());
}

TEST_F(AgentTurnsTest, OneThatNobodyMakesIsListedNoMoreAndAskedAnew) {
  ASSERT_TRUE(Ask("cursor").ok());
  const uint64_t first = Turn().number;
  pool.Pass(kTurnWait - absl::Seconds(1));
  EXPECT_THAT(Told(), ElementsAre("cursor"));
  pool.Pass(absl::Seconds(1));
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_FALSE(Turn().made()) << "it is shown that no answer came";
  ASSERT_TRUE(Ask("cursor").ok());
  EXPECT_GT(Turn().number, first);
}

TEST_F(AgentTurnsTest, AWorkerThatCannotAnswerIsNotAsked) {
  a.self.makes_turns = false;
  a.Call();
  const absl::Status old = Ask().status();
  EXPECT_EQ(old.code(), kPrecondition);
  EXPECT_THAT(old.message(), HasSubstr("its version, 1.2, is older than turns"));
  a.self.makes_turns = true;
  a.Call();
  pool.Pass(kUnreachableAfter + absl::Seconds(1));
  const absl::Status away = Ask().status();
  EXPECT_EQ(away.code(), kPrecondition);
  EXPECT_THAT(away.message(), HasSubstr("does not answer. No turn was asked for"));
  EXPECT_THAT(pool.EventKinds(), Not(Contains("turn_asked")));
}

TEST_F(AgentTurnsTest, ItHoldsNothingAndARestartForgetsIt) {
  ASSERT_TRUE(Ask("cursor").ok());
  Tell(Turn().number, "failed");
  EXPECT_THAT(pool.state.holds(), IsEmpty());
  pool.Submit("h");
  a.Call();
  EXPECT_EQ(pool.Latest("h").worker_uuid, "uuid-a");
  const uint64_t last = Turn().number;
  pool.Restart();
  EXPECT_THAT(pool.state.turns().all(), IsEmpty());
  pool.Pass(absl::Seconds(1));
  a.Call();
  ASSERT_TRUE(Ask("cursor").ok());
  EXPECT_GT(Turn().number, last) << "a late result of the earlier one is not taken for this";
}

TEST_F(AgentTurnsTest, ThoseOfAgentsAndWorkersThatAreGoneGoToo) {
  ASSERT_TRUE(Ask("codex").ok());
  a.self.agents.pop_back();
  a.Call();
  ASSERT_TRUE(Ask("cursor").ok());
  EXPECT_EQ(pool.state.turns().Find("uuid-a", "codex"), nullptr);
  pool.Pass(kUnreachableAfter + absl::Seconds(1));
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "root", root}).ok());
  EXPECT_THAT(pool.state.turns().all(), IsEmpty());
  pool.state.CheckInvariants();
}

TEST_F(AgentTurnsTest, WhoMayAsk) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  Add("oli", Role::kOperator);
  Add("vic", Role::kViewer);
  const Caller ada = Login("ada"), bob = Login("bob"), oli = Login("oli"), vic = Login("vic");
  CreateTokens hers = Wish(root, TokenPurpose::kWorker);
  hers.owner = "ada";
  ASSERT_TRUE(pool.Do(Redemption(Create(hers), TokenPurpose::kWorker, "b")).ok());
  FakeWorker b(pool, "b");
  b.self.makes_turns = true;
  b.self.agents = {Offer("cursor")};
  b.Call();
  const auto ask = [&](const Caller& caller) {
    return pool.Do(AskTurns{"b", "", caller.name, caller}).status().code();
  };
  EXPECT_EQ(ask(bob), kDenied) << "it costs her";
  EXPECT_EQ(LastAudit().action, "AskTurns");
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
  EXPECT_EQ(ask(vic), kDenied);
  EXPECT_EQ(pool.state.turns().Find("uuid-b", "cursor"), nullptr);
  EXPECT_EQ(ask(ada), absl::StatusCode::kOk);
  EXPECT_EQ(ask(oli), absl::StatusCode::kOk);
  EXPECT_EQ(ask(root), absl::StatusCode::kOk);
}

}  // namespace
}  // namespace handoff::core
