// How attempts end, what is retried, what is held, and what comes too late.
#include <algorithm>

#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

class EndingTest : public ::testing::Test {
 protected:
  EndingTest() : a(pool, "a") {
    a.Call();
    pool.Submit("h");
    a.Call();
  }
  Pool pool;
  FakeWorker a;
};

TEST_F(EndingTest, ASuccessIsToldAndFreesTheSlot) {
  const auto reply = a.Finish("h", 1, Success());
  ASSERT_TRUE(reply.ok());
  EXPECT_TRUE(reply->current);
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kSucceeded);
  EXPECT_TRUE(reply->handoff.changed);
  EXPECT_FALSE(reply->handoff.verified);
  EXPECT_TRUE(pool.state.AttemptsOf(a.self.uuid).empty());
  pool.state.EvictAtRest();
  pool.state.CheckInvariants();
  EXPECT_TRUE(pool.state.handoffs().empty());
}

TEST_F(EndingTest, TheSameReportAgainChangesNothing) {
  const auto first = a.Finish("h", 1, Success());
  const auto again = a.Finish("h", 1, Success());
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(pool.durable);
  EXPECT_TRUE(again->current);
  EXPECT_EQ(first->handoff, again->handoff);
}

TEST_F(EndingTest, AReportOfSomebodyElseIsDenied) {
  FakeWorker b(pool, "b");
  b.Call();
  EXPECT_EQ(b.Finish("h", 1, Success()).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLeased);
}

TEST_F(EndingTest, AWrongEpochDecidesNothing) {
  a.runs[0].epoch = 5;
  const auto reply = a.Finish("h", 1, Success());
  ASSERT_TRUE(reply.ok());
  EXPECT_FALSE(reply->current);
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLeased);
}

TEST_F(EndingTest, AnInfrastructureFailureIsRetriedElsewhereAfterABackOff) {
  FakeWorker b(pool, "b");
  b.Call();
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kNetwork, "Connection reset")).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("Connection reset. Retry 1 of 2"));
  EXPECT_GE(pool.Get("h").not_before, pool.now + kRetryBackoff.first / 2);
  EXPECT_LE(pool.Get("h").not_before, pool.now + kRetryBackoff.first);
  pool.Pass(kRetryBackoff.first);
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(EndingTest, RetriesOnTheSameWorkerWhenNobodyElseCouldTakeIt) {
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kNetwork)).ok());
  pool.Pass(kRetryBackoff.first);
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Latest("h").worker_name, "a");
}

TEST_F(EndingTest, RetriesAreCountedAndTheLastFailureStands) {
  for (int number = 1; number <= 3; ++number) {
    ASSERT_EQ(pool.Latest("h").number, number);
    ASSERT_TRUE(a.Finish("h", number, Failure(FailureClass::kNetwork, "No route")).ok());
    pool.Pass(absl::Seconds(25));
    a.Call();
  }
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kNetwork);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("No route. All of its 2 retries are used up."));
}

TEST_F(EndingTest, WhatAPersonMustMendIsNotRetried) {
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kAgentError, "It gave up")).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").reason, "It gave up.");
}

TEST_F(EndingTest, AHostFaultSpendsNoRetryAndNeverEatsTheQueue) {
  FakeWorker b(pool, "b", 1);
  for (int i = 0; i < 5; ++i) pool.Submit("more" + std::to_string(i));
  ASSERT_TRUE(a.Finish("h", 1,
                       HostFault(FailureClass::kAgentNeedsSetup, "agent:cursor",
                                 "Not logged in: run cursor-agent login"))
                  .ok());
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  EXPECT_THAT(pool.state.AttemptsOf(a.self.uuid), SizeIs(1)) << "only what it had before";
  b.Call();
  EXPECT_EQ(pool.Latest("h").worker_name, "b") << "h is the oldest";
  EXPECT_THAT(pool.EventKinds(), Contains("hold"));
}

