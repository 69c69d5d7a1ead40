// The log of record: every byte, once, for readers that read and for one that does not.

#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

constexpr uint64_t kAllowedGrowth = 150 << 20;

std::string HashOf(const std::string& path) {
  const auto text = ReadFile(path, uint64_t{1} << 30);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? Sha256Hex(*text) : "";
}

// An agent writes 200 MB on both streams, with lines of 1 byte to 8 MB, NUL and invalid UTF-8.
class BigLog : public ::testing::Test {
 protected:
  void SetUp() override {
    pool_.StartCoordinator();
    pool_.StartWorker("a", 1);
    repository_ = pool_.MakeRepository("repository");
  }
  // Says that it is there, and begins once the gate is open.
  std::string SubmitSpam(const Gate& gate) {
    return pool_.Submit({Pool::Script({"say Ready", absl::StrCat("wait ", gate.path()),
                                       "spam 200000000 7", "result ok Written"})},
                        repository_);
  }
  void ExpectSameEverywhere(const std::string& id, const std::string& read) {
    const auto handoff = nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}).out);
    const auto& attempt = handoff.at("attempts").at(0);
    const std::string copy = absl::StrCat(attempt.at("workspace").get<std::string>(),
                                          "/.cursor/agent-handoffs/", id, "/attempt-1.log");
    pool_.Eventually([&] { return PathExists(copy); });
    const std::string expected = HashOf(copy);
    EXPECT_EQ(HashOf(read), expected);
    EXPECT_EQ(attempt.at("logSha256"), expected);
    EXPECT_GT(*FileSize(copy), 200'000'000u);
  }
  Pool pool_;
  std::string repository_;
};

TEST_F(BigLog, IsTheSameBytesEverywhereWhileThreeReadersFollowAndOneNeverReads) {
  Gate gate(pool_.path("gate"));
  const std::string id = SubmitSpam(gate);
  const std::string one = pool_.path("one"), two = pool_.path("two");
  Subprocess first = pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", one);
  Subprocess second = pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", two);
  Subprocess stopped =
      pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", pool_.path("never"));
  // It follows, and then it never reads again: its connection stays open.
  pool_.Eventually([&] { return FileSize(pool_.path("never")).value_or(0) > 0; });
  stopped.Signal(SIGSTOP);
  const uint64_t before = pool_.ResidentBytes("coordinator");
  gate.Open();
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_LT(pool_.PeakBytes("coordinator"), before + kAllowedGrowth);
  EXPECT_TRUE(first.Wait()->ok());
  EXPECT_TRUE(second.Wait()->ok());
  ExpectSameEverywhere(id, one);
  EXPECT_EQ(HashOf(two), HashOf(one));
}

TEST_F(BigLog, IsTheSameBytesWhenTheCoordinatorIsKilledMeanwhile) {
  Gate gate(pool_.path("gate"));
  const std::string id = SubmitSpam(gate);
  const std::string one = pool_.path("one");
  Subprocess follower = pool_.HandoffInBackground({"logs", "-f", "--raw", id}, "", one);
  gate.Open();
  for (int i = 0; i < 3; ++i) {
    // Not before some of it arrived.
    while (FileSize(one).value_or(0) < static_cast<uint64_t>(i + 1) * 1'000'000)
      pool_.Handoff({"show", id, "--json"});
    pool_.Kill("coordinator", SIGKILL);
    pool_.StartCoordinator();
  }
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_TRUE(follower.Wait()->ok());
  ExpectSameEverywhere(id, one);
}

}  // namespace
}  // namespace handoff::e2e
