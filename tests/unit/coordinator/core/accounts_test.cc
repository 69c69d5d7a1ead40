// At most so many attempts run with an account at a time, in the whole pool.
#include "coordinator/core/accounts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class AccountsTest : public ::testing::Test {
 protected:
  AccountsTest() : a(pool, "a", 3), b(pool, "b", 3) {}
  static void Limit(FakeWorker& worker, int most, const std::string& account = "team") {
    worker.self.agents[0].max_parallel = most;
    worker.self.agents[0].account = account;
  }
  void Call() {
    a.Call();
    b.Call();
  }
  void Submit(int count) {
    for (int i = 1; i <= count; ++i) pool.Submit(absl::StrCat("h", i));
    Call();
  }

  Pool pool;
  FakeWorker a, b;
};

TEST_F(AccountsTest, TheLimitIsThatOfTheWholePool) {
  Limit(a, 3);
  Limit(b, 3);
  Call();
  Submit(5);
  EXPECT_EQ(pool.state.live(), 3u);
  EXPECT_EQ(a.runs.size() + b.runs.size(), 3u);
  EXPECT_EQ(pool.Latest("h1").account, "team");
  EXPECT_THAT(pool.Explain("h4").summary,
              AllOf(HasSubstr("3 of 3 attempts of the account team of cursor run"),
                    HasSubstr("1st of 2 in the queue of ada"), Not(HasSubstr("slot"))));
  EXPECT_THAT(pool.Explain("h5").summary, HasSubstr("2nd of 2 in the queue"));
}

TEST_F(AccountsTest, OneTickGivesNoMoreThanTheLimit) {
  for (int i = 1; i <= 3; ++i) pool.Submit(absl::StrCat("h", i));
  Limit(a, 2);
  a.Call();
  EXPECT_EQ(pool.state.live(), 2u);
}

TEST_F(AccountsTest, AFreedPlaceIsFilledAtOnce) {
  Limit(a, 1);
  Limit(b, 1);
  Call();
  Submit(2);
  ASSERT_EQ(pool.Get("h2").status, HandoffStatus::kQueued);
  FakeWorker& holder = pool.Latest("h1").worker_name == "a" ? a : b;
  ASSERT_TRUE(holder.Finish("h1", 1, Success()).ok());
  EXPECT_EQ(pool.Get("h2").status, HandoffStatus::kRunning);
}

TEST_F(AccountsTest, AnAttemptOfChecksAloneTakesNoPlace) {
  Limit(a, 1);
  Limit(b, 1);
  Call();
  Submit(1);
  FakeWorker& holder = pool.Latest("h1").worker_name == "a" ? a : b;
  ASSERT_TRUE(holder.Finish("h1", 1, Success()).ok());
  ASSERT_TRUE(pool.Do(TakeOver{"h1", "ada", false, false}).ok());
  Return done;
  done.id = "h1";
  done.actor = "ada";
  done.done = true;
  ASSERT_TRUE(pool.Do(done).ok());
  Call();
  ASSERT_EQ(pool.Get("h1").status, HandoffStatus::kRunning);
  pool.Submit("h2");
  Call();
  EXPECT_EQ(pool.Get("h2").status, HandoffStatus::kRunning);
}

