// `handoff dev`: what it says of the agents that go on, and which pool other terminals find.

#include <signal.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The command without an address: it finds what `handoff dev` left for it.
class Dev : public ::testing::Test {
 protected:
  Dev() : dir_(*TempDir::Make("handoff-dev-")) {}

  struct Running {
    Subprocess process;
    UniqueFd err;
    std::string said;

    void ReadUntil(absl::string_view text) {
      char c;
      while (!absl::StrContains(said, text) && ::read(err.get(), &c, 1) == 1) said.push_back(c);
    }
    // Its last words.
    std::string End() {
      said.clear();
      process.Signal(SIGINT);
      ReadUntil("has ended.\n");
      EXPECT_EQ(process.Wait()->code, 0) << said;
      return said;
    }
  };

  SpawnOptions Options(const std::vector<std::string>& arguments) const {
    SpawnOptions options;
    options.argv = {Program("handoff")};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = {"PATH=/usr/bin:/bin", absl::StrCat("HOME=", dir_.path()), "USER=tester"};
    options.cwd = dir_.path();
    return options;
  }
  Running StartPool(const std::string& data_dir) const {
    SpawnOptions options = Options({"dev", "--workers", "1", "--slots", "1", "--data-dir",
                                    absl::StrCat(dir_.path(), "/", data_dir)});
    auto err = MakePipe();
    options.fds = {{2, err->second.get()}};
    auto process = Subprocess::Spawn(options);
    CHECK(process.ok());
    err->second.Reset();
    Running running{*std::move(process), std::move(err->first), ""};
    running.ReadUntil("for the next 'handoff dev'.\n");
    return running;
  }
  RunResult Handoff(const std::vector<std::string>& arguments) const {
    auto result = RunProcess(Options(arguments), "", absl::Minutes(1));
    CHECK(result.ok());
    return *std::move(result);
  }

  TempDir dir_;
};

TEST_F(Dev, SaysAtItsEndThatAgentsGoOnAndAdoptsThem) {
  const Gate gate(dir_.path() + "/gate");
  Running pool = StartPool("pool");
  const std::string id(absl::StripSuffix(
      Handoff({"submit", "--agent", "command", "--", "cat", gate.path()}).out, "\n"));
  while (!absl::StrContains(Handoff({"show", id, "--json"}).out, "\"state\":\"RUNNING\"")) {
  }
  // What waits behind it is neither counted nor taken off.
  const std::string next(
      absl::StripSuffix(Handoff({"submit", "--agent", "command", "--", "true"}).out, "\n"));
  EXPECT_THAT(pool.End(), HasSubstr("1 still running: agents outlive the pool"));
  gate.Open();
  Running again = StartPool("pool");
  EXPECT_EQ(Handoff({"wait", id, next}).status.code, 0);
  EXPECT_THAT(again.End(), Not(HasSubstr("still running")));
}

TEST_F(Dev, ASecondPoolLeavesTheFirstOneTheDefault) {
  Running first = StartPool("first");
  EXPECT_THAT(first.said, HasSubstr("Other terminals find it by themselves"));
  Running second = StartPool("second");
  EXPECT_THAT(second.said, HasSubstr("Another dev pool is the default; for this one:\n"
                                     "  export HANDOFF_COORDINATOR=127."));
  EXPECT_THAT(second.said, Not(HasSubstr("by themselves")));
  second.End();
  EXPECT_EQ(Handoff({"list"}).status.code, 0);
  first.End();
  EXPECT_THAT(Handoff({"list"}).err, HasSubstr("you are not logged in to a pool"));
}

// What it was told to type is enough, and a second time nobody joins again.
TEST_F(Dev, ASecondPoolIsReachedByWhatItSays) {
  Running first = StartPool("first");
  Running second = StartPool("second");
  const std::string line = "  export HANDOFF_COORDINATOR=";
  const size_t from = second.said.find(line) + line.size();
  const std::string address = second.said.substr(from, second.said.find(' ', from) - from);
  SpawnOptions options = Options({"worker", "list"});
  options.env.push_back("HANDOFF_COORDINATOR=" + address);
  options.env.push_back(
      absl::StrCat("HANDOFF_CREDENTIALS=", dir_.path(), "/second/coordinator/identity/local"));
  const auto listed = RunProcess(options, "", absl::Minutes(1));
  EXPECT_EQ(listed->status.code, 0) << listed->err;
  EXPECT_THAT(listed->out, HasSubstr("dev-1"));
  const std::string certificate = dir_.path() + "/second/dev-1/identity/renewal.pem";
  const std::string before = *ReadFile(certificate);
  second.End();
  Running again = StartPool("second");
  EXPECT_EQ(*ReadFile(certificate), before);
  again.End();
  first.End();
}

TEST_F(Dev, SaysHowToReachItWhereAnotherCoordinatorIsConfigured) {
  ASSERT_TRUE(MakeDirectories(dir_.path() + "/.config/handoff").ok());
  ASSERT_TRUE(WriteFileAtomically(dir_.path() + "/.config/handoff/config.toml",
                                  "coordinator = \"127.0.0.1:1\"\n")
                  .ok());
  Running pool = StartPool("pool");
  EXPECT_THAT(pool.said,
              HasSubstr("names another pool; for this one:\n  export HANDOFF_COORDINATOR=127."));
  pool.End();
}

}  // namespace
}  // namespace handoff::e2e
