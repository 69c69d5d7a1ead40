#include "cli/text/children.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kInside = {"HANDOFF_ID=20261120-h", "HANDOFF_ATTEMPT=20261120-h/7"};

TEST(Children, NoAgentGetsWorkFromInsideAnAttempt) {
  for (const char* verb : {"submit", "resume", "send", "return", "import"}) {
    EXPECT_TRUE(CheckMayHandOff(verb, {}).ok());
    const absl::Status refused = CheckMayHandOff(verb, kInside);
    EXPECT_TRUE(absl::IsPermissionDenied(refused)) << verb;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("20261120-h"));
  }
  for (const char* verb : {"list", "show", "logs", "wait", "diff", "cancel", "mcp"}) {
    EXPECT_TRUE(CheckMayHandOff(verb, kInside).ok()) << verb;
  }
}

TEST(Children, UnlessThatIsAllowed) {
  std::vector<std::string> environment = kInside;
  environment.push_back("HANDOFF_CHILDREN=refused");
  EXPECT_FALSE(CheckMayHandOff("submit", environment).ok());
  environment.back() = "HANDOFF_CHILDREN=allowed";
  EXPECT_TRUE(CheckMayHandOff("submit", environment).ok());
}

TEST(Children, KnowWhoseTheyAre) {
  EXPECT_EQ(ParentOf(kInside), "20261120-h");
  EXPECT_EQ(ParentOf({"HANDOFF_ID=20261120-h"}), "");
  EXPECT_EQ(ParentOf({"HANDOFF_ID=Not An Id", "HANDOFF_ATTEMPT=x/7"}), "");
  EXPECT_EQ(ParentOf({}), "");
}

}  // namespace
}  // namespace handoff
