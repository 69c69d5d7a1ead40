// What one owner may have in the pool, what counts for it, and what they are told when it is more.
#include "coordinator/core/quota.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class QuotaTest : public ::testing::Test {
 protected:
  QuotaTest() : a(pool, "a", 1) {}

  absl::StatusOr<Submit::Reply> Try(const std::string& id, const std::string& owner = "ada",
                                    const std::string& key = "") {
    Submit command;
    command.wished_id = id;
    command.handoff = Pool::Wanted();
    command.handoff.owner = owner;
    command.handoff.idempotency_key = key;
    return pool.Do(command);
  }
  std::string Refusal(const std::string& id, const std::string& owner = "ada") {
    const auto reply = Try(id, owner);
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kResourceExhausted) << reply.status();
    return std::string(reply.status().message());
  }
  void RunToTheEnd(const std::string& id) {
    a.Call();
    ASSERT_EQ(pool.Get(id).status, HandoffStatus::kRunning);
    ASSERT_TRUE(a.Finish(id, pool.Latest(id).number, Success()).ok());
  }
  const OwnerUse& UseOf(const std::string& owner) { return pool.state.owners().Of(owner); }

  Pool pool;
  FakeWorker a;
};

TEST_F(QuotaTest, TheQueueOfOneOwnerIsFullAndThatOfAnotherIsNot) {
  pool.state.quotas.common.queued = 2;
  ASSERT_TRUE(Try("h1").ok());
  ASSERT_TRUE(Try("h2").ok());
  EXPECT_EQ(Refusal("h3"),
            "ada has 2 handoffs in the queue, and their quota is 2. Nothing was submitted: wait "
            "until some have begun, or cancel some (`handoff list --status queued`).");
  EXPECT_EQ(pool.state.FindHandoff("h3"), nullptr);
  EXPECT_TRUE(Try("h4", "bob").ok());
  a.Call();  // takes the first
  EXPECT_TRUE(Try("h3").ok());
}

TEST_F(QuotaTest, AnOwnerMayHaveAQuotaOfTheirOwn) {
  pool.state.quotas.common.queued = 1;
  pool.state.quotas.owners["ci"].queued = 3;
  for (const char* id : {"h1", "h2", "h3"}) EXPECT_TRUE(Try(id, "ci").ok()) << id;
  EXPECT_THAT(Refusal("h4", "ci"), HasSubstr("their quota is 3"));
  EXPECT_TRUE(Try("h5").ok());
  EXPECT_THAT(Refusal("h6"), HasSubstr("their quota is 1"));
}

TEST_F(QuotaTest, ARepeatedSubmitIsNeverRefused) {
  pool.state.quotas.common.queued = 1;
  ASSERT_TRUE(Try("h1", "ada", "key").ok());
  const auto again = Try("h1", "ada", "key");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->existing);
  Refusal("h2");
}

TEST_F(QuotaTest, WhatWaitsForAPersonIsLiveAndInNoQueue) {
  pool.state.quotas.common.live = 1;
  ASSERT_TRUE(Try("h1").ok());
  a.Call();
  AttemptEnd end = Success();
  end.question = "Which?";
  ASSERT_TRUE(a.Finish("h1", 1, end).ok());
  ASSERT_EQ(pool.Get("h1").status, HandoffStatus::kWaiting);
  pool.state.EvictAtRest();
  EXPECT_EQ(UseOf("ada").at_rest, 1u);
  EXPECT_THAT(Refusal("h2"),
              AllOf(HasSubstr("1 handoffs that have not ended, 1 of which wait for a person"),
                    HasSubstr("answer or cancel some")));
}

