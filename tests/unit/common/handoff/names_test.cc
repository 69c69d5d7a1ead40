#include "common/handoff/names.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kDay = absl::FromUnixSeconds(1795219200);  // 2026-11-21 00:00 UTC

TEST(Id, IsLowerCaseShortAndNoPath) {
  for (const char* good : {"a", "0", "20261120-fix-it", "x--y-"}) {
    EXPECT_TRUE(ValidateId(good).ok()) << good;
  }
  EXPECT_TRUE(ValidateId(std::string(80, 'a')).ok());
  for (const std::string& bad :
       {std::string(), std::string("-a"), std::string("A"), std::string("a/b"), std::string("../x"),
        std::string("a.b"), std::string("a b"), std::string("ä"), std::string("a\n"),
        std::string(81, 'a'), std::string("a\0b", 3)}) {
    EXPECT_FALSE(ValidateId(bad).ok()) << bad;
  }
}

TEST(Id, ARefusalShowsTheValueWithoutItsControls) {
  const std::string message(ValidateId("\x1b[31m../etc\nx").message());
  EXPECT_THAT(message, HasSubstr("'../etc x'"));
  EXPECT_THAT(message, Not(HasSubstr("\x1b")));
}

TEST(Model, IsNoFlagAndHasNoSpace) {
  for (const char* good : {"", "gpt-5", "anthropic/claude:4.5", "x"}) {
    EXPECT_TRUE(ValidateModel(good).ok()) << good;
  }
  for (const char* bad : {"--help", "-m", "a b", "a;b", "$(x)", "ä", "a\n"}) {
    EXPECT_FALSE(ValidateModel(bad).ok()) << bad;
  }
  EXPECT_FALSE(ValidateModel(std::string(129, 'a')).ok());
}

TEST(Names, OfAgentsAndWorkers) {
  EXPECT_TRUE(ValidateAgentName("cursor").ok());
  EXPECT_FALSE(ValidateAgentName("Cursor").ok());
  EXPECT_FALSE(ValidateAgentName("").ok());
  EXPECT_TRUE(ValidateWorkerName("Build-7.example").ok());
  EXPECT_FALSE(ValidateWorkerName("a/b").ok());
  EXPECT_FALSE(ValidateWorkerName(".x").ok());
}

TEST(Label, IsPrintableTextOnOneLine) {
  EXPECT_TRUE(ValidateLabel("team/x", "größer, 2").ok());
  EXPECT_TRUE(ValidateLabel("a", "").ok());
  EXPECT_FALSE(ValidateLabel("", "v").ok());
  EXPECT_FALSE(ValidateLabel("a b", "v").ok());
  EXPECT_FALSE(ValidateLabel("a", "b\nc").ok());
  EXPECT_FALSE(ValidateLabel("a", "b\x1b[0m").ok());
  EXPECT_FALSE(ValidateLabel("a", "\xff").ok());
  EXPECT_FALSE(ValidateLabel("a", std::string(257, 'x')).ok());
}

TEST(Env, ANameThatTurnsDataIntoCodeIsRefused) {
  for (const char* good : {"FOO", "_x", "CI", "HTTP_TOKEN", "PATHS"}) {
    EXPECT_TRUE(ValidateEnvName(good).ok()) << good;
  }
  for (const char* bad : {"", "1A", "A-B", "A=B", "PATH", "HOME", "LD_PRELOAD", "BASH_ENV",
                          "GIT_DIR", "HANDOFF_ID", "NODE_OPTIONS", "IFS"}) {
    EXPECT_FALSE(ValidateEnvName(bad).ok()) << bad;
  }
}

TEST(Task, IsTextOfBoundedSize) {
  EXPECT_TRUE(ValidateTask("do it").ok());
  EXPECT_TRUE(ValidateTask(std::string(kMaxTaskBytes, 'x')).ok());
  EXPECT_THAT(std::string(ValidateTask(" \n\t ").message()), HasSubstr("task is empty"));
  EXPECT_THAT(std::string(ValidateTask(std::string(kMaxTaskBytes + 1, 'x')).message()),
              HasSubstr("1 MiB"));
  EXPECT_FALSE(ValidateTask("a\xff").ok());
  EXPECT_FALSE(ValidateTask(std::string("a\0b", 3)).ok());
}

TEST(ValidateSshTarget, IsADestinationAndNeverAnOption) {
  for (const char* target : {"build-1", "me@build-1.example.org", "ssh://me@h:22", "10.0.0.1"}) {
    EXPECT_TRUE(ValidateSshTarget(target).ok()) << target;
  }
  for (const char* target : {"", "-oProxyCommand=x", "a b", "h;rm", "h\n", "$(x)", "a'b"}) {
    EXPECT_FALSE(ValidateSshTarget(target).ok()) << target;
  }
  EXPECT_FALSE(ValidateSshTarget(std::string(256, 'a')).ok());
}

TEST(MakeId, IsTheDateAndTheTasksWords) {
  EXPECT_EQ(MakeId(kDay, "Fix the Benchmark timeout!"), "20261121-fix-the-benchmark-timeout");
  EXPECT_EQ(MakeId(kDay - absl::Seconds(1), "x"), "20261120-x");
  EXPECT_EQ(MakeId(kDay, "one two three four five six seven"),
            "20261121-one-two-three-four-five-six");
  EXPECT_EQ(MakeId(kDay, "漢字 ../.."), "20261121-task");
}

TEST(MakeId, IsAlwaysAValidId) {
  for (const std::string& task : {std::string(5000, 'a'), std::string("--- a"), std::string("\xff"),
                                  std::string(100, 'b') + " " + std::string(100, 'c')}) {
    const std::string id = MakeId(kDay, task);
    EXPECT_TRUE(ValidateId(id).ok()) << id;
    EXPECT_LE(id.size(), 60u);
  }
}

}  // namespace
}  // namespace handoff
