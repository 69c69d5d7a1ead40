// Who gets what, in which order, and the reason when nobody does.
#include "coordinator/core/placement.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Placement, HighestPriorityFirstThenOldest) {
  Pool pool;
  pool.Submit("old");
  pool.Submit("new");
  pool.Submit("urgent", [](Handoff& h) { h.priority = 5; });
  pool.Submit("other-queue", [](Handoff& h) { h.repo_key = "repo2"; });
  FakeWorker a(pool, "a", 1);
  std::vector<std::string> order;
  for (int i = 0; i < 4; ++i) {
    a.Call();
    a.Call();
    order.push_back(a.runs.at(0).handoff_id);
    ASSERT_TRUE(a.Finish(order.back(), 1, Success()).ok());
  }
  EXPECT_THAT(order, ::testing::ElementsAre("urgent", "old", "new", "other-queue"));
}

TEST(Placement, AHeadThatNobodyCanTakeDoesNotBlockOthers) {
  Pool pool;
  FakeWorker a(pool, "a", 1);
  a.Call();
  pool.Submit("needs-gpu", [](Handoff& h) {
    h.priority = 9;
    h.require["gpu"] = "yes";
  });
  pool.Submit("plain");
  EXPECT_EQ(pool.Get("needs-gpu").status, HandoffStatus::kQueued);
  EXPECT_EQ(pool.Get("plain").status, HandoffStatus::kRunning);
}

TEST(Placement, NeverMoreThanTheSlots) {
  Pool pool;
  FakeWorker a(pool, "a", 2), b(pool, "b", 1);
  a.Call();
  b.Call();
  for (int i = 0; i < 6; ++i) pool.Submit("h" + std::to_string(i));
  EXPECT_EQ(pool.state.AttemptsOf(a.self.uuid).size(), 2u);
  EXPECT_EQ(pool.state.AttemptsOf(b.self.uuid).size(), 1u);
  EXPECT_EQ(pool.state.queued(), 3u);
}

TEST(Placement, TheLeastLoadedBySlotsThenByName) {
  Pool pool;
  FakeWorker big(pool, "big", 4), small(pool, "small", 2);
  big.Call();
  small.Call();
  std::string order;
  for (int i = 0; i < 6; ++i) {
    const std::string id = pool.Submit("h" + std::to_string(i));
    order += pool.Latest(id).worker_name[0];
  }
  EXPECT_EQ(order, "bsbbsb");
}

TEST(Placement, PreferredBeforeWarmBeforeLeastLoaded) {
  Pool pool;
  FakeWorker cold(pool, "cold"), preferred(pool, "preferred"), warm(pool, "warm");
  warm.self.repo_keys = {"repo"};
  for (FakeWorker* worker : {&cold, &preferred, &warm}) worker->Call();
  pool.Submit("h1", [](Handoff& h) { h.prefer_worker = "preferred"; });
  pool.Submit("h2");
  pool.Submit("h3", [](Handoff& h) { h.repo_key = "unknown"; });
  EXPECT_EQ(pool.Latest("h1").worker_name, "preferred");
  EXPECT_EQ(pool.Latest("h2").worker_name, "warm");
  EXPECT_EQ(pool.Latest("h3").worker_name, "cold");
}

TEST(Placement, AnExclusiveHandoffIsAloneAndIsNotStarved) {
  Pool pool;
  FakeWorker a(pool, "a", 2);
  a.Call();
  pool.Submit("small1");
  a.Call();
  pool.Submit("alone", [](Handoff& h) { h.exclusive = true; });
  EXPECT_EQ(pool.Get("alone").status, HandoffStatus::kQueued);
  pool.Submit("small2");
  EXPECT_EQ(pool.Get("small2").status, HandoffStatus::kQueued) << "the slot is kept";
  ASSERT_TRUE(a.Finish("small1", 1, Success()).ok());
  EXPECT_EQ(pool.Get("alone").status, HandoffStatus::kRunning);
  EXPECT_EQ(pool.Get("small2").status, HandoffStatus::kQueued);
  EXPECT_THAT(pool.Explain("small2").details, Contains(HasSubstr("asked to be alone")));
}