TEST_F(QuotaTest, WhatIsInThePoolGoesOnWhateverItsOwnerHas) {
  ASSERT_TRUE(Try("h1").ok());
  a.Call();
  AttemptEnd end = Success();
  end.question = "Which?";
  ASSERT_TRUE(a.Finish("h1", 1, end).ok());
  pool.state.quotas.common.live = 1;
  pool.state.quotas.common.queued = 1;
  ASSERT_TRUE(pool.Do(Send{"h1", "This", false, 0, "ada"}).ok());
  EXPECT_EQ(pool.Get("h1").status, HandoffStatus::kRunning);
  a.Call();
  ASSERT_TRUE(a.Finish("h1", 2, Failure(FailureClass::kNetwork)).ok());
  EXPECT_EQ(pool.Get("h1").status, HandoffStatus::kQueued) << "retried";
}

TEST_F(QuotaTest, WhatHadEndedComesBackOnlyWhereThereIsRoom) {
  ASSERT_TRUE(Try("h1").ok());
  RunToTheEnd("h1");
  ASSERT_TRUE(Try("h2").ok());  // runs
  ASSERT_TRUE(Try("h3").ok());
  pool.state.quotas.common.queued = 1;
  const absl::Status resumed = pool.Do(Again("h1")).status();
  EXPECT_EQ(resumed.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(resumed.message()), HasSubstr("Nothing was resumed"));
  const absl::Status sent = pool.Do(Send{"h1", "More", false, 0, "ada"}).status();
  EXPECT_EQ(sent.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(sent.message()), HasSubstr("Nothing was sent"));
  ASSERT_TRUE(pool.Do(Cancel{"h3", "", "ada"}).ok());
  EXPECT_TRUE(pool.Do(Again("h1")).ok());
}

TEST_F(QuotaTest, AnImportIsInNoQueueAndIsLive) {
  pool.state.quotas.common.queued = 1;
  pool.state.quotas.common.live = 2;
  ASSERT_TRUE(Try("h1").ok());
  Submit import;
  import.wished_id = "kept";
  import.handoff = Pool::Wanted();
  import.imported.emplace();
  EXPECT_TRUE(pool.Do(import).ok());
  import.wished_id = "kept-2";
  EXPECT_THAT(std::string(pool.Do(import).status().message()),
              HasSubstr("2 handoffs that have not ended, 1 of which wait for a person"));
}

TEST_F(QuotaTest, TheRateAllowsABurstAndThenSoManyAMinute) {
  pool.state.quotas.common.submit_burst = 3;
  pool.state.quotas.common.submits_per_minute = 60;
  for (const char* id : {"h1", "h2", "h3"}) ASSERT_TRUE(Try(id).ok()) << id;
  EXPECT_EQ(Refusal("h4"),
            "ada has submitted as many as their quota allows: 60 a minute, and 3 at once after a "
            "pause. Nothing was submitted.");
  EXPECT_EQ(RetryAfter(Try("h4").status()), absl::Seconds(1));
  EXPECT_TRUE(Try("b1", "bob").ok());
  pool.now += absl::Milliseconds(400);
  EXPECT_EQ(RetryAfter(Try("h4").status()), absl::Milliseconds(600));
  pool.now += absl::Milliseconds(600);
  EXPECT_TRUE(Try("h4").ok());
  Refusal("h5");
  pool.now += absl::Seconds(2);  // two more, not a burst
  EXPECT_TRUE(Try("h5").ok());
  EXPECT_TRUE(Try("h6").ok());
  Refusal("h7");
  pool.now += absl::Hours(1);  // and no more than a burst, however long the pause was
  for (const char* id : {"h7", "h8", "h9"}) ASSERT_TRUE(Try(id).ok()) << id;
  Refusal("h10");
}

TEST_F(QuotaTest, AResumeOfWhatHadEndedIsOneOfTheRateAndARefusalIsNone) {
  ASSERT_TRUE(Try("h1").ok());
  RunToTheEnd("h1");
  pool.now += absl::Hours(1);
  pool.state.quotas.common.submit_burst = 1;
  pool.state.quotas.common.submits_per_minute = 1;
  ASSERT_TRUE(pool.Do(Again("h1")).ok());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(RetryAfter(Try("h2").status()), absl::Minutes(1));
  }
  pool.now += absl::Minutes(1);
  EXPECT_TRUE(Try("h2").ok());
}

