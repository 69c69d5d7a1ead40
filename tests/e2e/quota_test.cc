// An account whose quota is used up, and one that runs only so many attempts at a time.

#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Matches;

std::string Agent(const std::string& binary, const std::string& more = "") {
  return absl::StrCat("[agents.cursor]\nbinary = \"", binary, "\"\n", more);
}

std::string Named(absl::Time time, const char* format) {
  return absl::FormatTime(format, time, absl::UTCTimeZone());
}

nlohmann::json Show(const Pool& pool, const std::string& id) {
  return nlohmann::json::parse(pool.Handoff({"show", id, "--json"}).out);
}

// Out of quota on one host until a named time, gone from another one since it was probed there, not
// logged in on the third. None has a retry to lose.
TEST(Quota, ThirtyHandoffsEndWhereTheyCanAndNoneIsBurnt) {
  Pool pool;
  pool.StartCoordinator();
  const absl::Time reset = absl::Now() + absl::Hours(5);
  const std::string out = pool.MakeAgent("status logged-out\n", "agent-out");
  const std::string gone = pool.MakeAgent("account gone@example.org\n", "agent-gone");
  const std::string empty = pool.MakeAgent(
      absl::StrCat("account empty@example.org\nquota You've hit your usage limit until ",
                   Named(reset, "%Y-%m-%dT%H:%M:%SZ"), "\n"),
      "agent-empty");
  pool.StartWorker("out", 4, {}, Agent(out));
  pool.StartWorker("gone", 4, {}, Agent(gone));
  pool.StartWorker("empty", 4, {}, Agent(empty));
  ASSERT_EQ(::unlink(gone.c_str()), 0);
  const std::string repository = pool.MakeRepository("repository");
  std::vector<std::string> ids;
  for (int i = 1; i <= 30; ++i) {
    ids.push_back(pool.Submit(
        {"--retries", "0", Pool::Script({absl::StrCat("write file-", i, " x"), "result ok"})},
        repository));
  }

  const auto true_reason = AllOf(
      HasSubstr("out: has to be set up for the agent cursor"), HasSubstr(out + " login"),
      HasSubstr("gone: "),
      AnyOf(HasSubstr("is on hold for the agent cursor"), HasSubstr("does not have the agent")),
      HasSubstr("empty: is on hold for the account empty@example.org of cursor"),
      HasSubstr("You've hit your usage limit"),
      HasSubstr(absl::StrCat("It ends at ", Named(reset, "%Y-%m-%d %H:%M:%S UTC"))));
  for (const std::string& id : ids) {
    pool.Eventually([&] { return Matches(true_reason)(pool.Handoff({"why", id}).out); });
    EXPECT_EQ(Show(pool, id).at("status"), "QUEUED") << id;
  }

  // Its owner logs in, with another account.
  ASSERT_TRUE(WriteFileAtomically(out + ".conf", "account other@example.org\n").ok());
  pool.Kill("out", SIGTERM);
  pool.RestartWorker("out");
  std::vector<std::string> wait = {"wait"};
  wait.insert(wait.end(), ids.begin(), ids.end());
  EXPECT_EQ(pool.Handoff(wait).exit_code, 0);
  for (const std::string& id : ids) {
    const nlohmann::json handoff = Show(pool, id);
    EXPECT_EQ(handoff.at("status"), "SUCCEEDED") << id;
    const auto& last = handoff.at("attempts").back();
    EXPECT_EQ(last.at("worker"), "out") << id;
    EXPECT_EQ(last.at("account"), "other@example.org") << id;
    EXPECT_EQ(last.at("facts").at("filesChanged"), "1") << id;
  }
}

TEST(Quota, AtTheNamedTimeItGoesOn) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string reset = Named(absl::Now() + absl::Seconds(10), "%Y-%m-%dT%H:%M:%SZ");
  const std::string id = pool.Submit(
      {"--retries", "0",
       Pool::Script({absl::StrCat("first ", pool.path("used-up"),
                                  " result error You've hit your usage limit until ", reset),
                     absl::StrCat("first ", pool.path("told"), " exit 1"), "result ok"})},
      pool.MakeRepository("repository"));
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  const nlohmann::json handoff = Show(pool, id);
  ASSERT_EQ(handoff.at("attempts").size(), 2u);
  EXPECT_EQ(handoff.at("attempts").at(0).at("failure"), "QUOTA");
  // To the second, without what follows it.
  EXPECT_GE(handoff.at("attempts").at(1).at("startedAt").get<std::string>().substr(0, 19),
            reset.substr(0, 19));
}

TEST(MaxParallel, OfAnAccountIsForTheWholePoolAndAFreedPlaceIsFilled) {
  Pool pool;
  pool.StartCoordinator();
  const std::string limited = Agent(Program("scripted-agent"), "max_parallel = 1\n");
  pool.StartWorker("a", 2, {}, limited);
  pool.StartWorker("b", 2, {}, limited);
  const std::string repository = pool.MakeRepository("repository");
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string first =
      pool.Submit({Pool::Script({absl::StrCat("tell ", said.path(), " up"),
                                 absl::StrCat("wait ", gate.path()), "result ok"})},
                  repository);
  said.Await();
  const std::string second = pool.Submit({Pool::Script({"result ok"})}, repository);
  EXPECT_THAT(pool.Handoff({"why", second}).out,
              HasSubstr("1 of 1 attempt of the account tester@localhost of cursor run"));
  EXPECT_THAT(pool.Handoff({"worker", "show", "b"}).out,
              HasSubstr("tester@localhost, at most 1 at a time"));
  // What needs no account of that agent is not kept waiting.
  EXPECT_EQ(pool.Handoff({"submit", "--wait", "--agent", "command", "--", "/bin/true"}).exit_code,
            0);
  gate.Open();
  EXPECT_EQ(pool.Handoff({"wait", first, second}).exit_code, 0);
}

}  // namespace
}  // namespace handoff::e2e
