// kill -9 of each daemon while agents run: nothing that was answered is lost, the agent never
// notices, and its exit status is right.

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

// Says one line, waits at the gate, says another and exits with `code`.
std::string TwoHalves(const Gate& said, const Gate& gate, int code) {
  return absl::StrCat("echo first half\necho $$ >", said.path(), "\ncat ", gate.path(),
                      " >/dev/null\necho second half\nexit ", code, "\n");
}

nlohmann::json Show(const Pool& pool, const std::string& id) {
  const CommandResult show = pool.Handoff({"show", id, "--json"});
  EXPECT_EQ(show.exit_code, 0) << show.err;
  return nlohmann::json::parse(show.out);
}

TEST(Crash, OfTheCoordinatorLosesNoAnsweredSubmit) {
  Pool pool;
  pool.StartCoordinator();
  std::vector<std::string> ids;
  for (int round = 0; round < 3; ++round) {
    // Killed when the first of several was answered; the others are anywhere on their way.
    std::vector<Subprocess> submits;
    std::vector<std::string> said;
    for (int i = 0; i < 6; ++i) {
      said.push_back(pool.path(absl::StrCat("said-", round, "-", i)));
      submits.push_back(pool.HandoffInBackground(
          {"submit", "--agent", "command", "--", "/bin/true"}, "", said.back()));
    }
    while (FileSize(said.front()).value_or(0) == 0) {
    }
    pool.Kill("coordinator", SIGKILL);
    for (Subprocess& submit : submits) submit.Signal(SIGKILL);
    for (Subprocess& submit : submits) EXPECT_TRUE(submit.Wait().ok());
    pool.StartCoordinator();
    for (const std::string& file : said) {
      const std::string id(absl::StripAsciiWhitespace(*ReadFile(file)));
      if (!id.empty()) ids.push_back(id);
    }
    for (const std::string& id : ids) EXPECT_EQ(Show(pool, id).at("status"), "QUEUED") << id;
  }
  EXPECT_GE(ids.size(), 3u);
}

// SIGKILL for a crash, SIGTERM for an upgrade.
class Restart : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(By, Restart, ::testing::Values(SIGKILL, SIGTERM),
                         [](const auto& instance) {
                           return instance.param == SIGKILL ? "SIGKILL" : "SIGTERM";
                         });

TEST_P(Restart, OfTheCoordinatorIsNotNoticedByARunningAgentAndTheLogIsWhole) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string id = pool.Submit({"--agent", "command", TwoHalves(said, gate, 0)});
  said.Await();
  pool.Kill("coordinator", GetParam());
  gate.Open();
  pool.StartCoordinator();
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"logs", id, "--raw"}).out, "first half\nsecond half\n");
  EXPECT_EQ(Show(pool, id).at("attempts").size(), 1u);
}

TEST_P(Restart, OfTheWorkerDaemonWhileItsAgentRunsIsAdopted) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string id = pool.Submit({"--agent", "command", TwoHalves(said, gate, 3)});
  said.Await();
  pool.Kill("a", GetParam());
  pool.RestartWorker("a");
  gate.Open();
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  const auto shown = Show(pool, id);
  EXPECT_EQ(shown.at("attempts").size(), 1u);
  EXPECT_EQ(shown.at("attempts").at(0).at("exitCode"), 3);
  EXPECT_EQ(pool.Handoff({"logs", id, "--raw"}).out, "first half\nsecond half\n");
}

// Trap 14: a report that is lost with its daemon.
TEST(Crash, Trap14OfTheWorkerDaemonWhileTheAgentEndsStillReportsItsExitStatus) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string id = pool.Submit({"--agent", "command", TwoHalves(said, gate, 5)});
  said.Await();
  pool.Kill("a", SIGKILL);
  gate.Open();  // ends while nobody looks
  pool.RestartWorker("a");
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  EXPECT_EQ(Show(pool, id).at("attempts").at(0).at("exitCode"), 5);
}

// The answer with the attempt was sent, and nothing of it is on the worker's disk.
TEST(Crash, OfTheWorkerDaemonBeforeItTookAnAttemptUpCostsNothing) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  pool.Kill("a", SIGSTOP);
  const std::string id =
      pool.Submit({"--retries", "0", "--agent", "command", "echo all of it\nexit 3\n"});
  pool.Eventually([&] { return Show(pool, id).at("attempts").at(0).value("worker", "") == "a"; });
  pool.Kill("a", SIGKILL);
  pool.RestartWorker("a");
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  const auto attempts = Show(pool, id).at("attempts");
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts.at(0).at("state"), "LOST");
  EXPECT_EQ(attempts.at(1).value("exitCode", -1), 3) << attempts.at(1);
}

