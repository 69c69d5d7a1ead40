#include "worker/attempt_control.h"

#include <poll.h>

#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

bool IsReadable(int fd, int wait_ms) {
  pollfd poll_fd{fd, POLLIN, 0};
  return ::poll(&poll_fd, 1, wait_ms) == 1;
}

constexpr int kForEver = -1;  // ctest's limit ends what never comes

TEST(AttemptControl, HurriesNobodyWithoutAStop) {
  AttemptControl control;
  EXPECT_FALSE(IsReadable(control.Hurry(), 0));
}

TEST(AttemptControl, AStopHurriesAfterAMoment) {
  AttemptControl control;
  const int hurry = control.Hurry();
  control.Stop({});
  EXPECT_FALSE(IsReadable(hurry, 0)) << "there is a moment for it";
  EXPECT_TRUE(IsReadable(hurry, kForEver));
}

TEST(AttemptControl, AStopFromBeforeLeavesAMomentToo) {
  AttemptControl control;
  control.Stop({});
  const int hurry = control.Hurry();
  EXPECT_FALSE(IsReadable(hurry, 0));
  EXPECT_TRUE(IsReadable(hurry, kForEver));
}

TEST(AttemptControl, ADaemonThatLeavesWaitsForNothing) {
  AttemptControl control;
  control.Leave();
  control.Stop({});
  EXPECT_TRUE(IsReadable(control.Hurry(), kForEver));
}

}  // namespace
}  // namespace handoff::worker