class AffinityTest : public ::testing::Test {
 protected:
  AffinityTest() : a(pool, "a", 1), b(pool, "b", 1) {
    a.Call();
    pool.Submit("h");
    a.Call();
    EXPECT_TRUE(a.Finish("h", 1, Success()).ok());
    pool.Submit("busy");
    a.Call();
    a.Call();
    b.Call();
    EXPECT_EQ(pool.Latest("busy").worker_name, "a");
    EXPECT_TRUE(pool.Do(Again("h")).ok());
  }
  void Beat(absl::Duration d) {
    for (; d > absl::ZeroDuration(); d -= absl::Seconds(10)) {
      pool.Pass(std::min(d, absl::Seconds(10)));
      a.Call();
      b.Call();
    }
  }
  Pool pool;
  FakeWorker a, b;
};

TEST_F(AffinityTest, WaitsForABusyHostButNoLongerThanAMinute) {
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  EXPECT_THAT(pool.Explain("h").summary,
              HasSubstr("waits for a, which is busy and has its session"));
  Beat(absl::Seconds(50));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  pool.Pass(absl::Seconds(10));  // exactly then, without any command
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(AffinityTest, TakesTheHostWhenItIsFreeInTime) {
  Beat(absl::Seconds(30));
  ASSERT_TRUE(a.Finish("busy", 1, Success()).ok());
  EXPECT_EQ(pool.Latest("h").worker_name, "a");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kSame);
}

TEST_F(AffinityTest, DoesNotWaitForAHostThatWentSilent) {
  pool.Pass(absl::Seconds(20));
  b.Call();
  pool.Pass(absl::Seconds(10));
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
}

TEST_F(AffinityTest, DoesNotWaitForADrainingHost) {
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "", pool.SignIn("ada")}).ok());
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
}

TEST(Placement, ASilentWorkerGetsNothingNew) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Pass(kUnreachableAfter);
  pool.Submit("h");
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  a.Call();
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
}

// One worker that cannot take it for one reason; the reason is what `why` says.
struct ObstacleCase {
  const char* name;
  void (*arrange)(Pool&, FakeWorker&, Handoff&);
  Obstacle obstacle;
  const char* summary;
};
class ObstacleTest : public ::testing::TestWithParam<ObstacleCase> {};