class EveryFile : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Of, EveryFile, ::testing::Bool(), [](const auto& instance) {
  return instance.param ? "AnAttemptWithARepository" : "AnAttemptWithoutOne";
});

// Each file of an attempt marks a step: prepared, launched, spawned, locked, running, ended,
// reported.
TEST_P(EveryFile, AtWhichTheWorkerDaemonIsKilledLosesNothing) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string repository = pool.MakeRepository("origin");
  int number = 0;
  for (const std::string file : {"attempt.pb", "tmp", "script", "launch.pb", "shim.json", "lock",
                                 "shim.pid", "log", "exit.json", "ended.pb"}) {
    SCOPED_TRACE(file);
    const std::string id = absl::StrCat("crash-", ++number);
    std::vector<std::string> command = {"submit", "--id",    id,       "--retries",
                                        "0",      "--agent", "command"};
    if (GetParam()) command.insert(command.end(), {"--repo", repository, "--ref", "main"});
    command.emplace_back("echo work >made; echo all of it\nexit 3\n");
    Subprocess submit = pool.HandoffInBackground(command);
    const std::string path = absl::StrCat(pool.path("a"), "/attempts/", id, "/1/", file);
    while (!PathExists(path)) {
    }
    pool.Kill("a", SIGKILL);
    pool.RestartWorker("a");
    EXPECT_TRUE(submit.Wait()->ok());
    EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
    const auto shown = Show(pool, id);
    ASSERT_EQ(shown.at("attempts").size(), 1u);
    EXPECT_EQ(shown.at("attempts").at(0).value("exitCode", -1), 3) << shown.at("attempts").at(0);
    EXPECT_EQ(pool.Handoff({"logs", id, "--raw"}).out, "all of it\n");
    EXPECT_EQ(shown.value("changed", false), GetParam()) << shown;
  }
}

TEST(Crash, OfTheShimIsReportedAndTheTreeIsEnded) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string id =
      pool.Submit({"--agent", "command", "--retries", "0", TwoHalves(said, gate, 0)});
  const pid_t agent = std::stoi(said.Await());
  const auto started = nlohmann::json::parse(
      *ReadFile(absl::StrCat(pool.path("a"), "/attempts/", id, "/1/shim.pid")));
  ::kill(started.at("pid").get<pid_t>(), SIGKILL);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  EXPECT_FALSE(IsRunning(agent)) << "the agent outlived its attempt";
  EXPECT_EQ(Show(pool, id).at("failure"), "WORKER_LOST");
}

TEST(Crash, OfTheWorkerDaemonWhileItChecksOutIsDoneAgain) {
  Pool pool;
  pool.StartCoordinator();
  const std::string repository = pool.MakeRepository("origin");
  pool.StartWorker("a", 1);
  const std::vector<std::string> submit = {"--agent", "command", "--repo",   repository, "--ref",
                                           "main",    "--",      "/bin/cat", "README.md"};
  EXPECT_EQ(pool.Handoff({"wait", pool.Submit(submit)}).exit_code, 0);  // makes the mirror
  const std::string mirrors = pool.path("a") + "/mirrors";
  std::vector<UniqueFd> locks;
  const std::vector<std::string> names = ListDirectory(mirrors).value();
  for (const std::string& name : names) {
    auto mirror = OpenFile(absl::StrCat(mirrors, "/", name), O_RDONLY);
    ASSERT_TRUE(mirror.ok());
    ASSERT_EQ(::flock(mirror->get(), LOCK_EX), 0);
    locks.push_back(*std::move(mirror));
  }
  const std::string id = pool.Submit(submit);
  pool.Eventually([&] {
    return absl::StrContains(Show(pool, id).value("phase", ""), "waiting for another checkout");
  });
  pool.Kill("a", SIGKILL);
  pool.RestartWorker("a");
  locks.clear();
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << pool.Handoff({"why", id}).out;
  EXPECT_EQ(Show(pool, id).at("attempts").size(), 1u);
  EXPECT_EQ(pool.Handoff({"logs", id, "--raw"}).out, "# A repository\n");
}

}  // namespace
}  // namespace handoff::e2e
