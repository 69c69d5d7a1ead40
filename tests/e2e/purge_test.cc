// handoff delete --purge, as far as its workers.

#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

TEST(Purge, AWorkerThatWasAwayForgetsItToo) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string repository = pool.MakeRepository("repository");
  const std::string id = pool.Submit({"--agent", "command", "echo secret | tee file"}, repository);
  const std::string kept = pool.Submit({"--agent", "command", "echo kept"}, repository);
  for (const std::string& each : {id, kept}) {
    ASSERT_EQ(pool.Handoff({"wait", each}).exit_code, 0) << pool.Handoff({"why", each}).out;
  }
  const auto has = [&](const std::string& of) {
    return PathExists(absl::StrCat(pool.path("a"), "/workspaces/", of)) ||
           PathExists(absl::StrCat(pool.path("a"), "/attempts/", of));
  };
  ASSERT_TRUE(has(id));
  pool.Kill("a", SIGTERM);
  EXPECT_EQ(pool.Handoff({"delete", "--purge", "--yes", id}).exit_code, 0);
  const std::string logs = absl::StrCat(pool.path("coordinator"), "/logs/");
  EXPECT_FALSE(PathExists(logs + id));
  EXPECT_TRUE(PathExists(logs + kept));
  const CommandResult gone = pool.Handoff({"show", id});
  EXPECT_EQ(gone.exit_code, 3);
  EXPECT_THAT(gone.err, HasSubstr("was purged by "));
  EXPECT_THAT(pool.Handoff({"events"}).out, HasSubstr("purged"));
  pool.Kill("coordinator", SIGKILL);
  pool.StartCoordinator();
  ASSERT_TRUE(has(id)) << "its worker has not heard of it yet";
  pool.RestartWorker("a");
  pool.Eventually([&] { return !has(id); });
  EXPECT_TRUE(has(kept));
}

}  // namespace
}  // namespace handoff::e2e
