// What people want to see no more, or want gone.
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
using ::testing::SizeIs;

class DeleteTest : public ::testing::Test {
 protected:
  DeleteTest() : a(pool, "a") { a.Call(); }

  // Ended, on the worker, which has its workspace.
  void End(const std::string& id) {
    pool.Submit(id);
    a.Call();
    ASSERT_TRUE(a.Finish(id, 1, Success()).ok());
  }
  absl::Status Do(const std::string& id, bool purge = false) {
    return pool.Do(Delete{id, purge, "ada"}).status();
  }
  // The worker's next request, as of one that took the answer to the last one.
  Sync::Reply CallAsHeard() {
    core::Sync request = a.Request();
    request.seen_revision = ++heard;
    request.answers_given = heard;
    const auto done = pool.Do(request);
    EXPECT_TRUE(done.ok()) << done.status();
    Sync::Reply reply = Answer(pool.state, request, pool.now);
    pool.Install(RenewLeases(pool.state, reply, pool.now));
    return reply;
  }

  Pool pool;
  FakeWorker a;
  uint64_t heard = 0;  // answers of this term
};

TEST_F(DeleteTest, OnlyWhatHasEnded) {
  pool.Submit("queued", [](Handoff& h) { h.require["gpu"] = "yes"; });
  pool.Submit("runs");
  pool.Submit("asks");
  a.Call();
  AttemptEnd end = Success();
  end.question = "Which one?";
  ASSERT_TRUE(a.Finish("asks", 1, end).ok());
  ASSERT_EQ(pool.Get("asks").status, HandoffStatus::kWaiting);
  for (const char* id : {"queued", "runs", "asks"}) {
    for (const bool purge : {false, true}) {
      pool.durable = false;
      const absl::Status refused = Do(id, purge);
      EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << id;
      EXPECT_THAT(std::string(refused.message()), HasSubstr("Nothing was deleted")) << id;
      EXPECT_THAT(std::string(refused.message()), HasSubstr("`handoff cancel")) << id;
      EXPECT_FALSE(pool.durable);
    }
  }
  EXPECT_EQ(Do("nobody").code(), absl::StatusCode::kNotFound);
}

TEST_F(DeleteTest, HidesAndTellsOnce) {
  End("h");
  ASSERT_TRUE(Do("h").ok());
  EXPECT_TRUE(pool.Get("h").deleted);
  EXPECT_THAT(pool.EventKinds(), Contains("deleted"));
  ASSERT_TRUE(Do("h").ok());
  EXPECT_FALSE(pool.durable);
}

