// submit --push, from the command to the branch of the remote.

#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

// A clone whose origin is a bare repository; both below the pool's directory.
std::string CloneOfBare(const Pool& pool) {
  const std::string first = pool.MakeRepository("first");
  pool.Git(pool.dir(), {"clone", "-q", "--bare", first, pool.path("origin.git")});
  pool.Git(pool.dir(), {"clone", "-q", pool.path("origin.git"), pool.path("mine")});
  return pool.path("mine");
}

bool HasBranch(const Pool& pool, const std::string& id) {
  const std::string refs = pool.Git(pool.path("origin.git"), {"for-each-ref", "refs/heads"});
  return refs.find(absl::StrCat("refs/heads/handoff/", id)) != std::string::npos;
}

nlohmann::json PushOf(const Pool& pool, const std::string& id, size_t attempt = 0) {
  return nlohmann::json::parse(pool.Handoff({"show", id, "--json"}).out)
      .at("attempts")
      .at(attempt)
      .value("push", nlohmann::json::object());
}

TEST(Push, TheBranchHasCommitsAndWhatWasLeft) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string mine = CloneOfBare(pool);
  const std::string id =
      pool.Submit({"--push", Pool::Script({"write src/new.txt one", "commit Add a file",
                                           "write left.txt uncommitted", "result ok Done"})},
                  mine);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0) << pool.Handoff({"why", id}).out;
  pool.Eventually([&] { return PushOf(pool, id).value("state", "") == "PUSHED"; });
  const std::string origin = pool.path("origin.git"), branch = absl::StrCat("handoff/", id);
  EXPECT_EQ(pool.Git(origin, {"show", branch + ":left.txt"}), "uncommitted\n");
  EXPECT_EQ(pool.Git(origin, {"log", "-1", "--skip=1", "--format=%s", branch}), "Add a file\n");
  EXPECT_THAT(pool.Handoff({"show", id}).out, HasSubstr(" to refs/heads/" + branch));
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out, HasSubstr("Push of attempt 1"));
  // What fetch makes of it is the same commit.
  EXPECT_EQ(pool.Handoff({"fetch", id}, mine).exit_code, 0);
  EXPECT_EQ(pool.Git(mine, {"rev-parse", branch}), pool.Git(origin, {"rev-parse", branch}));
  // The next attempt moves what this one left.
  EXPECT_EQ(
      pool.Handoff({"send", id, Pool::Script({"write left.txt again", "result ok"})}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  pool.Eventually([&] { return PushOf(pool, id, 1).value("state", "") == "PUSHED"; });
  EXPECT_EQ(pool.Git(origin, {"show", branch + ":left.txt"}), "again\n");
}

TEST(Push, OfACancelledAttemptNothingIsPushed) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string mine = CloneOfBare(pool);
  const Gate begun(pool.path("begun"));
  const std::string id =
      pool.Submit({"--push", "--agent", "command",
                   absl::StrCat("echo work > work; echo > ", begun.path(), "; sleep 1000")},
                  mine);
  begun.Await();
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  // Its worker is free again when it has done all that it does for the attempt.
  const std::string next = pool.Submit({"--agent", "command", "true"}, mine);
  EXPECT_EQ(pool.Handoff({"wait", next}).exit_code, 0);
  EXPECT_FALSE(HasBranch(pool, id));
  EXPECT_TRUE(PushOf(pool, id).empty());
}

TEST(Push, WithoutARemoteItIsRefusedBeforeAnythingLeaves) {
  Pool pool;
  pool.StartCoordinator();
  const std::string alone = pool.MakeRepository("alone");
  const CommandResult refused = pool.Handoff({"submit", "--push", "do it"}, alone);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("no remote"));
  const CommandResult nowhere = pool.Handoff({"submit", "--push", "--agent", "command", "true"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("this handoff has none"));
  EXPECT_EQ(pool.Handoff({"list", "--all", "--json"}).out, "");
}

}  // namespace
}  // namespace handoff::e2e
