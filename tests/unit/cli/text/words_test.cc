#include "cli/text/words.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

// In the words of gRPC and of the system under it.
TEST(ReachAdvice, TellsApartWhyNoConnectionCameAbout) {
  EXPECT_THAT(ReachAdvice("ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused"),
              HasSubstr("nothing listens there"));
  EXPECT_THAT(ReachAdvice("unix:/run/h: No such file or directory"),
              HasSubstr("nothing listens there"));
  EXPECT_THAT(ReachAdvice("DNS resolution failed for build-9:7433: Domain name not found"),
              HasSubstr("no host has that name"));
  EXPECT_THAT(ReachAdvice("connection attempt timed out before receiving SETTINGS frame"),
              HasSubstr("does not answer"));
  EXPECT_THAT(ReachAdvice("No route to host"), HasSubstr("does not answer"));
  EXPECT_THAT(ReachAdvice("what answers there is not this pool's coordinator: its certificate"),
              HasSubstr("another coordinator"));
  EXPECT_THAT(ReachAdvice("no coordinator was reached at ssh://h: ssh ended; what it said"),
              HasSubstr("ssh by hand"));
}

}  // namespace
}  // namespace handoff
