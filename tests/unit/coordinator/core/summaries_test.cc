// Summaries: when one is wished for, of whom, and what becomes of it.
#include "coordinator/core/summaries.h"

#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using When = SummaryPolicy::When;

class SummariesTest : public ::testing::Test {
 protected:
  SummariesTest() : a(pool, "a") { a.Call(); }

  void Running(const std::string& id = "h") {
    pool.Submit(id);
    a.Call();
    a.Call();
    ASSERT_EQ(pool.Latest(id).state, AttemptState::kRunning);
  }
  Report ReportOf(const FakeWorker& host, const std::string& id, const AttemptEnd& end) const {
    Report report;
    report.sender = {host.pool_id, host.self.uuid, host.self.start, host.self.nonce};
    report.handoff_id = id;
    report.number = pool.Latest(id).number;
    report.epoch = pool.Latest(id).epoch;
    report.end = end;
    report.end.started_at = pool.now;
    return report;
  }
  // As the engine does: the policy of the spec goes with the report.
  absl::StatusOr<Report::Reply> End(const AttemptEnd& end, When when, bool ran = true) {
    Report report = ReportOf(a, "h", end);
    if (!ran) report.end.started_at = absl::InfinitePast();
    report.summaries = {when, "small"};
    auto reply = pool.Do(report);
    a.Drop("h");
    return reply;
  }
  size_t Wishes() const { return pool.state.wishes().size(); }
  const SummaryWish& Wish(int number = 1) const { return *pool.state.FindWish("h", number); }
  absl::StatusOr<Summarize::Reply> Ask(int number = 0) {
    return pool.Do(Summarize{"h", number, "small"});
  }
  absl::StatusOr<SaveSummary::Reply> Save(const FakeWorker& by, uint64_t wish,
                                          const std::string& refusal = "") {
    return pool.Do(SaveSummary{
        {by.pool_id, by.self.uuid, by.self.start, by.self.nonce}, "h", 1, wish, "made", refusal});
  }
  // The next request says that the agent is silent.
  void FallSilent(When when) {
    a.Find("h")->stalled = true;
    a.Find("h")->summaries = {when, "small"};
    a.Call();
  }

  Pool pool;
  FakeWorker a;
};

AttemptEnd Unchanged() {
  AttemptEnd end = Success();
  end.changed = false;
  return end;
}

TEST_F(SummariesTest, AnAttemptThatDidWorkIsWishedForOnItsWorker) {
  Running();
  ASSERT_TRUE(End(Success(), When::kAuto).ok());
  ASSERT_EQ(Wishes(), 1u);
  EXPECT_EQ(Wish().agent, "cursor");
  EXPECT_EQ(Wish().model, "small");
  EXPECT_EQ(Wish().worker_uuid, "uuid-a");
  EXPECT_FALSE(Wish().partial);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
}

TEST_F(SummariesTest, ByItselfOnlyWorkFailuresAndQuestionsAre) {
  AttemptEnd asking = Unchanged();
  asking.question = "Which?";
  const struct {
    AttemptEnd end;
    When when;
    size_t wishes;
  } cases[] = {{Unchanged(), When::kAuto, 0},
               {Unchanged(), When::kAlways, 1},
               {Success(), When::kNever, 0},
               {asking, When::kAuto, 1},
               {Failure(FailureClass::kAgentError), When::kAuto, 1},
               {Failure(FailureClass::kChecksFailed), When::kAuto, 1},
               {Failure(FailureClass::kAgentError), When::kNever, 0},
               {Failure(FailureClass::kCancelled), When::kAuto, 0},
               {Failure(FailureClass::kCancelled), When::kAlways, 1},
               {Failure(FailureClass::kQuota), When::kAlways, 0},
               {Failure(FailureClass::kRateLimited), When::kAlways, 0},
               {Failure(FailureClass::kAgentMissing), When::kAlways, 0},
               {Failure(FailureClass::kAgentNeedsSetup), When::kAlways, 0}};
  int number = 0;
  for (const auto& [end, when, wishes] : cases) {
    const std::string id = "h" + std::to_string(++number);
    FakeWorker host(pool, id);  // what one does to its host is nothing to the others
    host.self.agents[0].account = id;
    host.Call();
    pool.Submit(id, [&](Handoff& h) { h.on_worker = id; });
    host.Call();
    Report report = ReportOf(host, id, end);
    report.summaries = {when, ""};
    ASSERT_TRUE(pool.Do(report).ok());
    EXPECT_EQ(pool.state.FindWish(id, 1) == nullptr ? 0u : 1u, wishes)
        << FailureName(end.failure) << " " << static_cast<int>(when);
  }
}

