// Whose handoff is placed next, and whose work a worker takes.
#include "coordinator/core/turns.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class TurnsTest : public ::testing::Test {
 protected:
  template <typename Change>
  void Submit(const std::string& owner, int count, Change change) {
    for (int i = 1; i <= count; ++i) {
      pool.Submit(absl::StrCat(owner, "-", ++submitted_[owner]), [&](Handoff& handoff) {
        handoff.owner = owner;
        change(handoff, i);
      });
    }
  }
  void Submit(const std::string& owner, int count) {
    Submit(owner, count, [](Handoff&, int) {});
  }
  // The owners of `count` attempts that run one after the other on the worker's slot.
  std::string OneByOne(FakeWorker& worker, int count) {
    std::string order;
    for (int i = 0; i < count; ++i) {
      worker.Call();
      worker.Call();
      const std::string id = worker.runs.at(0).handoff_id;
      order += id[0];
      EXPECT_TRUE(worker.Finish(id, 1, Success()).ok());
    }
    return order;
  }
  // As the token said with which it joined: a daemon does not say itself whose work it takes.
  void Takes(const FakeWorker& worker, const std::string& owner, bool shared,
             const std::vector<std::string>& repos) {
    Worker known = *pool.state.FindWorker(worker.self.uuid);
    known.owner = owner;
    known.shared = shared;
    known.repos = repos;
    pool.Install(Edit{{PutWorker{std::move(known)}}});
  }
  size_t Running(const std::string& owner) { return pool.state.owners().Of(owner).running; }

  Pool pool;
  std::map<std::string, int> submitted_;
};

TEST_F(TurnsTest, SlotsAreSharedEvenlyHoweverManyEachHasInTheQueue) {
  Submit("ada", 50);
  Submit("bob", 4);
  Submit("eve", 4);
  FakeWorker a(pool, "a", 9);
  a.Call();
  EXPECT_EQ(Running("ada"), 3u);
  EXPECT_EQ(Running("bob"), 3u);
  EXPECT_EQ(Running("eve"), 3u);
}

TEST_F(TurnsTest, WhatOthersLeaveIsTaken) {
  Submit("ada", 50);
  Submit("bob", 1);
  FakeWorker a(pool, "a", 9);
  a.Call();
  EXPECT_EQ(Running("ada"), 8u);
  EXPECT_EQ(Running("bob"), 1u);
}

TEST_F(TurnsTest, AFreedSlotGoesToWhoHasTheSmallestShare) {
  Submit("ada", 50);
  FakeWorker a(pool, "a", 4);
  a.Call();
  ASSERT_EQ(Running("ada"), 4u);
  Submit("bob", 50);
  ASSERT_EQ(Running("bob"), 0u) << "nothing is taken from what runs";
  for (int i = 1; i <= 2; ++i) {
    a.Call();
    ASSERT_TRUE(a.Finish(absl::StrCat("ada-", i), 1, Success()).ok());
  }
  EXPECT_EQ(Running("bob"), 2u);
  a.Call();
  ASSERT_TRUE(a.Finish("bob-1", 1, Success()).ok());
  EXPECT_EQ(Running("bob"), 2u);
  EXPECT_EQ(Running("ada"), 2u);
}

TEST_F(TurnsTest, ALargerWeightIsALargerShare) {
  pool.state.quotas.owners["bob"].weight = 3;
  Submit("ada", 20);
  Submit("bob", 20);
  FakeWorker a(pool, "a", 8);
  a.Call();
  EXPECT_EQ(Running("ada"), 2u);
  EXPECT_EQ(Running("bob"), 6u);
}

TEST_F(TurnsTest, WithFewerSlotsThanOwnersTheyTakeTurns) {
  Submit("ada", 10);
  Submit("bob", 10);
  FakeWorker a(pool, "a", 1);
  EXPECT_EQ(OneByOne(a, 4), "abab");
  Submit("cid", 2);
  EXPECT_EQ(OneByOne(a, 5), "acbac");
}

TEST_F(TurnsTest, AmongThoseWhoHadNoTurnYetPriorityAndThenAgeDecide) {
  Submit("ada", 2);
  Submit("bob", 2, [](Handoff& h, int) { h.priority = -1; });
  Submit("cid", 1);
  FakeWorker a(pool, "a", 1);
  EXPECT_EQ(OneByOne(a, 5), "acbab");
}

TEST_F(TurnsTest, APriorityOfOnesOwnOrdersNothingOfOthers) {
  Submit("ada", 3, [](Handoff& h, int i) { h.priority = -10 * i; });
  Submit("bob", 2, [](Handoff& h, int i) { h.priority = i == 2 ? -50 : -100; });
  FakeWorker a(pool, "a", 4);
  a.Call();
  EXPECT_EQ(Running("ada"), 2u);
  EXPECT_EQ(Running("bob"), 2u);
  EXPECT_EQ(pool.Get("ada-3").status, HandoffStatus::kQueued);
}

