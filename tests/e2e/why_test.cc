// `handoff why` gives the true reason, and the command to type where there is one.

#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Why(const Pool& pool, const std::string& id) {
  const CommandResult why = pool.Handoff({"why", id});
  EXPECT_EQ(why.exit_code, 0) << why.err;
  return why.out;
}

TEST(Why, NoWorker) {
  Pool pool;
  pool.StartCoordinator();
  EXPECT_THAT(Why(pool, pool.Submit({"--agent", "command", "--", "/bin/true"})),
              AllOf(HasSubstr("No worker is registered"),
                    HasSubstr(absl::StrCat("--coordinator ", pool.address(), " --name"))));
}

TEST(Why, NoFreeSlot) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string first = pool.Submit(
      {"--agent", "command", absl::StrCat("echo >", said.path(), "\ncat ", gate.path(), "\n")});
  said.Await();
  const std::string second = pool.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_THAT(Why(pool, second), AllOf(HasSubstr("slot"), HasSubstr("a")));
  gate.Open();
  EXPECT_EQ(pool.Handoff({"wait", first, second}).exit_code, 0);
}

TEST(Why, RequirementNotMatched) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1, {"--label", "gpu=no"});
  const std::string id =
      pool.Submit({"--agent", "command", "--require", "gpu=yes", "--", "/bin/true"});
  EXPECT_THAT(Why(pool, id), HasSubstr("gpu=yes"));
}

TEST(Why, AgentNotInstalled) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1, {}, "[agents.cursor]\nbinary = \"/nowhere/cursor-agent\"\n");
  const std::string id =
      pool.Submit({"--agent", "cursor", "do it"}, pool.MakeRepository("repository"));
  EXPECT_THAT(Why(pool, id), AllOf(HasSubstr("cursor"), HasSubstr("not")));
}

TEST(Why, AgentNotLoggedInWithTheCommandToRun) {
  Pool pool;
  pool.StartCoordinator();
  const std::string agent = pool.MakeAgent("status logged-out\n");
  pool.StartWorker("a", 1, {}, absl::StrCat("[agents.cursor]\nbinary = \"", agent, "\"\n"));
  const std::string id = pool.Submit({"do it"}, pool.MakeRepository("repository"));
  EXPECT_THAT(Why(pool, id), AllOf(HasSubstr("not logged in"), HasSubstr(agent + " login")));
}

TEST(Why, HostOnHold) {
  Pool pool;
  pool.StartCoordinator();
  const std::string agent = pool.MakeAgent("");
  pool.StartWorker("a", 1, {}, absl::StrCat("[agents.cursor]\nbinary = \"", agent, "\"\n"));
  // Gone after the probe that found it.
  ASSERT_EQ(::unlink(agent.c_str()), 0);
  const std::string repository = pool.MakeRepository("repository");
  const std::string id = pool.Submit({"do it"}, repository);
  pool.Eventually(
      [&] { return absl::StrContains(Why(pool, id), "is on hold for the agent cursor"); });
  // The host is at fault: no retry is spent, and what needs no agent still runs there.
  EXPECT_THAT(pool.Handoff({"show", id}).out, HasSubstr("queued"));
  EXPECT_EQ(pool.Handoff({"submit", "--wait", "--agent", "command", "--", "/bin/true"}).exit_code,
            0);
}

TEST(Why, BackingOff) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string id =
      pool.Submit({"--agent", "command", "--retries", "10", "--repo", "git://127.0.0.1:1/x.git",
                   "--ref", "main", "--", "/bin/true"});
  pool.Eventually([&] { return absl::StrContains(Why(pool, id), "is backing off until"); });
  EXPECT_THAT(Why(pool, id), HasSubstr("127.0.0.1"));
}

TEST(Why, WorkerDraining) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  EXPECT_EQ(pool.Handoff({"worker", "drain", "a", "--reason", "new disk"}).exit_code, 0);
  const std::string id = pool.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_THAT(Why(pool, id), AllOf(HasSubstr("drain"), HasSubstr("new disk")));
  EXPECT_EQ(pool.Handoff({"worker", "undrain", "a"}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
}

TEST(Why, RepositoryUnreachableInLibgit2sOwnWords) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string id =
      pool.Submit({"--agent", "command", "--retries", "0", "--repo", "git://127.0.0.1:1/x.git",
                   "--ref", "main", "--", "/bin/true"});
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  EXPECT_THAT(Why(pool, id), HasSubstr("failed to connect to 127.0.0.1"));
}

TEST(Why, DiskLow) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1, {}, "[disk]\nreserve = \"1000000GB\"\n");
  const std::string id = pool.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_THAT(Why(pool, id), HasSubstr("disk"));
}

}  // namespace
}  // namespace handoff::e2e
