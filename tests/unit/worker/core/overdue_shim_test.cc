#include "worker/core/overdue_shim.h"

#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using Advice = OverdueShim::Advice;

constexpr BootTime kNever = OverdueShim::kNever;

BootTime At(double seconds) { return BootTime{} + absl::Seconds(100) + absl::Seconds(seconds); }

TEST(OverdueShim, IsLeftAloneWhileNothingIsDue) {
  OverdueShim shim;
  EXPECT_EQ(shim.Judge(kNever, At(0)), Advice::kNothing);
  EXPECT_EQ(shim.next(), kNever);
  EXPECT_EQ(shim.Judge(At(10), At(9)), Advice::kNothing);
  EXPECT_EQ(shim.next(), At(10));
}

TEST(OverdueShim, ThatDoesNotAnswerAfterAStopIsKilledFiveSecondsAfterItsGrace) {
  OverdueShim shim;
  shim.StoppedUntil(At(10));
  EXPECT_EQ(shim.Judge(kNever, At(9.9)), Advice::kNothing);
  EXPECT_EQ(shim.Judge(kNever, At(10)), Advice::kAsk);
  EXPECT_EQ(shim.next(), At(15));
  EXPECT_EQ(shim.Judge(kNever, At(14.9)), Advice::kNothing);
  EXPECT_EQ(shim.Judge(kNever, At(15)), Advice::kKill);
  EXPECT_GT(shim.next(), At(15)) << "or its watcher spins";
}

TEST(OverdueShim, HasTheSameTimeForWhatIsDueByItself) {
  OverdueShim shim;
  EXPECT_EQ(shim.Judge(At(10), At(10)), Advice::kAsk);
  EXPECT_EQ(shim.Judge(At(10), At(14.9)), Advice::kNothing);
  EXPECT_EQ(shim.Judge(At(10), At(15)), Advice::kKill);
}

TEST(OverdueShim, ThatAnswersKnowsBetterAndIsAskedAgain) {
  OverdueShim shim;
  EXPECT_EQ(shim.Judge(At(10), At(10)), Advice::kAsk);
  shim.Heard(At(11));
  EXPECT_EQ(shim.Judge(At(10), At(15)), Advice::kNothing);
  EXPECT_EQ(shim.next(), At(16));
  EXPECT_EQ(shim.Judge(At(10), At(16)), Advice::kAsk);
  EXPECT_EQ(shim.Judge(At(10), At(21)), Advice::kKill);
}

TEST(OverdueShim, IsNotJudgedByAQuestionFromBeforeARenewal) {
  OverdueShim shim;
  EXPECT_EQ(shim.Judge(At(10), At(10)), Advice::kAsk);
  EXPECT_EQ(shim.Judge(At(60), At(11)), Advice::kNothing);
  EXPECT_EQ(shim.Judge(At(60), At(60)), Advice::kAsk);
}

TEST(OverdueShim, ALaterStopDoesNotLengthenTheGrace) {
  OverdueShim shim;
  shim.StoppedUntil(At(10));
  shim.StoppedUntil(At(20));
  EXPECT_EQ(shim.Judge(kNever, At(10)), Advice::kAsk);
}

}  // namespace
}  // namespace handoff::worker
