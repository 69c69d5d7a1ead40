// What follows when the checks of an attempt failed.
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ChecksTest : public ::testing::Test {
 protected:
  ChecksTest() : a(pool, "a") {
    a.Call();
    pool.Submit("h", [](Handoff& handoff) {
      handoff.check_retries = 2;
      handoff.retries = 1;
    });
    a.Call();
  }
  static AttemptEnd Failing(const std::string& output) {
    AttemptEnd end = Failure(FailureClass::kChecksFailed, "The check `make` failed");
    end.started_at = absl::FromUnixSeconds(1'800'000'000);
    end.check_output = output;
    return end;
  }
  // The next attempt, once its back-off is over.
  void Begin(int number) {
    if (pool.Get("h").not_before > pool.now) pool.Pass(pool.Get("h").not_before - pool.now);
    a.Call();
    a.Call();  // it runs
    ASSERT_EQ(pool.Latest("h").number, number);
  }
  Pool pool;
  FakeWorker a;
};

TEST_F(ChecksTest, TheAgentIsToldWhatFailedAndTriesAgain) {
  const auto first = a.Finish("h", 1, Failing("one is red"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->handoff.status, HandoffStatus::kQueued);
  EXPECT_THAT(first->handoff.reason, HasSubstr("The agent is told; try 1 of 2."));
  ASSERT_THAT(first->handoff.messages, SizeIs(1));
  EXPECT_EQ(first->handoff.messages[0].origin, Message::Origin::kChecks);
  EXPECT_EQ(first->handoff.messages[0].text, "one is red");
  EXPECT_TRUE(first->handoff.messages[0].pending());
  Begin(2);
  EXPECT_EQ(pool.Get("h").messages[0].attempt, 2);
  ASSERT_TRUE(a.Finish("h", 2, Failing("another is red")).ok());
  ASSERT_THAT(pool.Get("h").messages, SizeIs(2));
  EXPECT_EQ(pool.Get("h").messages[1].text, "another is red");
  Begin(3);
  EXPECT_EQ(pool.Get("h").messages[1].attempt, 3);
  AttemptEnd good = Success();
  good.verified = true;
  const auto reply = a.Finish("h", 3, good);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kSucceeded);
  EXPECT_TRUE(reply->handoff.verified);
  EXPECT_THAT(reply->handoff.messages, SizeIs(2));
}

TEST_F(ChecksTest, WhenTheTriesAreUsedUpItFailed) {
  ASSERT_TRUE(a.Finish("h", 1, Failing("red")).ok());
  Begin(2);
  ASSERT_TRUE(a.Finish("h", 2, Failing("red")).ok());
  Begin(3);
  const auto reply = a.Finish("h", 3, Failing("red"));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kFailed);
  EXPECT_EQ(reply->handoff.failure, FailureClass::kChecksFailed);
  EXPECT_THAT(reply->handoff.reason, HasSubstr("The check `make` failed"));
  EXPECT_THAT(reply->handoff.attempts, SizeIs(3));
  EXPECT_THAT(reply->handoff.messages, SizeIs(2)) << "nobody reads what the last one said";
  EXPECT_FALSE(reply->handoff.verified);
  const Why::Reply why = pool.Explain("h");
  EXPECT_THAT(why.details, Contains(HasSubstr("told 2 of 2 times what its checks said")));
  EXPECT_THAT(why.commands, Contains("handoff logs --checks h"));
}

TEST_F(ChecksTest, TriesAreCountedApartFromRetriesOfTheInfrastructure) {
  ASSERT_TRUE(a.Finish("h", 1, Failing("red")).ok());
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  EXPECT_EQ(pool.Get("h").check_retries_used, 1);
  Begin(2);
  ASSERT_TRUE(a.Finish("h", 2, Failure(FailureClass::kNetwork)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  EXPECT_EQ(pool.Get("h").retries_used, 1);
  EXPECT_EQ(pool.Get("h").check_retries_used, 1);
  Begin(3);
  const auto third = a.Finish("h", 3, Failing("red"));
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->handoff.status, HandoffStatus::kQueued) << "one try of the checks was left";
  EXPECT_EQ(pool.Get("h").check_retries_used, 2);
}

TEST_F(ChecksTest, AResumeGivesTheTriesAgain) {
  for (int number = 1; number <= 3; ++number) {
    if (number > 1) Begin(number);
    ASSERT_TRUE(a.Finish("h", number, Failing("red")).ok());
  }
  ASSERT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(pool.Get("h").check_retries_used, 0);
  Begin(4);
  const auto again = a.Finish("h", 4, Failing("red"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->handoff.status, HandoffStatus::kQueued);
}

TEST_F(ChecksTest, WithoutOutputThereIsNothingToTell) {
  const auto reply = a.Finish("h", 1, Failing(""));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kFailed);
  EXPECT_EQ(reply->handoff.failure, FailureClass::kChecksFailed);
}

}  // namespace
}  // namespace handoff::core