TEST_F(TurnsTest, APriorityAboveZeroGoesBeforeShares) {
  Submit("ada", 4);
  Submit("bob", 4);
  Submit("ops", 3, [](Handoff& h, int) { h.priority = 1; });
  FakeWorker a(pool, "a", 4);
  a.Call();
  EXPECT_EQ(Running("ops"), 3u);
  EXPECT_EQ(Running("ada"), 1u);
  EXPECT_EQ(Running("bob"), 0u);
}

// What counts is how much is looked at. The queue of the other grows and the answer does not.
TEST_F(TurnsTest, AHundredThousandOfOneOwnerAreNotInTheWayOfAnother) {
  FakeWorker a(pool, "a", 1);
  a.Call();
  Edit flood;
  for (int i = 0; i < 100'000; ++i) {
    Handoff handoff = Pool::Wanted();
    handoff.id = absl::StrCat("flood-", i);
    handoff.seq = pool.state.next_seq + static_cast<uint64_t>(i);
    handoff.reason = "Waits for a worker.";
    handoff.attempts.resize(1);
    handoff.attempts[0].number = 1;
    flood.changes.push_back(PutHandoff{std::move(handoff)});
  }
  State state = pool.state;
  state.Apply(flood);
  Handoff next = Pool::Wanted();
  next.owner = "bob";
  next.id = "bob-1";
  next.seq = state.next_seq;
  next.reason = "Waits for a worker.";
  next.attempts.resize(1);
  next.attempts[0].number = 1;
  // Ada's share is the larger one: one of theirs runs.
  const auto first = Decide(state, Tick{}, pool.now);
  state.Apply(first->edit);
  EXPECT_EQ(first->reply.tried, 1u);
  ASSERT_EQ(state.owners().Of("ada").running, 1u);
  Edit more{{PutHandoff{next}}};
  Worker wider = *state.FindWorkerByName("a");
  wider.slots = 2;
  more.changes.push_back(PutWorker{wider});
  state.Apply(more);
  const auto second = Decide(state, Tick{}, pool.now);
  EXPECT_EQ(second->reply.tried, 1u);
  state.Apply(second->edit);
  EXPECT_EQ(state.FindHandoff("bob-1")->status, HandoffStatus::kRunning);
  EXPECT_EQ(state.owners().Of("ada").running, 1u);
}

TEST_F(TurnsTest, WhatNobodyCanTakeOfOneOwnerIsTriedOnceForAllThatAskTheSame) {
  FakeWorker a(pool, "a", 2);
  a.Call();
  Submit("ada", 30, [](Handoff& h, int) { h.require["gpu"] = "yes"; });
  EXPECT_EQ(pool.tried, 1u);
  Submit("ada", 10, [](Handoff& h, int i) { h.require["gpu"] = absl::StrCat("model-", i); });
  EXPECT_EQ(pool.tried, 11u) << "one for each thing that is asked";
  Submit("bob", 1);
  EXPECT_EQ(Running("bob"), 1u);
}

// ---- The running cap ----

TEST_F(TurnsTest, NoMoreRunOfAnOwnerThanTheirCap) {
  pool.state.quotas.owners["ada"].running = 2;
  FakeWorker a(pool, "a", 6);
  a.Call();
  Submit("ada", 5);
  Submit("bob", 2);
  EXPECT_EQ(Running("ada"), 2u);
  EXPECT_EQ(Running("bob"), 2u);
  EXPECT_EQ(pool.Explain("ada-4").summary,
            "The running cap of ada, 2, is reached, so ada-4 waits until one of theirs has ended. "
            "It is 2nd of 3 in the queue of ada. Their share of the slots is 1/2 (2 of the 4 that "
            "run).");
  a.Call();
  ASSERT_TRUE(a.Finish("ada-1", 1, Success()).ok());
  EXPECT_EQ(Running("ada"), 2u);
  EXPECT_EQ(pool.Get("ada-3").status, HandoffStatus::kRunning);
}

TEST_F(TurnsTest, TheCapHoldsForWhatIsUrgentAndAfterARestart) {
  pool.state.quotas.common.running = 1;
  FakeWorker a(pool, "a", 6);
  a.Call();
  Submit("ada", 2);
  Submit("ada", 1, [](Handoff& h, int) { h.priority = 100; });
  EXPECT_EQ(Running("ada"), 1u);
  pool.Restart();
  a.Call();
  EXPECT_EQ(Running("ada"), 1u);
}