TEST_P(ObstacleTest, IsTheReasonThatAPersonReads) {
  Pool pool;
  FakeWorker a(pool, "a", 1);
  Handoff wanted = Pool::Wanted();
  a.self.labels = {{"os", "linux"}};
  a.Call();
  GetParam().arrange(pool, a, wanted);
  Submit command;
  command.wished_id = "h";
  command.handoff = wanted;
  ASSERT_TRUE(pool.Do(command).ok());
  ASSERT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  const Seat seat = SeatOf(pool.state, *pool.state.FindWorkerByName("a"));
  EXPECT_EQ(ObstacleFor(pool.state, pool.Get("h"), seat, pool.now), GetParam().obstacle);
  const Why::Reply why = pool.Explain("h");
  EXPECT_THAT(why.summary, HasSubstr(GetParam().summary));
  // What the summary says is not said again.
  EXPECT_EQ(why.details.empty(), absl::StartsWith(why.summary, "No worker can") ||
                                     GetParam().obstacle == Obstacle::kOtherWorker);
  EXPECT_THAT(why.commands, Contains("handoff cancel h"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ObstacleTest,
    ::testing::Values(
        ObstacleCase{"OtherWorker", [](Pool&, FakeWorker&, Handoff& h) { h.on_worker = "z"; },
                     Obstacle::kOtherWorker, "asks for worker z, and no worker of this pool"},
        ObstacleCase{"Label", [](Pool&, FakeWorker&, Handoff& h) { h.require["os"] = "mac"; },
                     Obstacle::kLabel, "the requirement os=mac (it has os=linux)"},
        ObstacleCase{"Unreachable",
                     [](Pool& p, FakeWorker&, Handoff&) { p.Pass(absl::Minutes(1)); },
                     Obstacle::kUnreachable, "a is unreachable, silent since"},
        ObstacleCase{
            "Draining",
            [](Pool& p, FakeWorker&, Handoff&) {
              EXPECT_TRUE(p.Do(Drain{"a", "new disk", false, "ada", p.SignIn("ada")}).ok());
            },
            Obstacle::kDraining, "a is draining: new disk."},
        ObstacleCase{"AgentUnknown", [](Pool&, FakeWorker&, Handoff& h) { h.agent = "command"; },
                     Obstacle::kAgent, "does not offer the agent command"},
        ObstacleCase{"AgentMissing",
                     [](Pool&, FakeWorker& a, Handoff&) {
                       a.self.agents[0].state = AgentState::kMissing;
                       a.self.agents[0].message = "no cursor-agent in PATH";
                       a.Call();
                     },
                     Obstacle::kAgent, "does not have the agent cursor: no cursor-agent in PATH."},
        ObstacleCase{"AgentNotLoggedIn",
                     [](Pool&, FakeWorker& a, Handoff&) {
                       a.self.agents[0].state = AgentState::kNeedsSetup;
                       a.self.agents[0].message = "not logged in; run `cursor-agent login` there";
                       a.Call();
                     },
                     Obstacle::kAgent, "run `cursor-agent login` there."},
        ObstacleCase{"RepositoryUnreachable",
                     [](Pool& p, FakeWorker& a, Handoff&) {
                       p.Submit("first");
                       a.Call();
                       EXPECT_TRUE(a.Finish("first", 1,
                                            HostFault(FailureClass::kCheckoutFailed, "repo:repo",
                                                      "failed to resolve address for x.invalid"))
                                       .ok());
                     },
                     Obstacle::kHold, "failed to resolve address for x.invalid. Next probe"},
        ObstacleCase{"DiskLow",
                     [](Pool&, FakeWorker& a, Handoff&) {
                       a.self.not_accepting = "2 GB of disk are free, 5 GB are the reserve";
                       a.Call();
                     },
                     Obstacle::kNotAccepting, "takes nothing now: 2 GB of disk are free"},
        ObstacleCase{"NoSlot", [](Pool& p, FakeWorker&, Handoff&) { p.Submit("first"); },
                     Obstacle::kNoSlot, "No slot is free for h: the worker that could take it is"},
        ObstacleCase{"Alone",
                     [](Pool& p, FakeWorker& a, Handoff& h) {
                       a.self.slots = 2;
                       a.Call();
                       p.Submit("first");
                       h.exclusive = true;
                     },
                     Obstacle::kAlone, "No slot is free for h"}),
    [](const auto& test) { return test.param.name; });

TEST(Why, SaysThatThereIsNoWorkerAndHowToStartOne) {
  Pool pool;
  pool.Submit("h");
  const Why::Reply why = pool.Explain("h");
  EXPECT_THAT(why.summary, HasSubstr("No worker is registered"));
  EXPECT_THAT(why.commands, Contains(StartsWith("handoff-worker ")));
}

TEST(Why, SaysUntilWhenItBacksOffAndWhatFailed) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kNetwork, "connection reset")).ok());
  const Why::Reply why = pool.Explain("h");
  EXPECT_THAT(why.summary, HasSubstr("is backing off until"));
  EXPECT_THAT(why.summary, HasSubstr("connection reset"));
  EXPECT_THAT(why.details, Contains("Attempt 1 on a: failed (network): connection reset."));
}

TEST(Why, CountsWhatKeepsDifferentWorkers) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "b"), c(pool, "c");
  a.self.agents.clear();
  b.self.not_accepting = "disk low";
  for (FakeWorker* worker : {&a, &b, &c}) worker->Call();
  ASSERT_TRUE(pool.Do(Drain{"c", "", false, "", pool.SignIn("ada")}).ok());
  pool.Submit("h");
  const Why::Reply why = pool.Explain("h");
  EXPECT_THAT(why.summary,
              HasSubstr("1 draining, 1 not accepting work, 1 without the agent ready"));
  EXPECT_THAT(why.commands, Contains("handoff worker undrain c"));
}

TEST(Why, OneReasonOfAllIsSaidOnce) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "b");
  for (FakeWorker* worker : {&a, &b}) {
    worker->self.agents.clear();
    worker->Call();
  }
  pool.Submit("h");
  Why::Reply why = pool.Explain("h");
  EXPECT_EQ(why.summary,
            "No worker can take h now; both for one reason: a does not offer the agent cursor.");
  EXPECT_THAT(why.details, IsEmpty());
  FakeWorker c(pool, "c");
  c.self.agents.clear();
  c.Call();
  EXPECT_EQ(pool.Explain("h").summary,
            "No worker can take h now; all 3 for one reason: a does not offer the agent cursor.");
}