TEST_F(SummariesTest, NothingIsWishedForWhereNoAgentRan) {
  Running();
  ASSERT_TRUE(End(Failure(FailureClass::kInternal), When::kAlways, /*ran=*/false).ok());
  EXPECT_EQ(Wishes(), 0u);
}

TEST_F(SummariesTest, ACommandHasFactsOnly) {
  a.self.agents[0].name = "command";
  pool.Submit("h", [](Handoff& h) { h.agent = "command"; });
  a.Call();
  a.Call();
  FallSilent(When::kAlways);
  EXPECT_EQ(Wishes(), 0u);
  ASSERT_TRUE(End(Success(), When::kAlways).ok());
  EXPECT_EQ(Wishes(), 0u);
  EXPECT_THAT(std::string(Ask().status().message()), HasSubstr("facts only"));
}

TEST_F(SummariesTest, ASilentAttemptIsWishedForOnceAndPartial) {
  Running();
  FallSilent(When::kAuto);
  ASSERT_EQ(Wishes(), 1u);
  EXPECT_TRUE(Wish().partial);
  const uint64_t first = Wish().wish;
  a.Call();
  EXPECT_EQ(Wish().wish, first);
  EXPECT_TRUE(Save(a, first)->current);
  EXPECT_EQ(Wishes(), 0u);
  EXPECT_EQ(pool.Latest("h").summary, "made");
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kRunning) << "it goes on";
  a.Call();
  EXPECT_EQ(Wishes(), 0u) << "still the same silence";
  a.Find("h")->stalled = false;
  a.Call();
  FallSilent(When::kAuto);
  EXPECT_EQ(Wishes(), 1u) << "another silence";
}

TEST_F(SummariesTest, NeverIsNotWhileItIsSilentEither) {
  Running();
  FallSilent(When::kNever);
  EXPECT_EQ(Wishes(), 0u);
}

TEST_F(SummariesTest, TheEndTakesThePlaceOfThePartialOne) {
  Running();
  FallSilent(When::kAuto);
  const uint64_t partial = Wish().wish;
  ASSERT_TRUE(End(Failure(FailureClass::kStalled), When::kAuto).ok());
  ASSERT_EQ(Wishes(), 1u);
  EXPECT_GT(Wish().wish, partial);
  EXPECT_FALSE(Wish().partial);
  EXPECT_FALSE(Save(a, partial)->current);
  EXPECT_EQ(pool.Get("h").attempts[0].summary, "");
}

TEST_F(SummariesTest, AQuotaTakesThePartialOneAway) {
  Running();
  FallSilent(When::kAuto);
  ASSERT_TRUE(End(Failure(FailureClass::kQuota), When::kAlways).ok());
  EXPECT_EQ(Wishes(), 0u);
}

TEST_F(SummariesTest, TwoThatFallSilentAtOnceHaveNumbersOfTheirOwn) {
  Running();
  Running("i");
  for (ReportedAttempt& run : a.runs) {
    run.stalled = true;
    run.summaries = {When::kAuto, ""};
  }
  a.Call();
  ASSERT_EQ(Wishes(), 2u);
  EXPECT_NE(Wish().wish, pool.state.FindWish("i", 1)->wish);
}

TEST_F(SummariesTest, ItsWorkerIsToldAtOnceAndThenWithEveryAnswer) {
  Running();
  ASSERT_TRUE(End(Success(), When::kAuto).ok());
  const Sync request = a.Request();
  ASSERT_TRUE(pool.Do(request).ok());
  Sync::Reply reply = Answer(pool.state, request, pool.now);
  ASSERT_THAT(reply.summaries, SizeIs(1));
  EXPECT_TRUE(reply.urgent);
  pool.Install(RenewLeases(pool.state, reply, pool.now));
  reply = Answer(pool.state, request, pool.now);
  EXPECT_THAT(reply.summaries, SizeIs(1));
  EXPECT_FALSE(reply.urgent) << "it knows, and need not be told in circles";
  FakeWorker b(pool, "b");
  EXPECT_THAT(b.Call().summaries, IsEmpty());
  ASSERT_TRUE(Save(a, Wish().wish)->current);
  EXPECT_THAT(a.Call().summaries, IsEmpty());
}