TEST_F(TurnsTest, WhatATickTakesBackLeavesRoomUnderTheCapAtOnce) {
  pool.state.quotas.common.running = 1;
  FakeWorker a(pool, "a", 1), b(pool, "b", 1);
  a.Call();
  Submit("ada", 2);
  a.Call();
  pool.Pass(absl::Minutes(31) - absl::Seconds(1));
  b.Call();
  ASSERT_EQ(pool.Get("ada-2").status, HandoffStatus::kQueued);
  pool.Pass(absl::Seconds(1));  // a was silent all the time
  ASSERT_EQ(pool.Get("ada-1").attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(Running("ada"), 1u);
}

// ---- What a person reads ----

TEST_F(TurnsTest, WhySaysThePlaceInTheQueueAndTheShare) {
  FakeWorker a(pool, "a", 5);
  a.Call();
  Submit("ada", 4);
  Submit("bob", 3);
  Submit("ada", 2);
  ASSERT_EQ(Running("ada"), 4u);
  ASSERT_EQ(Running("bob"), 1u);
  EXPECT_THAT(pool.Explain("ada-6").summary,
              EndsWith("It is 2nd of 2 in the queue of ada. Their share of the slots is 1/2 (4 of "
                       "the 5 that run)."));
  pool.state.quotas.owners["ada"].weight = 4;
  pool.state.quotas.owners["bob"].weight = 2;
  EXPECT_THAT(pool.Explain("bob-3").summary,
              HasSubstr("Their share of the slots is 1/3 (1 of the 5 that run)."));
  EXPECT_THAT(pool.Explain("bob-3").summary, Not(HasSubstr("first")));
  Submit("ops", 1, [](Handoff& h, int) { h.priority = 7; });
  EXPECT_THAT(pool.Explain("bob-3").summary,
              EndsWith("1 handoff of others with a higher priority goes first."));
  EXPECT_THAT(pool.Explain("ops-1").summary, Not(HasSubstr("first.")));
}

// ---- Whose work a worker takes ----

TEST_F(TurnsTest, APrivateWorkerTakesTheWorkOfItsOwnerAlone) {
  FakeWorker a(pool, "a", 5);
  a.Call();
  Takes(a, "ada", false, {});
  Submit("bob", 1);
  Submit("ada", 1);
  EXPECT_EQ(Running("bob"), 0u);
  EXPECT_EQ(Running("ada"), 1u);
  EXPECT_EQ(pool.Explain("bob-1").summary, "No worker can take bob-1 now: a is private to ada.");
  Takes(a, "ada", true, {});
  a.Call();
  EXPECT_EQ(Running("bob"), 1u);
}

TEST_F(TurnsTest, AWorkerMayTakeOnlyCertainRepositories) {
  FakeWorker a(pool, "a", 5);
  a.Call();
  Takes(a, "", false, {"example.org/team/*", "**/docs"});
  const auto in = [](const std::string& key) {
    return [key](Handoff& h, int) { h.repo_key = h.repo_url = key; };
  };
  Submit("ada", 1, in("https://example.org/team/app.git"));
  Submit("bob", 1, in("https://example.org/other/app.git"));
  Submit("cid", 1, in("https://example.org/other/docs.git"));
  Submit("dan", 1, in(""));
  EXPECT_EQ(Running("ada"), 1u);
  EXPECT_EQ(Running("cid"), 1u);
  EXPECT_EQ(pool.Explain("bob-1").summary,
            "No worker can take bob-1 now: a takes only repositories like "
            "example.org/team/*, **/docs, not https://example.org/other/app.git.");
  EXPECT_THAT(pool.Explain("dan-1").summary, EndsWith("**/docs, and the handoff has none."));
}

TEST_F(TurnsTest, WhatKeepsSeveralWorkersIsCounted) {
  FakeWorker a(pool, "a"), b(pool, "b");
  a.Call();
  b.Call();
  Takes(a, "ada", false, {});
  Takes(b, "", false, {"x"});
  Submit("bob", 1);
  const Why::Reply why = pool.Explain("bob-1");
  EXPECT_THAT(why.summary, HasSubstr("1 for other repositories, 1 private to somebody else."));
  EXPECT_THAT(why.details, AllOf(Contains("a: is private to ada."),
                                 Contains("b: takes only repositories like x, not repo.")));
}

TEST_F(TurnsTest, AWorkerIsListedWithWhoHasItsSlots) {
  FakeWorker a(pool, "a", 3);
  a.Call();
  Submit("ada", 1);
  Submit("bob", 1, [](Handoff& h, int) { h.exclusive = false; });
  const auto list = pool.Do(ListWorkers{});
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(list->workers.at(0).attempts,
              ElementsAre(ListWorkers::Slot{"ada-1", 1, "ada", false, "cursor", "team"},
                          ListWorkers::Slot{"bob-1", 1, "bob", false, "cursor", "team"}));
}

TEST(Worker, WhoseWorkItTakesIsKept) {
  Worker worker;
  worker.owner = "ada";
  worker.shared = true;
  worker.repos = {"x"};
  worker.slots = 3;
  const Worker durable = DurablePart(worker);
  EXPECT_EQ(durable.owner, "ada");
  EXPECT_TRUE(durable.shared);
  EXPECT_THAT(durable.repos, ElementsAre("x"));
  EXPECT_EQ(durable.slots, 0);
}

}  // namespace
}  // namespace handoff::core
