#include "worker/core/checkpoint_clock.h"

#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

constexpr BootTime kNever = CheckpointClock::kNever;

BootTime At(absl::Duration since) { return BootTime{} + absl::Hours(1) + since; }
BootTime At(double seconds) { return At(absl::Seconds(seconds)); }

TEST(CheckpointClock, OneIsDueEveryIntervalAndNeverTwoAtATime) {
  CheckpointClock clock(absl::Minutes(5), At(0));
  EXPECT_EQ(clock.next(), At(300));
  EXPECT_FALSE(clock.Due(At(299)));
  ASSERT_TRUE(clock.Due(At(300)));
  clock.Begin(At(300));
  EXPECT_FALSE(clock.Due(At(1000)));
  EXPECT_EQ(clock.next(), kNever);
  clock.End(At(301), /*changed=*/true);
  EXPECT_EQ(clock.next(), At(601));
}

TEST(CheckpointClock, WhereNothingChangesThePausesGrowToAnHour) {
  CheckpointClock clock(absl::Minutes(5), At(0));
  BootTime now = At(0);
  for (const int minutes : {5, 10, 20, 40, 60, 60}) {
    EXPECT_EQ(clock.next(), now + absl::Minutes(minutes));
    now = clock.next();
    clock.Begin(now);
    clock.End(now, /*changed=*/false);
  }
  clock.Begin(clock.next());
  clock.End(now, /*changed=*/true);
  EXPECT_EQ(clock.next(), now + absl::Minutes(5)) << "there is work again";
}

TEST(CheckpointClock, WhatTakesLongIsTakenLessOften) {
  CheckpointClock clock(absl::Minutes(5), At(0));
  clock.Begin(At(300));
  clock.End(At(315), /*changed=*/true);
  EXPECT_EQ(clock.next(), At(315 + 300)) << "a twentieth is not too much";
  clock.Begin(At(615));
  clock.End(At(615 + 40), /*changed=*/true);
  EXPECT_EQ(clock.next(), At(655 + 1200)) << "40 s are a twentieth of 13 minutes";
  clock.Begin(At(1855));
  clock.End(At(1855 + 900), /*changed=*/true);
  EXPECT_EQ(clock.next(), At(2755 + 3600)) << "an hour at most";
}

TEST(CheckpointClock, OneIsDueBeforeALeaseEndsThatNobodyRenews) {
  CheckpointClock clock(absl::Hours(2), At(0));
  clock.Renewed(At(0), At(1800));
  clock.Renewed(At(10), At(1810));
  EXPECT_EQ(clock.next(), At(1810 - 60));
  ASSERT_TRUE(clock.Due(At(1750)));
  clock.Begin(At(1750));
  clock.End(At(1752), /*changed=*/false);
  EXPECT_FALSE(clock.Due(At(1810))) << "once";
  clock.Renewed(At(1811), At(1911));
  EXPECT_EQ(clock.next(), At(1911 - 10)) << "a tenth of a short lease";
}

TEST(CheckpointClock, ALeaseThatIsOverAsksForNothing) {
  CheckpointClock clock(absl::Hours(2), At(0));
  clock.Renewed(At(10), At(5));
  EXPECT_EQ(clock.next(), At(absl::Hours(2)));
}

}  // namespace
}  // namespace handoff::worker