// Everybody sees holds; what a failure says may quote the log.
TEST_F(EndingTest, AHoldTellsNoWordsOfAPrivateHandoff) {
  FakeWorker b(pool, "b", 1);
  pool.Submit("hidden", [](Handoff& handoff) {
    handoff.is_private = true;
    handoff.on_worker = "b";
  });
  b.Call();
  ASSERT_EQ(pool.Latest("hidden").worker_name, "b");
  ASSERT_TRUE(b.Finish("hidden", 1,
                       HostFault(FailureClass::kAgentNeedsSetup, "agent:cursor",
                                 "the plan of project X is not in this account"))
                  .ok());
  const Hold* const hold = pool.state.FindHold(b.self.uuid, "agent:cursor");
  ASSERT_NE(hold, nullptr);
  EXPECT_EQ(hold->reason, "a private handoff failed there (agent_needs_setup)");
  const auto told = std::find_if(pool.events().begin(), pool.events().end(),
                                 [](const Event& event) { return event.kind == "hold"; });
  ASSERT_NE(told, pool.events().end());
  EXPECT_THAT(told->message, AllOf(HasSubstr("rivate handoff"), Not(HasSubstr("project X"))));
}

TEST_F(EndingTest, TheSameHostFaultAgainSpendsRetries) {
  const AttemptEnd fault = HostFault(FailureClass::kAgentNeedsSetup, "agent:cursor", "No login");
  for (int number = 1; number <= 4; ++number) {
    ASSERT_EQ(pool.Latest("h").number, number);
    EXPECT_EQ(pool.Get("h").retries_used, std::max(0, number - 2));
    ASSERT_TRUE(a.Finish("h", number, fault).ok());
    pool.Pass(absl::Seconds(25));
    a.probes = {{"agent:cursor", true, ""}};  // which sees nothing wrong
    a.Call();
    a.Call();
  }
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kAgentNeedsSetup);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("No login. All of its 2 retries are used up."));
  EXPECT_THAT(pool.Explain("h").details, Contains(HasSubstr("its retries are used up (2 of 2)")));
}

TEST_F(EndingTest, AnotherHostFaultSpendsNoRetry) {
  const auto fail = [&](const AttemptEnd& end) {
    ASSERT_TRUE(a.Finish("h", pool.Latest("h").number, end).ok());
    a.probes = {{end.hold_key, true, ""}};
    a.Call();
    a.Call();
  };
  fail(HostFault(FailureClass::kAgentNeedsSetup, "agent:cursor", "No login"));
  fail(HostFault(FailureClass::kCheckoutFailed, "repo:repo", "No key"));
  EXPECT_EQ(pool.Latest("h").number, 3);
  EXPECT_EQ(pool.Get("h").retries_used, 0);
}

TEST_F(EndingTest, AProbeThatPassesEndsTheHold) {
  ASSERT_TRUE(
      a.Finish("h", 1,
               HostFault(FailureClass::kCheckoutFailed, "repo:repo", "could not resolve host"))
          .ok());
  EXPECT_THAT(a.Call().probes, IsEmpty()) << "not due yet";
  pool.Pass(kProbeBackoff.first);
  const auto asked = a.Call();
  EXPECT_THAT(asked.probes, ElementsAre(Pair("repo:repo", "https://example.org/repo.git")));
  EXPECT_TRUE(asked.urgent);
  EXPECT_THAT(a.Call().probes, IsEmpty()) << "it is at it";

  a.probes = {{"repo:repo", false, "still no host"}};
  a.Call();
  const Hold* hold = pool.state.FindHold(a.self.uuid, "repo:repo");
  ASSERT_NE(hold, nullptr);
  EXPECT_EQ(hold->failures, 2);
  EXPECT_EQ(hold->reason, "still no host");
  EXPECT_GE(hold->next_probe, pool.now + kProbeBackoff.first);

  a.probes = {{"repo:repo", true, ""}};
  a.Call();
  EXPECT_TRUE(pool.state.holds().empty());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  EXPECT_THAT(pool.EventKinds(), Contains("hold_cleared"));
}

TEST_F(EndingTest, AnAgentFoundReadyLaterEndsItsHold) {
  ASSERT_TRUE(
      a.Finish("h", 1, HostFault(FailureClass::kAgentMissing, "agent:cursor", "Gone")).ok());
  a.Call();  // the offer is from before the hold
  EXPECT_THAT(pool.state.holds(), SizeIs(1));
  pool.Pass(absl::Seconds(1));
  a.self.agents[0].probed_at = pool.now;
  a.Call();
  EXPECT_TRUE(pool.state.holds().empty());
}