TEST_F(SummariesTest, WhatIsSavedIsKeptAndDecidesNothing) {
  Running();
  ASSERT_TRUE(End(Failure(FailureClass::kAgentError), When::kAuto).ok());
  const Handoff before = pool.Get("h");
  ASSERT_TRUE(Save(a, Wish().wish)->current);
  EXPECT_TRUE(pool.durable);
  Handoff after = pool.Get("h");
  EXPECT_EQ(after.attempts[0].summary, "made");
  after.attempts[0].summary.clear();
  EXPECT_TRUE(after == before);
  EXPECT_THAT(pool.EventKinds(), Contains("summarised"));
}

TEST_F(SummariesTest, OnlyWhoIsToMakeItMaySaveItAndOnce) {
  FakeWorker b(pool, "b");
  b.self.agents.clear();
  b.Call();
  Running();
  ASSERT_TRUE(End(Success(), When::kAuto).ok());
  const uint64_t wish = Wish().wish;
  EXPECT_FALSE(Save(b, wish)->current);
  EXPECT_FALSE(Save(a, wish + 1)->current);
  EXPECT_EQ(Wishes(), 1u);
  EXPECT_TRUE(Save(a, wish)->current);
  EXPECT_FALSE(Save(a, wish)->current);
  FakeWorker copy = a;
  ++copy.self.nonce;
  EXPECT_TRUE(absl::IsAborted(Save(copy, wish).status())) << "a copied data directory";
}

TEST_F(SummariesTest, AnotherWorkerMakesItWhereItsOwnCannot) {
  FakeWorker b(pool, "b");
  b.self.slots = 0;
  b.Call();
  Running();
  a.self.agents[0].state = AgentState::kNeedsSetup;
  a.Call();
  ASSERT_TRUE(End(Success(), When::kAuto).ok());
  EXPECT_EQ(Wish().worker_uuid, "uuid-b");
}

TEST_F(SummariesTest, WhereNobodyCanItIsSaidAndNothingIsKept) {
  Running();
  a.self.agents[0].state = AgentState::kNeedsSetup;
  a.Call();
  ASSERT_TRUE(End(Success(), When::kAuto).ok());
  EXPECT_EQ(Wishes(), 0u);
  EXPECT_THAT(pool.EventKinds(), Contains("not_summarised"));
  const absl::Status refused = Ask().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no worker that answers can use cursor"));
}

TEST_F(SummariesTest, AUsedUpAccountIsNotAskedByAPersonEither) {
  Running();
  AttemptEnd quota = Failure(FailureClass::kQuota);
  quota.hold_key = "account:team";
  ASSERT_TRUE(End(quota, When::kAlways).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Ask(1).status())) << Wishes();
}

TEST_F(SummariesTest, APersonMayAskWhateverThePolicyIs) {
  Running();
  ASSERT_TRUE(Ask().ok());
  EXPECT_TRUE(Wish().partial);
  const uint64_t wish = Wish().wish;
  ASSERT_TRUE(Ask().ok());
  EXPECT_EQ(Wish().wish, wish) << "it is being made already";
  ASSERT_TRUE(End(Success(), When::kNever).ok());
  EXPECT_EQ(Wishes(), 0u);
  ASSERT_TRUE(Ask(1).ok());
  EXPECT_FALSE(Wish().partial);
  EXPECT_EQ(Wish().model, "small");
  EXPECT_TRUE(absl::IsNotFound(Ask(7).status()));
}

TEST_F(SummariesTest, OfWhatHasNotRunThereIsNoLog) {
  a.self.slots = 0;
  a.Call();
  pool.Submit("h");
  const absl::Status refused = Ask().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no agent has run in attempt 1"));
}

TEST_F(SummariesTest, AWishThatNobodyFulfilsIsDroppedAndSaid) {
  Running();
  ASSERT_TRUE(End(Success(), When::kAuto).ok());
  const uint64_t wish = Wish().wish;
  pool.Pass(kSummaryWait - absl::Seconds(1));
  EXPECT_EQ(Wishes(), 1u);
  EXPECT_THAT(pool.EventKinds(), Not(Contains("not_summarised")));
  pool.Pass(absl::Seconds(1));
  EXPECT_EQ(Wishes(), 0u);
  EXPECT_THAT(pool.EventKinds(), Contains("not_summarised"));
  EXPECT_FALSE(Save(a, wish)->current);
}

