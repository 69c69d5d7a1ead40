// What is left of an attempt when its host is gone for good: all that the coordinator got of it.

#include <signal.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

nlohmann::json Show(const Pool& pool, const std::string& id) {
  return nlohmann::json::parse(pool.Handoff({"show", id, "--json"}).out);
}

TEST(Checkpoint, AWorkerThatIsGoneTakesNoFileOfAnEndedAttemptWithIt) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string repository = pool.MakeRepository("repository");
  const std::string id = pool.Submit(
      {Pool::Script({absl::StrCat("first ", pool.path("begun"), " write src/new.txt one"),
                     absl::StrCat("first ", pool.path("committed"), " commit Add a file"),
                     absl::StrCat("first ", pool.path("left"), " write left.txt uncommitted"),
                     "tool shell cat src/new.txt left.txt; git log -1 --format=%s; git status -s",
                     "result ok Done"})},
      repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << pool.Handoff({"why", id}).out;
  pool.Kill("a", SIGKILL);
  ASSERT_TRUE(RemoveTree(pool.path("a")).ok());
  pool.StartWorker("b", 1);
  EXPECT_EQ(pool.Handoff({"resume", id, "--on", "b"}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << pool.Handoff({"why", id}).out;
  const auto two = Show(pool, id).at("attempts").at(1);
  EXPECT_EQ(two.at("worker"), "b");
  EXPECT_EQ(two.at("sessionKind"), "FRESH") << "Cursor keeps its sessions where nobody finds them";
  const std::string workspace = two.at("workspace");
  EXPECT_EQ(ReadFile(workspace + "/src/new.txt").value_or(""), "one\n");
  EXPECT_EQ(ReadFile(workspace + "/left.txt").value_or(""), "uncommitted\n");
  EXPECT_EQ(pool.Git(workspace, {"log", "-1", "--format=%s"}), "Add a file\n");
  EXPECT_THAT(pool.Git(workspace, {"status", "--short"}), HasSubstr("?? left.txt"));
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out, HasSubstr("fresh session"));
}

TEST(Checkpoint, AHostThatIsLostInTheMiddleLeavesWhatWasTakenWhileItRan) {
  Pool pool;
  pool.StartCoordinator();
  const std::string quick = "[checkpoint]\ninterval = \"100ms\"\n";
  pool.StartWorker("a", 1, {}, quick);
  const std::string repository = pool.MakeRepository("repository");
  const Gate begin(pool.path("begin")), never(pool.path("never"));
  ASSERT_TRUE(WriteFileAtomically(pool.path("half"), "half\n").ok());
  // A rename: there is no state in between.
  const std::string id = pool.Submit(
      {"--agent", "command", "--lease", "5s",
       absl::StrCat("if mkdir ", pool.path("first"), " 2>/dev/null; then\n  cat ", begin.path(),
                    "; mv ", pool.path("half"), " work; cat ", never.path(), "\nfi\ncat work\n")},
      repository);
  const auto stored = [&] {
    return Show(pool, id)
        .at("attempts")
        .at(0)
        .value("checkpoint", nlohmann::json::object())
        .value("commit", "");
  };
  pool.Eventually([&] { return !stored().empty(); });
  const std::string clean = stored();
  begin.Open();
  pool.Eventually([&] { return stored() != clean; });
  const auto started = nlohmann::json::parse(
      *ReadFile(absl::StrCat(pool.path("a"), "/attempts/", id, "/1/shim.pid")));
  pool.Kill("a", SIGKILL);
  ::kill(started.at("pid").get<pid_t>(), SIGKILL);
  ::kill(-started.at("agent_pid").get<pid_t>(), SIGKILL);
  ASSERT_TRUE(RemoveTree(pool.path("a")).ok());
  pool.StartWorker("b", 1);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << pool.Handoff({"why", id}).out;
  const auto attempts = Show(pool, id).at("attempts");
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts.at(0).at("state"), "LOST");
  EXPECT_EQ(pool.Handoff({"logs", id, "--raw"}).out, "half\n");
}

}  // namespace
}  // namespace handoff::e2e
