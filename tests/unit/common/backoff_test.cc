#include "common/backoff.h"

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(Backoff, DoublesUpToItsBoundWithHalfOfItRandom) {
  const Backoff backoff{absl::Seconds(10), absl::Minutes(10)};
  EXPECT_EQ(backoff.Delay(1, 0), absl::Seconds(5));
  EXPECT_EQ(backoff.Delay(1, 0.5), absl::Milliseconds(7500));
  EXPECT_EQ(backoff.Delay(2, 0), absl::Seconds(10));
  EXPECT_EQ(backoff.Delay(4, 0), absl::Seconds(40));
  EXPECT_EQ(backoff.Delay(7, 0), absl::Minutes(5));
  EXPECT_EQ(backoff.Delay(1'000'000, 0), absl::Minutes(5));
  EXPECT_LT(backoff.Delay(1'000'000, 0.999), absl::Minutes(10));
}

}  // namespace
}  // namespace handoff
