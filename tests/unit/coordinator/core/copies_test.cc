// Two daemons with the identity of one worker: the later start counts, and people are told.
#include "coordinator/core/copies.h"

#include <string>

#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CopiesTest : public ::testing::Test {
 protected:
  CopiesTest() {
    copy_.self.start = 2;
    copy_.self.nonce = 12;
    EXPECT_TRUE(Call(original_, "10.0.0.1:5").ok());
  }
  absl::Status Call(FakeWorker& worker, const std::string& address) {
    Sync request = worker.Request();
    request.caller = {request.worker.uuid, "0a", address};
    return pool_.Do(request).status();
  }
  absl::Status Original() { return Call(original_, "10.0.0.1:5"); }
  absl::Status Copy() { return Call(copy_, "10.0.0.2:6"); }
  const Worker& Known() const { return *pool_.state.FindWorkerByName("a"); }

  Pool pool_;
  FakeWorker original_{pool_, "a"}, copy_{pool_, "a"};
};

TEST_F(CopiesTest, AreToldWhenEachCalledAfterTheOther) {
  ASSERT_TRUE(Copy().ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Original()));
  pool_.Pass(kOtherDaemonAfter);
  ASSERT_TRUE(Copy().ok());
  EXPECT_THAT(pool_.audit(), IsEmpty());
  EXPECT_TRUE(absl::IsAlreadyExists(Original()));
  ASSERT_THAT(pool_.audit(), SizeIs(1));
  const AuditEntry& entry = pool_.audit()[0];
  EXPECT_EQ(entry.action, "Sync");
  EXPECT_EQ(entry.object, "a");
  EXPECT_EQ(entry.outcome, AuditOutcome::kRefused);
  EXPECT_EQ(entry.actor, original_.self.uuid);
  EXPECT_EQ(entry.serial, "0a");
  EXPECT_EQ(entry.address, "10.0.0.1:5");
  EXPECT_THAT(entry.detail, AllOf(HasSubstr("Start 1 of a was refused"), HasSubstr("10.0.0.2:6")));
  EXPECT_THAT(pool_.EventKinds(), Contains("worker_copied"));
  EXPECT_TRUE(Known().draining);
  EXPECT_THAT(Known().drain_reason,
              AllOf(HasSubstr("copied"), HasSubstr("10.0.0.1:5"), HasSubstr("10.0.0.2:6")));
  EXPECT_EQ(DurablePart(Known()).drain_reason, Known().drain_reason);
  pool_.Submit("h");
  EXPECT_EQ(pool_.Get("h").status, HandoffStatus::kQueued) << "neither gets anything new";
  ASSERT_TRUE(Copy().ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Original()));
  EXPECT_THAT(pool_.audit(), SizeIs(1)) << "once is enough";
}

TEST_F(CopiesTest, OfAnEqualStartAreToldToo) {
  copy_.self.start = 1;
  EXPECT_TRUE(absl::IsAlreadyExists(Copy()));
  pool_.Pass(kOtherDaemonAfter);
  ASSERT_TRUE(Original().ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Copy()));
  EXPECT_TRUE(Known().draining);
}

TEST_F(CopiesTest, WhatAnEndedDaemonSentComesLateAndIsNone) {
  ASSERT_TRUE(Copy().ok());  // a restart
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(absl::IsAlreadyExists(Original()));
    ASSERT_TRUE(Copy().ok());
  }
  pool_.Pass(kOtherDaemonWithin + kOtherDaemonAfter);
  ASSERT_TRUE(Copy().ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Original())) << "another restart, long after the first";
  EXPECT_THAT(pool_.audit(), IsEmpty());
  EXPECT_FALSE(Known().draining);
}

// A snapshot of the host was restored: its daemon is refused until the pool gives up the one that
// was there before, which calls no more.
TEST_F(CopiesTest, OneThatReplacesTheOtherIsNone) {
  copy_.self.start = 1;
  for (absl::Duration passed; passed < kUnreachableAfter; passed += absl::Seconds(5)) {
    EXPECT_TRUE(absl::IsAlreadyExists(Copy()));
    pool_.Pass(absl::Seconds(5));
  }
  EXPECT_TRUE(Copy().ok());
  EXPECT_THAT(pool_.EventKinds(), Not(Contains("worker_copied")));
  EXPECT_FALSE(Known().draining);
}

TEST_F(CopiesTest, AreToldAgainWhenSomebodyUndrainsAndBothStillCall) {
  ASSERT_TRUE(Copy().ok());
  const auto alternate = [&] {
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(absl::IsAlreadyExists(Original()));
      pool_.Pass(kOtherDaemonAfter);
      ASSERT_TRUE(Copy().ok());
    }
  };
  alternate();
  ASSERT_TRUE(Known().draining);
  ASSERT_TRUE(pool_.Do(Drain{"a", "", /*undrain=*/true, "ada", pool_.SignIn("ada")}).ok());
  EXPECT_FALSE(Known().draining);
  alternate();
  EXPECT_TRUE(Known().draining);
}

}  // namespace
}  // namespace handoff::core
