#include "cli/text/options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ParseDuration, TakesUnitsAndTheirSums) {
  EXPECT_EQ(*ParseDuration("--timeout", "90s"), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("--timeout", "10m"), absl::Minutes(10));
  EXPECT_EQ(*ParseDuration("--timeout", "2h"), absl::Hours(2));
  EXPECT_EQ(*ParseDuration("--timeout", "1d"), absl::Hours(24));
  EXPECT_EQ(*ParseDuration("--timeout", "1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("--timeout", "30d"), absl::Hours(30 * 24));
}

TEST(ParseDuration, RefusesNonsenseAndNamesTheFlag) {
  for (const char* text :
       {"", "-1", "-1s", "0s", "10", "s", "1.5h", "1y", "10m ", "31d", "99999999999999999999s",
        "9999999999999999999999d9999999999999999d", "soon", "1h 30m", "\x1b[31m"}) {
    const auto duration = ParseDuration("--stall-timeout", text);
    ASSERT_FALSE(duration.ok()) << text;
    EXPECT_TRUE(absl::IsInvalidArgument(duration.status()));
    EXPECT_THAT(std::string(duration.status().message()), HasSubstr("--stall-timeout"));
    EXPECT_EQ(duration.status().message().find('\x1b'), absl::string_view::npos);
  }
}

TEST(ParseDuration, SaysWhichBoundATimeIsBeyond) {
  const auto said = [](const char* text, absl::Duration least = absl::ZeroDuration()) {
    return std::string(ParseDuration("--lease", text, least).status().message());
  };
  EXPECT_EQ(said("99d"), "--lease '99d' is more than 30d, the most there is");
  EXPECT_EQ(said("0s"), "--lease '0s' must be more than 0");
  EXPECT_EQ(said("1s", absl::Seconds(5)), "--lease '1s' is too short: use 5s to 30d");
  EXPECT_EQ(*ParseDuration("--lease", "5s", absl::Seconds(5)), absl::Seconds(5));
}

TEST(ParseLabels, TakesPairs) {
  EXPECT_THAT(*ParseLabels("--label", {"os=linux", "note=a=b", "empty="}),
              ElementsAre(Pair("empty", ""), Pair("note", "a=b"), Pair("os", "linux")));
}

TEST(ParseLabels, RefusesWhatIsNoLabel) {
  for (const char* pair : {"os", "=x", "a b=c", "k=two\nlines", "k=\x01", "-k=v"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseLabels("--label", {pair}).status())) << pair;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(ParseLabels("--label", {"a=1", "a=2"}).status()));
}

TEST(ParseEnvironment, TakesValuesFromTheFlagOrFromHere) {
  EXPECT_THAT(*ParseEnvironment({"CC=clang", "TOKEN", "E="}, {"TOKENS=no", "TOKEN=a=b"}),
              ElementsAre(Pair("CC", "clang"), Pair("E", ""), Pair("TOKEN", "a=b")));
}

TEST(ParseEnvironment, RefusesWhatIsNotSetHereAndWhatChangesPrograms) {
  EXPECT_THAT(std::string(ParseEnvironment({"NOPE"}, {}).status().message()), HasSubstr("NOPE"));
  EXPECT_FALSE(ParseEnvironment({"LD_PRELOAD=x"}, {}).ok());
  EXPECT_FALSE(ParseEnvironment({"A-B=x"}, {}).ok());
}

TEST(CheckIdPart, TakesAnyPartOfAnIdAndNothingElse) {
  for (const char* text : {"20261120-fix", "-fix", "f"})
    EXPECT_TRUE(CheckIdPart(text).ok()) << text;
  for (const char* text : {"", "../etc", "A", "a b", "a\n", "ä"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckIdPart(text))) << text;
  }
  EXPECT_FALSE(CheckIdPart(std::string(81, 'a')).ok());
}

}  // namespace
}  // namespace handoff