TEST_F(SummariesTest, ARestartForgetsThemAndGivesNoNumberTwice) {
  Running();
  ASSERT_TRUE(Ask().ok());
  const uint64_t wish = Wish().wish;
  pool.Restart();
  EXPECT_EQ(Wishes(), 0u);
  pool.now += absl::Milliseconds(1);
  a.Call();
  ASSERT_TRUE(Ask().ok());
  EXPECT_GT(Wish().wish, wish);
}

TEST_F(SummariesTest, ElsewhereOnlyWhereItsOwnerLetsItGo) {
  FakeWorker b(pool, "b"), c(pool, "c");
  for (FakeWorker* other : {&b, &c}) {
    other->self.slots = 0;
    other->self.labels["zone"] = other == &c ? "inner" : "outer";
    other->Call();
  }
  a.self.labels["zone"] = "inner";
  a.Call();
  pool.Submit("h", [](Handoff& h) { h.require["zone"] = "inner"; });
  pool.Submit("named", [](Handoff& h) { h.on_worker = "a"; });
  a.Call();
  a.self.agents[0].state = AgentState::kNeedsSetup;
  a.Call();
  ASSERT_TRUE(End(Success(), When::kAuto).ok());
  EXPECT_EQ(Wish().worker_uuid, "uuid-c");
  ASSERT_TRUE(pool.Do(ReportOf(a, "named", Success())).ok());
  const absl::Status refused = pool.Do(Summarize{"named", 1, "small"}).status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("of those that may have"));
}

// Task and log go along with a wish, and its worker may read them from then on.
TEST_F(SummariesTest, NeverOnAWorkerThatWouldNotGetTheHandoff) {
  FakeWorker foreign(pool, "b"), elsewhere(pool, "c");
  foreign.Call();
  elsewhere.Call();
  Worker put = *pool.state.FindWorker("uuid-b");
  put.owner = "bob";
  pool.Install(Edit{{PutWorker{put}}});
  put = *pool.state.FindWorker("uuid-c");
  put.repos = {"github.com/acme/*"};
  pool.Install(Edit{{PutWorker{put}}});
  Running();
  a.self.agents[0].state = AgentState::kNeedsSetup;
  a.Call();
  FallSilent(When::kAlways);
  EXPECT_EQ(Wishes(), 0u) << "while it is silent";
  EXPECT_TRUE(absl::IsFailedPrecondition(Ask().status())) << "asked for by a person";
  ASSERT_TRUE(End(Success(), When::kAlways).ok());
  EXPECT_EQ(Wishes(), 0u) << "after its end";
  put = *pool.state.FindWorker("uuid-b");
  put.shared = true;
  pool.Install(Edit{{PutWorker{put}}});
  ASSERT_TRUE(Ask().ok());
  EXPECT_EQ(Wish().worker_uuid, "uuid-b") << "a shared one is everybody's";
}

TEST_F(SummariesTest, AnAgentThatIsHeldIsNotAskedWhenOnlyChecksComeNext) {
  Running();
  ASSERT_TRUE(End(Success(), When::kNever).ok());
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
  Return done;
  done.id = "h";
  done.actor = "ada";
  done.done = true;
  ASSERT_TRUE(pool.Do(done).ok());
  ASSERT_TRUE(pool.Latest("h").only_checks);
  Hold hold;
  hold.worker_uuid = "uuid-a";
  hold.key = "agent:cursor";
  hold.next_probe = pool.now + absl::Hours(1);
  pool.Install(Edit{{PutHold{hold}}});
  EXPECT_THAT(std::string(Ask(1).status().message()), HasSubstr("of those that may have"));
}

TEST_F(SummariesTest, OfWhatWasPurgedThereIsNoWish) {
  Running();
  ASSERT_TRUE(End(Success(), When::kAlways).ok());
  ASSERT_EQ(Wishes(), 1u);
  ASSERT_TRUE(pool.Do(Delete{"h", /*purge=*/true, "ann"}).ok());
  EXPECT_EQ(Wishes(), 0u);
}

}  // namespace
}  // namespace handoff::core
