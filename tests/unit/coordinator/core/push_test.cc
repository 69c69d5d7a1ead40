// Which attempts may push, and what is kept of it.
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::Not;

class PushTest : public ::testing::Test {
 protected:
  PushTest() : a(pool, "a") {
    a.Call();
    pool.Submit("h", [](Handoff& h) { h.retries = 0; });
    a.Call();
    epoch = a.runs.at(0).epoch;
  }
  absl::Status Save(const std::string& bytes, uint64_t of_epoch, bool asked = true) {
    return pool
        .Do(SavePush{{"", a.self.uuid, a.self.start, a.self.nonce},
                     "h",
                     1,
                     of_epoch,
                     bytes,
                     true,
                     "Pushed.",
                     asked})
        .status();
  }
  Pool pool;
  FakeWorker a;
  uint64_t epoch = 0;
};

TEST_F(PushTest, OfWhatEndedWithWork) {
  EXPECT_FALSE(MayPush(pool.Get("h"), 1)) << "it runs";
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  EXPECT_TRUE(MayPush(pool.Get("h"), 1));
  ASSERT_TRUE(Save("result", epoch).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].push, "result");
  EXPECT_THAT(pool.EventKinds(), Contains("pushed"));
  EXPECT_FALSE(MayPush(pool.Get("h"), 1)) << "it was pushed";
  ASSERT_TRUE(Save("another", epoch).ok());
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(pool.Get("h").attempts[0].push, "result");
}

TEST_F(PushTest, AlsoWhenItFailed) {
  AttemptEnd end = Failure(FailureClass::kChecksFailed);
  end.changed = true;
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  EXPECT_TRUE(MayPush(pool.Get("h"), 1));
}

TEST_F(PushTest, NotOfWhatChangedNothing) {
  AttemptEnd end = Success();
  end.changed = false;
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  EXPECT_FALSE(MayPush(pool.Get("h"), 1));
}

TEST_F(PushTest, NotOfWhatWasCancelled) {
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  AttemptEnd end = Obeyed();
  end.changed = true;
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  EXPECT_FALSE(MayPush(pool.Get("h"), 1));
  ASSERT_TRUE(Save("result", epoch).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].push, "");
}

TEST_F(PushTest, NotOfWhatWasLostAndCameBack) {
  pool.Pass(absl::Minutes(40));
  ASSERT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  EXPECT_FALSE(MayPush(pool.Get("h"), 1));
  ASSERT_TRUE(Save("result", epoch).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].push, "");
  EXPECT_THAT(pool.EventKinds(), Not(Contains("pushed")));
}

TEST_F(PushTest, OnlyFromItsHolderAtItsEpoch) {
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  ASSERT_TRUE(Save("result", epoch + 1).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].push, "");
  const SavePush stranger{{"", "uuid-b", 1, 1}, "h", 1, epoch, "result", true, ""};
  EXPECT_EQ(pool.Do(stranger).status().code(), absl::StatusCode::kPermissionDenied);
  SavePush nobody = stranger;
  nobody.handoff_id = "nobody";
  EXPECT_EQ(pool.Do(nobody).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PushTest, OnlyWhereItsOwnerAskedForIt) {
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  ASSERT_TRUE(Save("result", epoch, /*asked=*/false).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].push, "");
  EXPECT_THAT(pool.EventKinds(), Not(Contains("pushed")));
}

}  // namespace
}  // namespace handoff::core
