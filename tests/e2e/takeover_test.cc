// A person goes on by hand with what an agent left, and gives it back: from another clone, here, on
// the host, and while it still runs.

#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Takeover : public ::testing::Test {
 protected:
  Takeover() {
    pool.StartCoordinator();
    pool.StartWorker("a", 1);
    origin = pool.MakeRepository("origin");
  }

  nlohmann::json Show(const std::string& id) const {
    return nlohmann::json::parse(pool.Handoff({"show", id, "--json"}).out);
  }
  std::string Clone(const std::string& name) const {
    pool.Git(pool.dir(), {"clone", "-q", origin, name});
    return pool.path(name);
  }
  void Write(const std::string& path, const std::string& content) const {
    ASSERT_TRUE(WriteFileAtomically(path, content, 0644).ok());
  }
  void CommitAll(const std::string& where, const std::string& subject) const {
    pool.Git(where, {"add", "-A"});
    pool.Git(where, {"commit", "-q", "-m", subject});
  }
  std::string Workspace(const std::string& worker, const std::string& id) const {
    return absl::StrCat(pool.path(worker), "/workspaces/", id, "/repo");
  }
  std::string Prompt(const std::string& worker, const std::string& id, int attempt) const {
    return ReadFile(absl::StrCat(Workspace(worker, id), "/.cursor/agent-handoffs/", id, "/attempt-",
                                 attempt, ".prompt.md"))
        .value_or("");
  }
  // One step that is played in the first attempt alone.
  std::string Once(const std::string& name, const std::string& step) const {
    return absl::StrCat("first ", pool.path(name), " ", step);
  }

  Pool pool;
  std::string origin;
};

TEST_F(Takeover, FromAFreshCloneTwoCommitsByHandAndTheNextAttemptSeesThem) {
  const std::string id = pool.Submit(
      {"--id", "byhand",
       Pool::Script({Once("1", "write src/agent.txt one"), Once("2", "commit The agent's"),
                     Once("3", "write left.txt uncommitted"), Once("4", "result ok Done")})},
      Clone("mine"));
  ASSERT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << pool.Handoff({"why", id}).out;
  // Drained, so that nothing is given to it before its silence is noticed.
  ASSERT_EQ(pool.Handoff({"worker", "drain", "a"}).exit_code, 0);
  pool.Kill("a", SIGKILL);
  ASSERT_TRUE(RemoveTree(pool.path("a")).ok());

  const std::string other = Clone("other");
  const CommandResult taken = pool.Handoff({"takeover", id}, other);
  ASSERT_EQ(taken.exit_code, 0) << taken.err;
  EXPECT_THAT(taken.out, HasSubstr("Original task:"));
  EXPECT_EQ(Show(id).at("status"), "INTERACTIVE");
  EXPECT_EQ(Show(id).at("takenBy"), Pool::Person());
  EXPECT_THAT(pool.Handoff({"list"}).out,
              HasSubstr(absl::StrCat("interactive (", Pool::Person(), ")")));
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 9);
  const std::string tree = absl::StrCat(other, "-", id);
  EXPECT_EQ(pool.Git(tree, {"log", "-1", "--format=%s"}), "The agent's\n");
  EXPECT_EQ(pool.Git(tree, {"status", "--porcelain"}), "?? left.txt\n");
  EXPECT_THAT(*ReadFile(absl::StrCat(tree, "/.cursor/agent-handoffs/", id, "/attempt-1.log")),
              HasSubstr("\"type\":\"result\""));

  Write(tree + "/first.txt", "1\n");
  CommitAll(tree, "First by hand");  // with what the agent had left
  Write(tree + "/second.txt", "2\n");
  CommitAll(tree, "Second by hand");
  Write(tree + "/open.txt", "not committed\n");
  pool.StartWorker("b", 1);
  const CommandResult returned = pool.Handoff(
      {"return", id,
       "Mind the gap.\nscript: tool shell cat open.txt first.txt; git log --format=%s; git status "
       "-s\nscript: result ok Seen",
       "--wait"},
      tree);
  ASSERT_EQ(returned.exit_code, 0) << returned.err << pool.Handoff({"why", id}).out;
  EXPECT_THAT(returned.err, HasSubstr("returned 2 commits"));

  const std::string workspace = Workspace("b", id);
  EXPECT_EQ(pool.Git(workspace, {"log", "--format=%s"}),
            "Second by hand\nFirst by hand\nThe agent's\nBegin\n");
  EXPECT_EQ(pool.Git(workspace, {"rev-parse", "HEAD"}), pool.Git(tree, {"rev-parse", "HEAD"}));
  EXPECT_EQ(pool.Git(workspace, {"status", "--porcelain"}), "?? open.txt\n");
  EXPECT_EQ(*ReadFile(workspace + "/open.txt"), "not committed\n");
  const std::string prompt = Prompt("b", id, 2);
  EXPECT_THAT(prompt,
              HasSubstr(Pool::Person() + " went on with this by hand from what attempt 1 left"));
  EXPECT_THAT(prompt, HasSubstr(" Second by hand"));
  EXPECT_THAT(prompt, HasSubstr("- A open.txt (not committed)"));
  EXPECT_THAT(prompt, HasSubstr("Mind the gap."));
  EXPECT_THAT(pool.Handoff({"logs", id, "--raw"}).out, HasSubstr("Second by hand"));
  EXPECT_EQ(Show(id).at("attempts").size(), 2u);
}