TEST(Why, WorkersWithOneAnswerShareALine) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "b"), c(pool, "c");
  b.self.not_accepting = "disk low";
  for (FakeWorker* worker : {&a, &c}) worker->self.agents.clear();
  for (FakeWorker* worker : {&a, &b, &c}) worker->Call();
  pool.Submit("h");
  const Why::Reply why = pool.Explain("h");
  EXPECT_EQ(why.summary,
            "No worker can take h now: 1 not accepting work, 2 without the agent ready.");
  EXPECT_THAT(why.details, ElementsAre("a, c: does not offer the agent cursor.",
                                       "b: takes nothing now: disk low."));
}

TEST(Why, OtherWorkersThanTheOneAskedForAreNoNews) {
  Pool pool;
  FakeWorker a(pool, "a"), b(pool, "b"), c(pool, "c");
  b.self.not_accepting = "disk low";
  for (FakeWorker* worker : {&a, &b, &c}) worker->Call();
  pool.Submit("h", [](Handoff& h) { h.on_worker = "b"; });
  Why::Reply why = pool.Explain("h");
  EXPECT_EQ(why.summary, "No worker can take h now: b takes nothing now: disk low.");
  EXPECT_THAT(why.details, IsEmpty());
  pool.Submit("z", [](Handoff& h) { h.on_worker = "z"; });
  why = pool.Explain("z");
  EXPECT_EQ(why.summary, "z asks for worker z, and no worker of this pool has that name.");
  EXPECT_THAT(why.details, IsEmpty());
  EXPECT_THAT(why.commands, Contains("handoff worker list"));
}

TEST(Why, NamesWhatAWorkerIsKeptFromInPlainWords) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  ASSERT_TRUE(
      a.Finish("h", 1, HostFault(FailureClass::kAgentNeedsSetup, "agent:cursor", "not logged in"))
          .ok());
  const Why::Reply why = pool.Explain("h");
  EXPECT_THAT(why.summary, HasSubstr("a is on hold for the agent cursor since "));
  EXPECT_THAT(why.commands, Contains("handoff worker show a"));
}

TEST(Why, SaysItsPlaceInTheQueueOfItsOwner) {
  Pool pool;
  FakeWorker a(pool, "a", 1);
  a.Call();
  for (const char* id : {"h1", "h2", "h3"}) pool.Submit(id);
  EXPECT_THAT(pool.Explain("h2").summary, HasSubstr("It is 1st of 2 in the queue of ada."));
  EXPECT_THAT(pool.Explain("h3").summary, HasSubstr("It is 2nd of 2 in the queue of ada."));
}

TEST(Why, FollowsALiveAttempt) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  EXPECT_THAT(pool.Explain("h").summary, HasSubstr("has not taken it up yet"));
  a.Call();
  a.Call();
  EXPECT_EQ(pool.Explain("h").summary, "h runs on a (attempt 1).");
  a.runs[0].stalled = true;
  a.Call();
  EXPECT_THAT(pool.Explain("h").summary, HasSubstr("silent for longer"));
  EXPECT_THAT(pool.Explain("h").commands, Not(Contains("handoff resume h --now")));
  pool.Pass(absl::Minutes(1));
  EXPECT_THAT(pool.Explain("h").details,
              Contains(HasSubstr("a is unreachable; attempt 1 is given")));
  EXPECT_THAT(pool.Explain("h").commands, Contains("handoff resume h --now"));
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  EXPECT_EQ(pool.Explain("h").summary, "Being stopped on a. Cancelled by ada.");
}

TEST(Why, SaysWhyAFailureIsNotRetried) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kAgentError, "It gave up")).ok());
  const Why::Reply why = pool.Explain("h");
  EXPECT_EQ(why.summary, "h failed (agent_error): It gave up.");
  EXPECT_THAT(why.details,
              Contains("It is not retried by itself: another try would most likely end "
                       "the same way (agent_error). See to the cause, then resume it."));
  EXPECT_THAT(why.commands, Contains("handoff resume h"));
}

}  // namespace
}  // namespace handoff::core
