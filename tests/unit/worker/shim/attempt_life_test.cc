#include "worker/shim/attempt_life.h"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using Wish = AttemptLife::Wish;

constexpr BootTime kStart{1'000'000'000'000};
BootTime At(int64_t seconds) { return kStart + absl::Seconds(seconds); }

// Lease 100 s, hard cap 1000 s, orphaned after 50 s of frost.
AttemptLife Make() {
  ShimSpec spec;
  spec.lease_deadline_ns = At(100).ns;
  spec.hard_cap_ns = At(1000).ns;
  spec.orphan_timeout_ns = absl::ToInt64Nanoseconds(absl::Seconds(50));
  return AttemptLife(spec);
}

TEST(AttemptLife, RunsUntilTheLeaseEndsAndIsThenFrozen) {
  AttemptLife life = Make();
  EXPECT_EQ(life.Decide(At(99)), Wish::kRun);
  EXPECT_EQ(life.NextChange(At(99)), At(100));
  EXPECT_EQ(life.Decide(At(100)), Wish::kFrozen);
}

TEST(AttemptLife, ARenewalThaws) {
  AttemptLife life = Make();
  life.Decide(At(100));
  life.Renew(At(200), At(110));
  EXPECT_EQ(life.Decide(At(110)), Wish::kRun);
  EXPECT_EQ(life.Decide(At(200)), Wish::kFrozen);
}

TEST(AttemptLife, ARenewalThatIsOverAlreadyDoesNotThaw) {
  AttemptLife life = Make();
  life.Decide(At(100));
  life.Renew(At(105), At(110));
  EXPECT_EQ(life.Decide(At(110)), Wish::kFrozen);
  EXPECT_EQ(life.NextChange(At(110)), At(150));
}

TEST(AttemptLife, FrozenForTooLongIsKilledAsOrphaned) {
  AttemptLife life = Make();
  life.Decide(At(100));
  EXPECT_EQ(life.Decide(At(149)), Wish::kFrozen);
  EXPECT_EQ(life.Decide(At(150)), Wish::kKill);
  EXPECT_EQ(life.ended_by(), EndedBy::kOrphaned);
}

TEST(AttemptLife, AHostThatWakesUpLateGivesTimeToRenew) {
  AttemptLife life = Make();
  EXPECT_EQ(life.Decide(At(5000)), Wish::kFrozen);
  EXPECT_EQ(life.Decide(At(5049)), Wish::kFrozen);
  EXPECT_EQ(life.Decide(At(5050)), Wish::kKill);
}

TEST(AttemptLife, StopTerminatesAndKillsAfterTheGrace) {
  AttemptLife life = Make();
  life.Stop(EndedBy::kCancel, "cancelled by ann", absl::Seconds(5), At(10));
  EXPECT_EQ(life.Decide(At(10)), Wish::kTerminate);
  EXPECT_EQ(life.NextChange(At(10)), At(15));
  EXPECT_EQ(life.Decide(At(15)), Wish::kKill);
  EXPECT_EQ(life.ended_by(), EndedBy::kCancel);
  EXPECT_EQ(life.reason(), "cancelled by ann");
}

TEST(AttemptLife, TheFirstReasonWinsAndTheShortestGrace) {
  AttemptLife life = Make();
  life.Stop(EndedBy::kIdleClock, "idle", absl::Seconds(60), At(10));
  life.Stop(EndedBy::kCancel, "cancelled", absl::Seconds(5), At(20));
  EXPECT_EQ(life.Decide(At(25)), Wish::kKill);
  EXPECT_EQ(life.ended_by(), EndedBy::kIdleClock);
  EXPECT_EQ(life.reason(), "idle");
}

TEST(AttemptLife, StopOfAFrozenTreeKillsItWithoutThawing) {
  AttemptLife life = Make();
  life.Decide(At(100));
  life.Stop(EndedBy::kSuperseded, "superseded", absl::Seconds(5), At(110));
  EXPECT_EQ(life.Decide(At(110)), Wish::kKill);
}

TEST(AttemptLife, TheGraceEndsWithTheLease) {
  AttemptLife life = Make();
  life.Stop(EndedBy::kCancel, "cancelled", absl::Seconds(60), At(90));
  EXPECT_EQ(life.Decide(At(99)), Wish::kTerminate);
  EXPECT_EQ(life.NextChange(At(99)), At(100));
  EXPECT_EQ(life.Decide(At(100)), Wish::kKill);
}