TEST_F(EndingTest, AProbeThatIsNeverAnsweredIsAskedAgain) {
  ASSERT_TRUE(a.Finish("h", 1, HostFault(FailureClass::kCheckoutFailed, "repo:repo", "x")).ok());
  pool.Pass(kProbeBackoff.first);
  ASSERT_THAT(a.Call().probes, SizeIs(1));
  pool.Pass(kProbeBackoff.first);
  EXPECT_THAT(a.Call().probes, SizeIs(1));
}

TEST_F(EndingTest, QuotaHoldsTheAccountEverywhereUntilItsReset) {
  FakeWorker b(pool, "b");
  b.Call();
  AttemptEnd end = Failure(FailureClass::kQuota, "Out of requests");
  end.retry_at = pool.now + absl::Hours(2);
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  pool.Submit("same-account");
  for (const char* id : {"h", "same-account"}) {
    EXPECT_EQ(pool.Get(id).status, HandoffStatus::kQueued) << id;
    EXPECT_THAT(pool.Explain(id).summary, HasSubstr("on hold for the account team of cursor"));
  }
  pool.Pass(absl::Hours(2) - absl::Seconds(1));
  b.Call();
  EXPECT_EQ(pool.Get("same-account").status, HandoffStatus::kQueued);
  pool.Pass(absl::Seconds(1));
  EXPECT_TRUE(pool.state.holds().empty());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  EXPECT_EQ(pool.Get("same-account").status, HandoffStatus::kRunning);
}

TEST_F(EndingTest, AnotherAccountIsUsedUntilTheQuotaIsThereAgain) {
  AttemptEnd end = Failure(FailureClass::kQuota, "Out of requests");
  end.retry_at = pool.now + absl::Hours(2);
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("or before that with another account"));
  FakeWorker other(pool, "other");
  other.self.agents[0].account = "private";
  other.Call();
  EXPECT_EQ(pool.Latest("h").worker_name, "other");
}

TEST_F(EndingTest, AResetThatIsMoreThanAYearAheadCountsAsNotNamed) {
  AttemptEnd end = Failure(FailureClass::kQuota, "resets 2099-01-01");
  end.retry_at = pool.now + kMostQuotaWait + absl::Seconds(1);
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  ASSERT_THAT(pool.state.holds(), SizeIs(1));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  pool.Pass(kQuotaWait);
  a.Call();
  EXPECT_TRUE(pool.state.holds().empty());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
}

TEST_F(EndingTest, WhereNoAccountIsKnownTheHandoffWaitsForTheReset) {
  a.self.agents[0].account.clear();
  a.Call();
  pool.Submit("unknown");
  a.Call();
  AttemptEnd end = Failure(FailureClass::kQuota, "Out of requests");
  end.retry_at = pool.now + absl::Hours(2);
  ASSERT_TRUE(a.Finish("unknown", 1, end).ok());
  EXPECT_TRUE(pool.state.holds().empty());
  EXPECT_EQ(pool.Get("unknown").not_before, end.retry_at);
  EXPECT_THAT(pool.Explain("unknown").summary, HasSubstr("is backing off until"));
}

TEST_F(EndingTest, AFullContextGoesOnFreshInTheOldWorkspace) {
  FakeWorker b(pool, "b");
  b.Call();
  a.Call();
  AttemptEnd end = Failure(FailureClass::kContextOverflow, "Too long");
  end.session = "s-1";
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  pool.Pass(kRetryBackoff.first);
  EXPECT_EQ(pool.Latest("h").worker_name, "a");
  EXPECT_EQ(pool.Latest("h").session, "");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(EndingTest, AHandoffThatNeverStopsFailingEndsAtTheLimitOfAttempts) {
  for (int number = 1; number <= kMaxAttempts; ++number) {
    ASSERT_EQ(pool.Latest("h").number, number);
    AttemptEnd end = Failure(FailureClass::kQuota, "Out of requests");
    end.retry_at = pool.now + absl::Minutes(1);
    ASSERT_TRUE(a.Finish("h", number, end).ok());
    pool.Pass(absl::Minutes(1));
    a.Call();
  }
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kLimitExceeded);
}

TEST_F(EndingTest, AnAttemptIsGivenAwayWhenItsLeaseAndTheMarginArePast) {
  pool.Pass(absl::Minutes(31) - absl::Seconds(1));
  EXPECT_EQ(pool.Latest("h").number, 1);
  pool.Pass(absl::Seconds(1));
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("Worker a was silent"));
}

