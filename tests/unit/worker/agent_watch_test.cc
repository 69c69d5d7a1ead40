#include "worker/agent_watch.h"

#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kMany = 10 << 20;

TEST(TreeWorked, OnlyMoreThanBeforeIsWork) {
  const absl::Duration between = absl::Minutes(1);
  EXPECT_TRUE(TreeWorked({0, kMany}, {0, 2 * kMany}, between));
  EXPECT_TRUE(TreeWorked({0, kMany}, {30'000, kMany}, between));
  EXPECT_FALSE(TreeWorked({0, kMany}, {0, kMany + 1}, between));
  // A process of the tree ended and took its bytes along.
  EXPECT_FALSE(TreeWorked({0, kMany}, {0, kMany - 1}, between));
  EXPECT_FALSE(TreeWorked({0, kMany}, {0, 0}, between));
  // From there on growth counts again.
  EXPECT_TRUE(TreeWorked({0, 0}, {0, kMany}, between));
}

}  // namespace
}  // namespace handoff::worker
