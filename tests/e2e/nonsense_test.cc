// Nonsense gives one clear sentence and the right exit status, and leaves nothing behind.

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string name;
  std::vector<std::string> args;
  size_t input_bytes;  // made when it is used: the cases are there in each start of these tests
  int exit_code;
  std::string says;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

class Nonsense : public ::testing::TestWithParam<Case> {};

TEST_P(Nonsense, IsRefusedInOneSentenceAndLeavesNothing) {
  Pool pool;
  pool.StartCoordinator();
  const CommandResult result =
      pool.Handoff(GetParam().args, "", std::string(GetParam().input_bytes, 'x'));
  EXPECT_EQ(result.exit_code, GetParam().exit_code) << result.err;
  EXPECT_THAT(result.err, HasSubstr(GetParam().says));
  EXPECT_EQ(result.out, "");
  const std::vector<std::string> lines = absl::StrSplit(result.err, '\n', absl::SkipEmpty());
  EXPECT_LE(lines.size(), 3u) << result.err;
  EXPECT_EQ(pool.Handoff({"list", "--all", "--json"}).out, "");
  EXPECT_THAT(*ListDirectory(pool.path("coordinator/logs")), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Submit, Nonsense,
    ::testing::Values(
        Case{"EmptyTask", {"submit", "--agent", "command", "  "}, 0, 2, "task is empty"},
        Case{"HugeTask", {"submit", "--agent", "command", "-"}, 5 << 20, 2, "1 MiB"},
        Case{"IdWithDots",
             {"submit", "--agent", "command", "--id", "../etc", "true"},
             0,
             2,
             "id '../etc'"},
        Case{"LabelWithNewline",
             {"submit", "--agent", "command", "--label", "a=b\nc", "true"},
             0,
             2,
             "label a"},
        Case{"NegativeTimeout",
             {"submit", "--agent", "command", "--timeout", "-1", "true"},
             0,
             2,
             "timeout"},
        Case{"ModelThatIsAFlag", {"submit", "--model=--help", "do it"}, 0, 2, "model '--help'"},
        Case{"UnknownRepository",
             {"submit", "--repo", "/nowhere/at/all", "do it"},
             0,
             2,
             "/nowhere/at/all"},
        Case{"UnknownVerb", {"frobnicate"}, 0, 2, "frobnicate"},
        Case{"UnknownId", {"show", "no-such-thing"}, 0, 3, "no-such-thing"}),
    [](const auto& instance) { return instance.param.name; });

TEST(NonsenseRepository, AnAbsentRefIsSaidByNameAndTheAttemptFailsCleanly) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string repository = pool.MakeRepository("origin");
  const std::string id = pool.Submit(
      {"--agent", "command", "--repo", repository, "--ref", "no-such-branch", "--", "/bin/true"});
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  const CommandResult why = pool.Handoff({"why", id});
  EXPECT_THAT(why.out, HasSubstr("no-such-branch"));
}

TEST(NonsenseAddress, ACoordinatorThatIsNotThereIsExitStatusFour) {
  Pool pool;
  pool.StartCoordinator();
  const CommandResult result = pool.Handoff({"list", "--coordinator", "127.0.0.1:1"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace handoff::e2e