TEST_F(Takeover, ReturnedAsDoneItsChecksDecide) {
  const std::string mine = Clone("mine");
  const std::string id = pool.Submit(
      {"--id", "checked", "--check", "test -e fixed.txt", Pool::Script({"result ok Done"})}, mine);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  ASSERT_EQ(pool.Handoff({"takeover", id}, mine).exit_code, 0);
  const std::string tree = absl::StrCat(mine, "-", id);
  Write(tree + "/other.txt", "no help\n");
  const CommandResult failed = pool.Handoff({"return", id, "--done", "--wait"}, tree);
  EXPECT_EQ(failed.exit_code, 1) << failed.err;
  EXPECT_TRUE(Show(id).at("attempts").at(1).at("onlyChecks"));
  EXPECT_EQ(Show(id).at("failure"), "CHECKS_FAILED");

  const CommandResult again = pool.Handoff({"takeover", id}, mine);
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(*ReadFile(tree + "/other.txt"), "no help\n");
  Write(tree + "/fixed.txt", "fixed\n");
  CommitAll(tree, "Mend it");
  const CommandResult passed = pool.Handoff({"return", id, "--done", "--wait"}, tree);
  EXPECT_EQ(passed.exit_code, 0) << passed.err << pool.Handoff({"why", id}).out;
  EXPECT_EQ(Show(id).at("status"), "SUCCEEDED");
  EXPECT_TRUE(Show(id).at("verified"));
  EXPECT_EQ(Show(id).at("attempts").size(), 3u);
  // What was made by hand is the work that is fetched.
  ASSERT_EQ(pool.Handoff({"fetch", id}, Clone("third")).exit_code, 0);
  EXPECT_EQ(pool.Git(pool.path("third"), {"log", "-1", "--format=%s", "handoff/" + id}),
            "Mend it\n");
}