TEST_F(AccountsTest, ThePlaceOfALostAttemptIsFilledByTheSameTick) {
  Limit(a, 1);
  Limit(b, 1);
  a.Call();
  pool.Submit("h1");
  Call();
  pool.Submit("h2");
  ASSERT_EQ(pool.Get("h2").status, HandoffStatus::kQueued);
  pool.Pass(absl::Minutes(31) - absl::Seconds(1));
  b.Call();
  pool.Pass(absl::Seconds(1));  // a was silent all the time
  ASSERT_EQ(pool.Get("h1").attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(pool.Get("h2").status, HandoffStatus::kRunning);
  EXPECT_EQ(pool.Latest("h2").worker_name, "b");
}

TEST_F(AccountsTest, TheSmallestLimitOfAWorkerThatCanBeReachedCounts) {
  Limit(a, 1);
  Limit(b, 3);
  Call();
  Submit(3);
  ASSERT_EQ(pool.state.live(), 1u);
  pool.Pass(kUnreachableAfter - absl::Seconds(1));
  b.Call();
  ASSERT_EQ(pool.state.live(), 1u);
  pool.Pass(absl::Seconds(1));  // now nobody hears of a
  EXPECT_EQ(pool.state.live(), 3u);
}

TEST_F(AccountsTest, AWorkerWithoutALimitKeepsToThatOfTheOthers) {
  Limit(a, 1);
  Call();
  Submit(2);
  EXPECT_EQ(pool.state.live(), 1u);
}

TEST_F(AccountsTest, AnotherAccountHasPlacesOfItsOwn) {
  Limit(a, 1);
  Limit(b, 1, "private");
  Call();
  Submit(3);
  EXPECT_EQ(pool.state.live(), 2u);
  EXPECT_EQ(a.runs.size(), 1u);
  EXPECT_EQ(b.runs.size(), 1u);
  EXPECT_THAT(pool.Explain("h3").details,
              AllOf(Contains(HasSubstr("a: may not take it: 1 of 1 attempt of the account team")),
                    Contains(HasSubstr("b: may not take it: 1 of 1 attempt of the account "
                                       "private"))));
}

TEST_F(AccountsTest, TheSameNameIsAnotherAccountForAnotherAgent) {
  for (FakeWorker* worker : {&a, &b}) {
    Limit(*worker, 1);
    AgentOffer mine = worker->self.agents[0];
    mine.name = "mine";
    worker->self.agents.push_back(mine);
  }
  Call();
  pool.Submit("of-cursor");
  pool.Submit("of-mine", [](Handoff& handoff) { handoff.agent = "mine"; });
  EXPECT_EQ(pool.state.live(), 2u);
}

TEST_F(AccountsTest, WhereNoAccountIsKnownTheLimitIsThatOfTheWorker) {
  Limit(a, 1, "");
  Limit(b, 1, "");
  Call();
  Submit(3);
  EXPECT_EQ(a.runs.size(), 1u);
  EXPECT_EQ(b.runs.size(), 1u);
  EXPECT_THAT(pool.Explain("h3").summary, HasSubstr("1 of 1 attempt of cursor run there"));
}

TEST_F(AccountsTest, WhatRunsIsCountedAfterARestart) {
  Limit(a, 2);
  Limit(b, 2);
  Call();
  Submit(3);
  ASSERT_EQ(pool.state.live(), 2u);
  pool.Restart();
  Call();
  EXPECT_EQ(pool.state.live(), 2u);
  EXPECT_EQ(pool.Get("h3").status, HandoffStatus::kQueued);
}

TEST_F(AccountsTest, AHandoffWaitsForItsHostWhoseAccountIsFullLikeForABusyOne) {
  Limit(a, 1);
  Limit(b, 1, "private");
  a.Call();
  pool.Submit("h1");
  a.Call();
  AttemptEnd end = Failure(FailureClass::kAgentError);
  end.session = "s-1";
  pool.Submit("h2");
  ASSERT_TRUE(a.Finish("h1", 1, end).ok());
  Call();
  ASSERT_EQ(pool.Latest("h2").worker_name, "a");
  ASSERT_TRUE(pool.Do(Again("h1")).ok());
  EXPECT_EQ(pool.Get("h1").status, HandoffStatus::kQueued);
  EXPECT_THAT(pool.Explain("h1").summary, HasSubstr("waits for a"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(pool.Get("h1").status, HandoffStatus::kQueued);
    Call();
    pool.Pass(kAffinityWait / 3);
  }
  EXPECT_EQ(pool.Latest("h1").worker_name, "b");
}

// ---- A used-up quota ----

TEST_F(AccountsTest, AUsedUpQuotaHoldsTheAccountOfThatAgentOnly) {
  for (FakeWorker* worker : {&a, &b}) {
    AgentOffer mine = worker->self.agents[0];
    mine.name = "mine";
    worker->self.agents.push_back(mine);
  }
  a.Call();
  pool.Submit("h");
  a.Call();
  AttemptEnd end = Failure(FailureClass::kQuota, "Out of requests");
  end.retry_at = pool.now + absl::Hours(2);
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  b.Call();
  pool.Submit("of-cursor");
  pool.Submit("of-mine", [](Handoff& handoff) { handoff.agent = "mine"; });
  EXPECT_EQ(pool.Get("of-cursor").status, HandoffStatus::kQueued);
  EXPECT_EQ(pool.Get("of-mine").status, HandoffStatus::kRunning);
}

TEST_F(AccountsTest, TheLatestTimeThatWasToldEndsTheHold) {
  Call();
  Submit(3);
  AttemptEnd end = Failure(FailureClass::kQuota, "Out of requests");
  end.retry_at = pool.now + absl::Hours(2);
  const auto finish = [&](const std::string& id) {
    FakeWorker& holder = pool.Latest(id).worker_name == "a" ? a : b;
    ASSERT_TRUE(holder.Finish(id, 1, end).ok());
  };
  finish("h1");
  end.retry_at = absl::InfinitePast();  // this one does not name it
  finish("h2");
  end.retry_at = pool.now + absl::Hours(1);
  finish("h3");
  ASSERT_EQ(pool.state.holds().size(), 1u);
  const absl::Time reset = pool.now + absl::Hours(2);
  EXPECT_EQ(pool.state.holds().begin()->second.next_probe, reset);
  pool.Pass(absl::Hours(2) - absl::Seconds(1));
  Call();
  EXPECT_EQ(pool.state.live(), 0u);
  EXPECT_THAT(pool.Explain("h2").summary, HasSubstr("on hold for the account team of cursor"));
  pool.Pass(absl::Seconds(1));
  EXPECT_EQ(pool.state.live(), 3u);
  for (const char* id : {"h1", "h2", "h3"}) EXPECT_EQ(pool.Get(id).retries_used, 0) << id;
}

// ---- The word of a private worker ----

class PrivateAccountsTest : public AccountsTest {
 protected:
  void SetOwner(const FakeWorker& worker, const std::string& owner, bool shared = false) {
    Worker put = *pool.state.FindWorker(worker.self.uuid);
    put.owner = owner;
    put.shared = shared;
    pool.Install(Edit{{PutWorker{put}}});
  }
  void SubmitFor(const std::string& owner, const std::string& id) {
    pool.Submit(id, [&](Handoff& handoff) { handoff.owner = owner; });
    Call();
  }
};

TEST_F(PrivateAccountsTest, AUsedUpQuotaThereHoldsItsOwnersHandoffsAlone) {
  Call();
  SetOwner(a, "bob");
  SubmitFor("bob", "of-bob");
  ASSERT_EQ(pool.Latest("of-bob").worker_name, "a") << "the least loaded, then by name";
  AttemptEnd end = Failure(FailureClass::kQuota, "Out of requests");
  end.retry_at = pool.now + absl::Hours(2);
  ASSERT_TRUE(a.Finish("of-bob", 1, end).ok());
  SubmitFor("ada", "of-ada");
  EXPECT_EQ(pool.Get("of-ada").status, HandoffStatus::kRunning);
  SubmitFor("bob", "again");
  for (const char* id : {"of-bob", "again"}) {
    EXPECT_EQ(pool.Get(id).status, HandoffStatus::kQueued) << id;
    EXPECT_THAT(pool.Explain(id).summary, HasSubstr("on hold for the account team of cursor"));
  }
  const auto held = [&](const std::string& worker) {
    return pool.Do(ListWorkers{worker})->workers.at(0).holds.size();
  };
  EXPECT_EQ(held("a"), 1u);
  EXPECT_EQ(held("b"), 0u);
  pool.Restart();
  Call();
  EXPECT_EQ(pool.Get("again").status, HandoffStatus::kQueued);
  pool.Pass(absl::Hours(2));
  Call();
  EXPECT_TRUE(pool.state.holds().empty());
  const std::vector<std::string> kinds = pool.EventKinds();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "hold_cleared"), 1);
  EXPECT_EQ(pool.Get("again").status, HandoffStatus::kRunning);
}