TEST_F(EndingTest, EveryAnswerRenewsTheLease) {
  for (int i = 0; i < 20; ++i) {
    pool.Pass(absl::Minutes(10));
    a.Call();
  }
  EXPECT_EQ(pool.Latest("h").number, 1);
  EXPECT_EQ(pool.Latest("h").lease_until, pool.now + absl::Minutes(31));
}

TEST_F(EndingTest, TheMarginIsTwoPercentOfALongLease) {
  EXPECT_EQ(GiveAwayMargin(absl::Minutes(30)), absl::Seconds(60));
  EXPECT_EQ(GiveAwayMargin(absl::Hours(100)), absl::Hours(2));
}

// Trap 14: a healthy run that was declared dead while its link was down.
TEST_F(EndingTest, Trap14ALateReportIsKeptAndDecidesNothing) {
  pool.Pass(absl::Minutes(31));
  ASSERT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  const auto late = a.Finish("h", 1, Success());
  ASSERT_TRUE(late.ok());
  EXPECT_FALSE(late->current);
  const Attempt& first = pool.Get("h").attempts[0];
  EXPECT_EQ(first.state, AttemptState::kLost);
  EXPECT_TRUE(first.arrived_after_loss);
  ASSERT_TRUE(first.end.has_value());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  EXPECT_FALSE(a.Finish("h", 1, Success())->current);
  EXPECT_FALSE(pool.durable) << "twice is once";
}

// The session of a late end is not the one that counts, however the next attempt ends.
TEST_F(EndingTest, TheSessionOfALateReportIsNotGoneOnWith) {
  FakeWorker b(pool, "b");
  pool.Pass(absl::Minutes(31));
  AttemptEnd end = Success();
  end.session = "session-of-the-lost";
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  b.Call();
  pool.Pass(absl::Seconds(11));  // backed off
  ASSERT_EQ(pool.Latest("h").worker_name, "b");
  b.Call();
  ASSERT_TRUE(b.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  a.self.workspaces = {"h"};
  a.Call();
  ASSERT_TRUE(pool.Do(Again("h", "a")).ok());
  EXPECT_EQ(pool.Latest("h").session, "");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(EndingTest, ALateReportOfAnotherEpochIsNotKept) {
  pool.Pass(absl::Minutes(31));
  ++a.Find("h")->epoch;  // from before the records were restored
  const auto late = a.Finish("h", 1, Success());
  ASSERT_TRUE(late.ok());
  EXPECT_FALSE(late->current);
  EXPECT_FALSE(pool.durable);
  EXPECT_FALSE(pool.Get("h").attempts[0].end.has_value());
}

TEST(Lease, ThatNoAnswerCarriedIsTakenBackSoonAndSpendsNoRetry) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "b");
  a.Call();
  pool.Submit("h");
  ASSERT_EQ(pool.Latest("h").worker_name, "a");
  pool.Pass(absl::Seconds(20));
  b.Call();
  pool.Pass(kOfferWait - absl::Seconds(20));  // a died and never called
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Latest("h").worker_name, "b") << "placed by the same Tick";
  EXPECT_EQ(pool.Get("h").retries_used, 0);
}

TEST(Lease, IsGivenAgainWhenTheCoordinatorItselfWasSuspended) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  pool.now += absl::Hours(9);  // nobody ticked
  pool.Tick();
  EXPECT_EQ(pool.Latest("h").number, 1);
  EXPECT_EQ(pool.Latest("h").lease_until, pool.now + absl::Minutes(31));
}

TEST(Deadline, EndsAQueuedHandoff) {
  Pool pool;
  pool.Submit("h", [&](Handoff& h) { h.deadline = pool.now + absl::Minutes(5); });
  pool.Pass(absl::Minutes(5));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kTimedOut);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("deadline"));
}

TEST(Deadline, StopsALiveAttemptAndNothingIsRetried) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h", [&](Handoff& h) { h.deadline = pool.now + absl::Minutes(5); });
  a.Call();
  pool.Pass(absl::Minutes(5));
  const auto reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_TRUE(reply.attempts[0].stop);
  EXPECT_EQ(reply.attempts[0].stop_as, EndedBy::kHardCap);
  AttemptEnd end = Failure(FailureClass::kTimedOut);
  end.ended_by = EndedBy::kHardCap;
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kTimedOut);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("deadline"));
  EXPECT_THAT(pool.Get("h").attempts, SizeIs(1));
}

}  // namespace
}  // namespace handoff::core