TEST_F(DeleteTest, WhoResumesItOrSendsToItBringsItBack) {
  End("h");
  ASSERT_TRUE(Do("h").ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_FALSE(pool.Get("h").deleted);
  a.Call();
  ASSERT_TRUE(a.Finish("h", 2, Success()).ok());
  ASSERT_TRUE(Do("h").ok());
  Send send;
  send.id = "h";
  send.text = "more";
  ASSERT_TRUE(pool.Do(send).ok());
  EXPECT_FALSE(pool.Get("h").deleted);
}

TEST_F(DeleteTest, ALateReportLeavesItDeleted) {
  pool.Submit("h");
  a.Call();
  pool.Pass(absl::Minutes(40));
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  ASSERT_TRUE(Do("h").ok());
  const auto late = a.Finish("h", 1, Success());
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_FALSE(late->current);
  EXPECT_TRUE(pool.Get("h").deleted);
}

TEST_F(DeleteTest, APurgedOneIsGoneAndWhoHadItIsTold) {
  End("h");
  ASSERT_TRUE(Do("h", /*purge=*/true).ok());
  EXPECT_TRUE(pool.durable);
  EXPECT_EQ(pool.state.FindHandoff("h"), nullptr);
  EXPECT_TRUE(pool.state.purged().Has("h"));
  EXPECT_THAT(pool.EventKinds(), Contains("purged"));
  EXPECT_EQ(Do("h", /*purge=*/true).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(pool.Do(Again("h")).status().code(), absl::StatusCode::kNotFound);

  const Sync::Reply told = CallAsHeard();
  EXPECT_THAT(told.purge, ElementsAre("h"));
  EXPECT_TRUE(told.urgent);
  const Sync::Reply again = CallAsHeard();
  EXPECT_THAT(again.purge, ElementsAre("h")) << "its workspace is still there";
  EXPECT_FALSE(again.urgent) << "it knows, and must not be called in a circle";
  EXPECT_TRUE(pool.state.purged().Has("h"));
  a.self.workspaces.clear();
  EXPECT_THAT(CallAsHeard().purge, IsEmpty());
  EXPECT_TRUE(pool.durable);
  pool.state.EvictAtRest();
  EXPECT_FALSE(pool.state.purged().Has("h"));
}

TEST_F(DeleteTest, AWorkerThatDidNotHearIsNotBelieved) {
  End("h");
  ASSERT_TRUE(Do("h", /*purge=*/true).ok());
  a.self.workspaces.clear();  // it lists none of handoffs without a repository
  core::Sync request = a.Request();
  request.answers_given = 7;
  request.seen_revision = 7;
  ASSERT_TRUE(pool.Do(request).ok());
  Sync::Reply reply = Answer(pool.state, request, pool.now);
  EXPECT_THAT(reply.purge, ElementsAre("h"));
  pool.Install(RenewLeases(pool.state, reply, pool.now));
  // That answer, the eighth, was lost.
  request = a.Request();
  request.answers_given = 8;
  request.seen_revision = 7;
  ASSERT_TRUE(pool.Do(request).ok());
  EXPECT_THAT(Answer(pool.state, request, pool.now).purge, ElementsAre("h"));
  request = a.Request();
  request.answers_given = 9;
  request.seen_revision = 9;
  ASSERT_TRUE(pool.Do(request).ok());
  EXPECT_THAT(Answer(pool.state, request, pool.now).purge, IsEmpty());
}

TEST_F(DeleteTest, WhatStillRunsOfItThereIsStoppedAndItsReportForgotten) {
  pool.Submit("h", [](Handoff& h) { h.retries = 0; });
  a.Call();
  const std::vector<ReportedAttempt> runs = a.runs;
  pool.Pass(absl::Minutes(40));  // lost, and nobody knows that it runs on
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok() || IsEnded(pool.Get("h").status));
  ASSERT_TRUE(Do("h", /*purge=*/true).ok());
  a.runs = runs;
  Sync::Reply reply = a.Call();
  ASSERT_THAT(reply.attempts, SizeIs(1));
  EXPECT_TRUE(reply.attempts[0].stop);
  EXPECT_EQ(reply.attempts[0].stop_as, EndedBy::kSuperseded);
  EXPECT_THAT(reply.purge, ElementsAre("h"));
  a.runs[0].reporting = true;
  EXPECT_THAT(a.Call().forget, ElementsAre(std::make_pair("h", 1)));
  const Report report{{"", a.self.uuid, 0, 0}, "h", 1, runs[0].epoch, Success()};
  EXPECT_EQ(pool.Do(report).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DeleteTest, ARemovedWorkerIsWaitedForNoLonger) {
  End("h");
  ASSERT_TRUE(Do("h", /*purge=*/true).ok());
  pool.Pass(absl::Minutes(5));
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "ada", pool.SignIn("ada")}).ok());
  pool.state.EvictAtRest();
  EXPECT_FALSE(pool.state.purged().Has("h"));
}

TEST_F(DeleteTest, RetentionTakesOnlyWhatEndedLongEnoughAgo) {
  End("h");
  Delete old{"h", /*purge=*/true, "retention", pool.now};
  EXPECT_EQ(pool.Do(old).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(pool.EventKinds(), Not(Contains("purged")));
  old.ended_before = pool.now + absl::Seconds(1);
  EXPECT_TRUE(pool.Do(old).ok());
}

}  // namespace
}  // namespace handoff::core