TEST(AttemptLife, TheHardCapEndsWithTenSecondsOfGrace) {
  AttemptLife life = Make();
  life.Renew(At(5000), At(10));
  EXPECT_EQ(life.NextChange(At(10)), At(1000));
  EXPECT_EQ(life.Decide(At(1000)), Wish::kTerminate);
  EXPECT_EQ(life.Decide(At(1009)), Wish::kTerminate);
  EXPECT_EQ(life.Decide(At(1010)), Wish::kKill);
  EXPECT_EQ(life.ended_by(), EndedBy::kHardCap);
}

TEST(AttemptLife, TheHardCapDoesNotCountFrozenTime) {
  AttemptLife life = Make();
  life.Decide(At(100));
  life.Renew(At(5000), At(140));
  EXPECT_EQ(life.Decide(At(1039)), Wish::kRun);
  EXPECT_EQ(life.Decide(At(1040)), Wish::kTerminate);
}

TEST(AttemptLife, WithoutACapAndOrphanTimeoutNothingEndsIt) {
  ShimSpec spec;
  spec.lease_deadline_ns = At(100).ns;
  AttemptLife life(spec);
  EXPECT_EQ(life.Decide(At(1'000'000)), Wish::kFrozen);
  EXPECT_EQ(life.NextChange(At(1'000'000)).ns, INT64_MAX);
}

TEST(AttemptLife, FinishEndsTheTreeLaterAndCanBeRestarted) {
  AttemptLife life = Make();
  life.Finish(absl::Seconds(5), At(10));
  life.Finish(absl::Seconds(5), At(14));
  EXPECT_EQ(life.Decide(At(18)), Wish::kRun);
  EXPECT_EQ(life.Decide(At(19)), Wish::kTerminate);
  EXPECT_EQ(life.Decide(At(20)), Wish::kKill);
  EXPECT_EQ(life.ended_by(), EndedBy::kAfterResult);
}

TEST(AttemptLife, AnAgentThatEndsDrainsItsOutputForAtMostTwoSeconds) {
  AttemptLife life = Make();
  life.AgentEnded(At(10));
  EXPECT_EQ(life.Decide(At(11)), Wish::kRun);
  EXPECT_EQ(life.NextChange(At(10)), At(12));
  EXPECT_EQ(life.Decide(At(12)), Wish::kKill);
  EXPECT_EQ(life.ended_by(), EndedBy::kItself);
}

TEST(AttemptLife, WhatAnAgentLeftIsKilledWhenItsOutputEnds) {
  AttemptLife life = Make();
  life.OutputEnded();
  EXPECT_EQ(life.Decide(At(10)), Wish::kRun);  // an agent may close its output and go on
  life.AgentEnded(At(11));
  EXPECT_EQ(life.Decide(At(11)), Wish::kKill);
}

TEST(AttemptLife, AStopAfterTheAgentsOwnEndChangesNothingButTheDrain) {
  AttemptLife life = Make();
  life.AgentEnded(At(10));
  life.Stop(EndedBy::kCancel, "cancelled", absl::Seconds(30), At(11));
  EXPECT_EQ(life.Decide(At(11)), Wish::kKill);
  EXPECT_EQ(life.ended_by(), EndedBy::kItself);
  EXPECT_EQ(life.reason(), "");
}

TEST(AttemptLife, AnAgentThatEndsWithinItsGraceWasEndedByUs) {
  AttemptLife life = Make();
  life.Stop(EndedBy::kCancel, "cancelled", absl::Seconds(30), At(10));
  life.AgentEnded(At(11));
  EXPECT_EQ(life.ended_by(), EndedBy::kCancel);
}

TEST(AttemptLife, ATimeThatTheClockCannotSayIsNever) {
  const BootTime never{INT64_MAX};
  EXPECT_EQ(AttemptLife::After(BootTime{INT64_MAX - 1}, absl::Seconds(10)), never);
  EXPECT_EQ(AttemptLife::After(At(10), absl::InfiniteDuration()), never);
  EXPECT_EQ(AttemptLife::After(At(10), absl::Seconds(1)), At(11));
}

TEST(AttemptLife, NegativeAndEndlessGracesAreBounded) {
  AttemptLife life = Make();
  life.Finish(absl::InfiniteDuration(), At(10));
  EXPECT_EQ(life.Decide(At(11)), Wish::kRun);
  life.Stop(EndedBy::kCancel, "", -absl::Seconds(5), At(12));
  EXPECT_EQ(life.Decide(At(12)), Wish::kKill);
}

}  // namespace
}  // namespace handoff
