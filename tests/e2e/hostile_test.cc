// Agents, repositories and disks that do what they should not.

#include <signal.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

nlohmann::json Show(const Pool& pool, const std::string& id) {
  return nlohmann::json::parse(pool.Handoff({"show", id, "--json"}).out);
}

TEST(Hostile, ADotCursorThatLeadsElsewhereIsNotFollowed) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string repository = pool.MakeRepository("repository");
  const std::string elsewhere = pool.path("elsewhere");
  ASSERT_TRUE(MakeDirectories(elsewhere).ok());
  ASSERT_EQ(::symlink(elsewhere.c_str(), (repository + "/.cursor").c_str()), 0);
  pool.Git(repository, {"add", "."});
  pool.Git(repository, {"commit", "-q", "-m", "Lead elsewhere"});
  const std::string id = pool.Submit(
      {"--agent", "command", "--repo", repository, "--ref", "main", "--", "/bin/cat", "README.md"});
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << pool.Handoff({"why", id}).out;
  EXPECT_EQ(pool.Handoff({"logs", id, "--raw"}).out, "# A repository\n");
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out, HasSubstr("- Status: succeeded"));
  EXPECT_THAT(*ListDirectory(elsewhere), IsEmpty());
}

// Neither daemon knows of the attempt any more, and its tree is still there.
TEST(Hostile, AnAttemptWithoutItsDirectoryDoesNotRunTwiceAtOnce) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate gate(pool.path("gate"));
  const std::string first = pool.path("first");
  const std::string id =
      pool.Submit({"--agent", "command",
                   absl::StrCat("if [ -e ", first, " ]; then\n  kill -0 $(cat ", first,
                                ") 2>/dev/null && exit 9\n  exit 0\nfi\necho $$ >", first,
                                "\n# Its shim still writes there while it begins.\n"
                                "until rm -rf \"$HANDOFF_ATTEMPT_DIR\" 2>/dev/null; do :; done\n"
                                "echo gone >",
                                gate.path(), "\nexec sleep 1000\n")});
  gate.Await();
  pool.StartWorker("b", 1);
  pool.Kill("a", SIGKILL);
  pool.RestartWorker("a");
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << "two attempts ran at once";
  EXPECT_EQ(Show(pool, id).at("attempts").size(), 2u);
}

TEST(Hostile, AFullDiskKeepsNoDaemonFromItsAgentAndNoStopWithoutAReason) {
  Pool pool;
  pool.StartCoordinator();
  if (!pool.MakeSmallDisk("a")) GTEST_SKIP() << "this host lets nobody mount a file system";
  pool.StartWorker("a", 1);
  Gate gate(pool.path("gate"));
  const std::string id = pool.Submit(
      {"--agent", "command", absl::StrCat("echo $$ >", gate.path(), "\nexec sleep 1000\n")});
  const pid_t agent = std::stoi(gate.Await());
  pool.FillDisk("a");
  pool.Kill("a", SIGKILL);
  pool.RestartWorker("a");
  pool.FillDisk("a");  // what the daemon itself gave up
  EXPECT_TRUE(IsRunning(agent));
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  pool.Eventually([&] { return !IsRunning(agent); });
  pool.Eventually([&] { return pool.Handoff({"why", id}).out.find("disk") != std::string::npos; });
  pool.FreeDisk("a");
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  EXPECT_EQ(Show(pool, id).at("attempts").size(), 1u);
}

}  // namespace
}  // namespace handoff::e2e