TEST_F(Takeover, HereOnlyWhileTheTreeIsWhatWasSubmitted) {
  const std::string mine = Clone("mine");
  Write(mine + "/README.md", "# Mine\n");
  Write(mine + "/new.txt", "untracked\n");
  const auto submit = [&](const std::string& id) {
    pool.Submit({"--id", id, Pool::Script({"write agent.txt one", "result ok Done"})}, mine);
    EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  };
  submit("here");
  submit("moved");
  const CommandResult here = pool.Handoff({"takeover", "here", "--here"}, mine);
  ASSERT_EQ(here.exit_code, 0) << here.err;
  EXPECT_EQ(pool.Git(mine, {"symbolic-ref", "--short", "HEAD"}), "handoff/here\n");
  EXPECT_EQ(pool.Git(mine, {"status", "--porcelain"}), " M README.md\n?? agent.txt\n?? new.txt\n");
  EXPECT_EQ(pool.Handoff({"return", "here", "--unchanged"}, mine).exit_code, 0);

  pool.Git(mine, {"checkout", "-q", "main"});
  ASSERT_TRUE(RemoveTree(mine + "/agent.txt").ok());
  Write(mine + "/new.txt", "moved on\n");
  const CommandResult moved = pool.Handoff({"takeover", "moved", "--here"}, mine);
  EXPECT_EQ(moved.exit_code, 6);
  EXPECT_THAT(moved.err, HasSubstr("no longer those that were submitted"));
  EXPECT_EQ(*ReadFile(mine + "/new.txt"), "moved on\n");
  EXPECT_FALSE(PathExists(mine + "/agent.txt"));
  EXPECT_EQ(Show("moved").at("status"), "SUCCEEDED") << "it was not taken for that";
}

TEST_F(Takeover, OfARunningOneWithStopAndNotWithout) {
  const std::string mine = Clone("mine");
  Gate said(pool.path("said"));
  const std::string id =
      pool.Submit({"--id", "runs",
                   Pool::Script({Once("1", "write half.txt half"),
                                 absl::StrCat("tell ", said.path(), " here"), "silence"})},
                  mine);
  EXPECT_EQ(said.Await(), "here");
  const CommandResult refused = pool.Handoff({"takeover", id}, mine);
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_THAT(refused.err, HasSubstr("--stop"));
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_EQ(Show(id).at("status"), "RUNNING");
  EXPECT_FALSE(PathExists(absl::StrCat(mine, "-", id)));
  const CommandResult taken = pool.Handoff({"takeover", id, "--stop"}, mine);
  ASSERT_EQ(taken.exit_code, 0) << taken.err;
  EXPECT_EQ(*ReadFile(absl::StrCat(mine, "-", id, "/half.txt")), "half\n");
  EXPECT_EQ(Show(id).at("status"), "INTERACTIVE");
  const auto attempts = Show(id).at("attempts");
  ASSERT_EQ(attempts.size(), 1u) << "nothing runs of it";
  EXPECT_THAT(pool.Handoff({"show", id}).out, HasSubstr("handoff return runs MESSAGE"));
}

TEST_F(Takeover, OnItsHostTheWorkspaceItselfIsThePersons) {
  const std::string mine = Clone("mine");
  const std::string id = pool.Submit({"--id", "host", Pool::Script({"result ok Done"})}, mine);
  ASSERT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  const CommandResult taken = pool.Handoff({"takeover", id, "--on-host"});
  ASSERT_EQ(taken.exit_code, 0) << taken.err;
  const std::string workspace = Workspace("a", id);
  EXPECT_THAT(taken.out, StartsWith("ssh "));
  EXPECT_THAT(taken.out,
              HasSubstr(absl::StrCat(" -t 'cd ", workspace, " && cursor-agent --resume=")));
  EXPECT_EQ(Show(id).at("takenOn"), "a");
  EXPECT_THAT(pool.Handoff({"worker", "show", "a"}).out, HasSubstr("Reach      ssh "));
  Write(workspace + "/by-hand.txt", "by hand\n");
  CommitAll(workspace, "By hand");
  const CommandResult returned = pool.Handoff(
      {"return", id, "script: tool shell git log --format=%s\nscript: result ok Seen", "--wait"});
  ASSERT_EQ(returned.exit_code, 0) << returned.err << pool.Handoff({"why", id}).out;
  EXPECT_THAT(pool.Handoff({"logs", id, "--raw"}).out, HasSubstr("By hand\\nBegin"));
  EXPECT_EQ(Show(id).at("attempts").at(1).at("sessionKind"), "SAME");
  EXPECT_THAT(Prompt("a", id, 2), HasSubstr("by hand in this workspace"));
}

}  // namespace
}  // namespace handoff::e2e