TEST_F(QuotaTest, LogsAndObjectsAreCountedOnceAndUntilThePurge) {
  pool.Submit("h1", [](Handoff& h) {
    h.pack_sha256 = "submitted";
    h.stored_bytes = 100;
  });
  a.Call();
  EXPECT_EQ(UseOf("ada").stored_bytes, 100u);
  SaveCheckpoint save{{pool.state.pool_id, a.self.uuid, a.self.start, a.self.nonce},
                      "h1",
                      1,
                      pool.Latest("h1").epoch,
                      Taken(pool, "c1")};
  save.checkpoint.packs = {"submitted", "p1"};
  save.sizes = {{"submitted", 100}, {"p1", 30}, {"of-another", 999}};
  ASSERT_TRUE(pool.Do(save).ok());
  ASSERT_TRUE(pool.Do(save).ok());  // again: its answer was lost
  EXPECT_EQ(UseOf("ada").stored_bytes, 130u);
  save.checkpoint = Taken(pool, "c2");
  save.checkpoint.packs = {"submitted", "p1", "p2"};
  save.sizes["p2"] = 5;
  ASSERT_TRUE(pool.Do(save).ok());
  EXPECT_EQ(UseOf("ada").stored_bytes, 135u);
  Report report;
  report.sender = save.sender;
  report.handoff_id = "h1";
  report.number = 1;
  report.epoch = save.epoch;
  report.end = Success();
  report.log_bytes = 1000;
  ASSERT_TRUE(pool.Do(report).ok());
  ASSERT_TRUE(pool.Do(report).ok());
  EXPECT_EQ(pool.Get("h1").stored_bytes, 1135u);
  EXPECT_EQ(UseOf("ada").stored_bytes, 1135u);
  pool.state.quotas.common.stored_bytes = 1135;
  EXPECT_EQ(Refusal("h2"),
            "logs and objects of the handoffs of ada fill 1.1 kB, and their quota is 1.1 kB. "
            "Nothing was submitted: `handoff delete --purge ID` of some that have ended makes "
            "room.");
  EXPECT_TRUE(Try("h3", "bob").ok());
  ASSERT_TRUE(pool.Do(Delete{"h1", /*purge=*/true, "ada"}).ok());
  EXPECT_EQ(UseOf("ada").stored_bytes, 0u);
  EXPECT_TRUE(Try("h2").ok());
}

TEST_F(QuotaTest, APersonsWorkCountsWhenItIsReturned) {
  ASSERT_TRUE(Try("h1").ok());
  RunToTheEnd("h1");
  ASSERT_TRUE(pool.Do(TakeOver{"h1", "ada", false, false}).ok());
  EXPECT_EQ(UseOf("ada").at_rest, 1u);
  Return back;
  back.id = "h1";
  back.actor = "ada";
  back.checkpoint = Taken(pool, "by-hand");
  back.sizes = {{"pack-of-by-hand", 70}};
  const auto returned = pool.Do(back);
  ASSERT_TRUE(returned.ok()) << returned.status();
  EXPECT_EQ(UseOf("ada").stored_bytes, 70u);
  EXPECT_EQ(UseOf("ada").at_rest, 0u);
}

TEST_F(QuotaTest, WhatIsStoredIsCountedAfterARestart) {
  pool.Submit("h1", [](Handoff& h) { h.stored_bytes = 100; });
  RunToTheEnd("h1");
  ASSERT_TRUE(Try("h2").ok());
  ASSERT_TRUE(Try("h3").ok());
  const OwnerUse before = UseOf("ada");
  EXPECT_EQ(before.stored_bytes, 100u);
  pool.Restart();
  EXPECT_EQ(UseOf("ada"), before);
}

}  // namespace
}  // namespace handoff::core