TEST_F(PrivateAccountsTest, WhatThePoolKnowsHoldsThemToo) {
  Call();
  SetOwner(a, "bob");
  SetOwner(b, "root", true);
  SubmitFor("ada", "of-ada");
  ASSERT_EQ(pool.Latest("of-ada").worker_name, "b");
  ASSERT_TRUE(b.Finish("of-ada", 1, Failure(FailureClass::kQuota)).ok());
  SubmitFor("bob", "of-bob");
  EXPECT_EQ(pool.Get("of-bob").status, HandoffStatus::kQueued);
}

TEST_F(PrivateAccountsTest, ALimitThatIsSetThereCountsForItsOwnersHandoffsAlone) {
  Limit(a, 1);
  Call();
  SetOwner(a, "bob");
  for (const char* id : {"ada-1", "ada-2"}) SubmitFor("ada", id);
  EXPECT_EQ(pool.state.live(), 2u);
  for (const char* id : {"bob-1", "bob-2"}) SubmitFor("bob", id);
  EXPECT_EQ(pool.state.live(), 2u) << "two of the account run, and bob asked for one";
}

TEST_F(PrivateAccountsTest, WhatRunsThereTakesNobodyElsesPlace) {
  Limit(b, 1);
  Call();
  SubmitFor("bob", "of-bob");  // taken by a, which becomes private while it runs
  ASSERT_EQ(pool.Latest("of-bob").worker_name, "a");
  SubmitFor("ada", "of-ada");
  ASSERT_EQ(pool.Get("of-ada").status, HandoffStatus::kQueued);
  SetOwner(a, "bob");
  pool.state.CheckInvariants();
  Call();
  EXPECT_EQ(pool.Latest("of-ada").worker_name, "b");
  pool.Pass(kUnreachableAfter);
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "bob", pool.SignIn("bob")}).ok());
  pool.state.CheckInvariants();
}

}  // namespace
}  // namespace handoff::core
