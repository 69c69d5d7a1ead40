// Peers without an identity at the door of the built coordinator, which may open few descriptors.

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"
#include "tests/fakes/flood.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

constexpr int kDescriptors = 512;
constexpr int kMany = 2000;
// Enough for a sanitizer's quarantine; what is not bounded would take more.
constexpr uint64_t kMostBytes = uint64_t{400} << 20;

class FrontDoor : public ::testing::Test {
 protected:
  FrontDoor() {
    pool_.through["coordinator"] = {"prlimit", absl::StrCat("--nofile=", kDescriptors)};
    pool_.StartCoordinator();
    const std::vector<std::string> parts = absl::StrSplit(pool_.address(), ':');
    EXPECT_TRUE(absl::SimpleAtoi(parts.back(), &port_));
    before_ = pool_.ResidentBytes("coordinator");
  }
  void TearDown() override { EXPECT_LT(pool_.PeakBytes("coordinator") - before_, kMostBytes); }
  std::string Log() const { return ReadFile(pool_.path("coordinator.log")).value_or(""); }
  size_t LinesOfLog() const { return std::vector<std::string>(absl::StrSplit(Log(), '\n')).size(); }

  Pool pool_;
  int port_ = 0;

 private:
  uint64_t before_ = 0;
};

TEST_F(FrontDoor, AFloodOfSilenceKeepsNobodyOut) {
  pool_.StartWorker("a", 1);
  {
    const Flood flood(port_, "127.0.0.2", kMany, "silence");
    ASSERT_EQ(flood.connected(), kMany);
    const CommandResult list = pool_.Handoff({"list"});
    EXPECT_EQ(list.exit_code, 0) << list.err;
    // Nor does the worker, which was connected before, notice anything.
    EXPECT_EQ(
        pool_.Handoff({"wait", pool_.Submit({"--agent", "command", "--", "/bin/true"})}).exit_code,
        0);
    // And somebody new comes in.
    pool_.StartWorker("b", 1);
  }
  const CommandResult list = pool_.Handoff({"worker", "list"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(Log(), HasSubstr("above the limit of one address (last: 127.0.0.2"));
}

TEST_F(FrontDoor, AFloodFromTheSameAddressEndsWithItself) {
  { const Flood flood(port_, "127.0.0.1", kMany, "silence"); }
  // Its last connections may be noticed as closed a moment later.
  while (pool_.Handoff({"list"}).exit_code != 0) {
  }
}

TEST_F(FrontDoor, AThousandPeersOfNonsenseFillNeitherMemoryNorTheLog) {
  const size_t lines = LinesOfLog();
  const absl::Time begin = absl::Now();
  for (const char* words : {"random", "http", "hello"}) {
    const Flood flood(port_, "127.0.0.2", 1000, words);
    EXPECT_EQ(flood.connected(), 1000);
    const CommandResult list = pool_.Handoff({"list"});
    EXPECT_EQ(list.exit_code, 0) << words << ": " << list.err;
  }
  pool_.Eventually([&] { return Log().find("spoke no TLS") != std::string::npos; });
  // What is told at once is in the first second, the rest once in each.
  EXPECT_LE(static_cast<double>(LinesOfLog() - lines),
            absl::ToDoubleSeconds(absl::Now() - begin) + 2);
}

}  // namespace
}  // namespace handoff::e2e
