#include "worker/agent_watch.h"

#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "worker/agent/registry.h"
#include "worker/config.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kMany = 10 << 20;

TEST(LimitsFor, AFirstEventMayTakeAsLongAsTheAgentNeedsUnlessItIsSet) {
  const auto first = [](const char* agent, const v1::HandoffSpec& wanted,
                        const AgentConfig& config) {
    return LimitsFor(wanted, *FindAgent(agent), config).first_event;
  };
  AgentConfig config;
  v1::HandoffSpec wanted;
  EXPECT_EQ(first("claude", wanted, config), absl::Minutes(2));
  EXPECT_EQ(first("opencode", wanted, config), absl::Minutes(10));
  EXPECT_EQ(first("command", wanted, config), absl::InfiniteDuration());
  wanted.mutable_stall_timeout()->set_seconds(180);
  EXPECT_EQ(first("opencode", wanted, config), absl::Minutes(3)) << "that is silence, too";
  EXPECT_EQ(first("claude", wanted, config), absl::Minutes(2));
  wanted.clear_stall_timeout();
  config.first_event = absl::Minutes(1);
  EXPECT_EQ(first("opencode", wanted, config), absl::Minutes(1));
  wanted.mutable_first_event_timeout()->set_seconds(5);
  EXPECT_EQ(first("opencode", wanted, config), absl::Seconds(5));
}

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
