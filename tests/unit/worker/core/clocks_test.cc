#include "worker/core/clocks.h"

#include <string>

#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

const BootTime kStart{1'000'000'000};

BootTime At(absl::Duration d) { return kStart + d; }

AttemptClocks Clocks() { return AttemptClocks(ClockLimits{}, kStart); }

TEST(Clocks, NoFirstEventEndsTheAttempt) {
  const AttemptClocks clocks = Clocks();
  EXPECT_EQ(clocks.Read(At(absl::Seconds(119))).end, std::nullopt);
  EXPECT_EQ(clocks.Read(At(absl::Seconds(120))).end, EndedBy::kFirstEventClock);
}

TEST(Clocks, SilenceIsWarnedAboutAtHalfOfTheLimitAndEndedAtIt) {
  AttemptClocks clocks = Clocks();
  clocks.Progress(At(absl::Seconds(60)));
  EXPECT_FALSE(clocks.Read(At(absl::Seconds(60 + 299))).stalled);
  EXPECT_TRUE(clocks.Read(At(absl::Seconds(60 + 300))).stalled);
  EXPECT_EQ(clocks.Read(At(absl::Seconds(60 + 599))).end, std::nullopt);
  EXPECT_EQ(clocks.Read(At(absl::Seconds(60 + 600))).end, EndedBy::kIdleClock);
}

TEST(Clocks, ProgressEndsTheWarning) {
  AttemptClocks clocks = Clocks();
  clocks.Progress(At(absl::Seconds(1)));
  EXPECT_TRUE(clocks.Read(At(absl::Minutes(6))).stalled);
  clocks.Progress(At(absl::Minutes(6)));
  EXPECT_FALSE(clocks.Read(At(absl::Minutes(6))).stalled);
}

// Trap 7: a build of hours says nothing.
TEST(Clocks, Trap7ABusyToolIsWarnedAboutAndNeverEnded) {
  AttemptClocks clocks = Clocks();
  clocks.ToolStarted("1", "ninja test", At(absl::Minutes(1)));
  for (int minute = 2; minute < 300; ++minute) {
    clocks.TreeWorked(At(absl::Minutes(minute)));
    const auto reading = clocks.Read(At(absl::Minutes(minute)));
    EXPECT_EQ(reading.end, std::nullopt) << minute;
    EXPECT_EQ(reading.stalled, minute >= 31) << minute;
  }
}

TEST(Clocks, AToolWhoseTreeDoesNothingIsEndedLikeAnySilence) {
  AttemptClocks clocks = Clocks();
  clocks.ToolStarted("1", "sleep", At(absl::Minutes(1)));
  clocks.TreeWorked(At(absl::Minutes(20)));
  EXPECT_TRUE(clocks.Read(At(absl::Minutes(25))).stalled);
  EXPECT_EQ(clocks.Read(At(absl::Minutes(29))).end, std::nullopt);
  EXPECT_EQ(clocks.Read(At(absl::Minutes(30))).end, EndedBy::kIdleClock);
}

TEST(Clocks, CallsWithoutEndAreKeptUpToABound) {
  AttemptClocks clocks = Clocks();
  for (int i = 0; i < 2000; ++i)
    clocks.ToolStarted(std::to_string(i), "make", At(absl::Seconds(1)));
  EXPECT_TRUE(clocks.Tool().has_value());
  // The last one that is known can begin anew, and when the known ones ended none is left.
  clocks.ToolStarted("999", "ninja", At(absl::Seconds(2)));
  EXPECT_EQ(clocks.Tool()->first, "ninja");
  for (int i = 0; i < 1000; ++i) clocks.ToolFinished(std::to_string(i), At(absl::Seconds(3)));
  EXPECT_EQ(clocks.Tool(), std::nullopt);
}

TEST(Clocks, WorkOfTheTreeDoesNotCountBetweenTools) {
  AttemptClocks clocks = Clocks();
  clocks.ToolStarted("1", "make", At(absl::Minutes(1)));
  clocks.ToolFinished("1", At(absl::Minutes(2)));
  clocks.TreeWorked(At(absl::Minutes(11)));
  EXPECT_EQ(clocks.Read(At(absl::Minutes(12))).end, EndedBy::kIdleClock);
}

TEST(Clocks, TheTreeIsLookedAtOnlyWhileAToolIsSilent) {
  AttemptClocks clocks = Clocks();
  clocks.Progress(At(absl::Seconds(1)));
  EXPECT_FALSE(clocks.Read(At(absl::Minutes(4))).sample);
  clocks.ToolStarted("1", "make", At(absl::Minutes(4)));
  EXPECT_FALSE(clocks.Read(At(absl::Minutes(4))).sample);
  EXPECT_TRUE(clocks.Read(At(absl::Minutes(5))).sample);
}

TEST(Clocks, FrozenTimeDoesNotCount) {
  AttemptClocks clocks = Clocks();
  clocks.Progress(At(absl::Seconds(1)));
  clocks.Thawed(At(absl::Hours(9)));
  const auto reading = clocks.Read(At(absl::Hours(9)));
  EXPECT_EQ(reading.end, std::nullopt);
  EXPECT_FALSE(reading.stalled);
}

TEST(Clocks, AfterTheTerminalEventNothingIsEndedForSilence) {
  AttemptClocks clocks = Clocks();
  clocks.Progress(At(absl::Seconds(1)));
  clocks.Finished(At(absl::Seconds(2)));
  const auto reading = clocks.Read(At(absl::Hours(2)));
  EXPECT_EQ(reading.end, std::nullopt);
  EXPECT_FALSE(reading.stalled);
}

TEST(Clocks, AnAgentThatGoesOnIsWatchedAgain) {
  AttemptClocks clocks = Clocks();
  clocks.Finished(At(absl::Seconds(1)));
  clocks.GoesOn(At(absl::Minutes(1)));
  EXPECT_EQ(clocks.Read(At(absl::Minutes(10))).end, std::nullopt);
  EXPECT_EQ(clocks.Read(At(absl::Minutes(11))).end, EndedBy::kIdleClock);
}

TEST(Clocks, WithoutLimitsNothingIsEverEnded) {
  const AttemptClocks clocks(ClockLimits::None(), kStart);
  const auto reading = clocks.Read(At(absl::Hours(1000)));
  EXPECT_EQ(reading.end, std::nullopt);
  EXPECT_FALSE(reading.stalled);
  EXPECT_EQ(reading.ends_at, std::nullopt);
}

TEST(Clocks, AnIdleLimitAloneCountsFromTheStart) {
  ClockLimits limits = ClockLimits::None();
  limits.idle = absl::Minutes(2);
  const AttemptClocks clocks(limits, kStart);
  EXPECT_EQ(clocks.Read(At(absl::Minutes(2))).end, EndedBy::kIdleClock);
}

// Reading at `next` and never between must see everything in time.
TEST(Clocks, NextNamesTheNextChange) {
  AttemptClocks clocks = Clocks();
  clocks.Progress(kStart);
  BootTime now = kStart;
  auto reading = clocks.Read(now);
  EXPECT_EQ(reading.next, At(absl::Minutes(5)));
  reading = clocks.Read(reading.next);
  EXPECT_TRUE(reading.stalled);
  EXPECT_EQ(reading.next, At(absl::Minutes(10)));
  EXPECT_EQ(clocks.Read(reading.next).end, EndedBy::kIdleClock);
}

TEST(Clocks, ToolInFlightIsTheLatest) {
  AttemptClocks clocks = Clocks();
  EXPECT_EQ(clocks.Tool(), std::nullopt);
  clocks.ToolStarted("1", "ninja", At(absl::Seconds(1)));
  clocks.ToolStarted("2", "grep", At(absl::Seconds(2)));
  EXPECT_EQ(clocks.Tool()->first, "grep");
  clocks.ToolFinished("2", At(absl::Seconds(3)));
  EXPECT_EQ(clocks.Tool()->first, "ninja");
}

TEST(WillEnd, NamesTheLimitThatComesFirst) {
  const absl::Time noon = absl::FromCivil(absl::CivilHour(2026, 4, 7, 12), absl::UTCTimeZone());
  AttemptClocks clocks = Clocks();
  EXPECT_EQ(WillEnd(clocks.Read(kStart), At(absl::Hours(6)), kStart, noon),
            "first-event limit at 12:02 UTC");
  clocks.Progress(kStart);
  EXPECT_EQ(WillEnd(clocks.Read(kStart), At(absl::Hours(6)), kStart, noon),
            "idle limit at 12:10 UTC");
  EXPECT_EQ(WillEnd(clocks.Read(kStart), At(absl::Minutes(3)), kStart, noon),
            "time limit at 12:03 UTC");
  const AttemptClocks none(ClockLimits::None(), kStart);
  EXPECT_EQ(WillEnd(none.Read(kStart), At(absl::Hours(13)), kStart, noon),
            "time limit at 2026-04-08 01:00 UTC");
  EXPECT_EQ(WillEnd(none.Read(kStart), std::nullopt, kStart, noon), "");
}

}  // namespace
}  // namespace handoff::worker
