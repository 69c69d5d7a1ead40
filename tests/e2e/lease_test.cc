// The end of a lease: the holder's tree is frozen before another host starts, and thaws or ends by
// the rules.

#include <signal.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

// A handoff whose first attempt counts until `stop` exists; a later one says so and waits at its
// gate. What it needs lies in a directory of its own.
class Counting {
 public:
  Counting(Pool& pool, const std::string& name) : pool_(pool), dir_(Made(pool.path(name))) {}

  // Its tree runs on `worker`, which has the only free slot.
  void Begin(const std::string& worker) {
    worker_ = worker;
    id = pool_.Submit(
        {"--agent", "command", "--lease", "5s",
         absl::StrCat("cd ", dir_, "\nif mkdir first 2>/dev/null; then\n", "  echo $$ >",
                      first_.path(), "\n  i=0\n  until [ -e stop ]; do\n    i=$((i + 1))\n",
                      "    echo $i >count\n  done\nelse\n  echo second >", second.path(),
                      "\n  cat ", gate.path(), "\nfi\n")});
    agent = std::stoi(first_.Await());
  }
  // The tree of the first attempt: by its cgroup, or by SIGSTOP where the shim has none.
  bool IsFrozen() const {
    const auto started = nlohmann::json::parse(
        *ReadFile(absl::StrCat(pool_.path(worker_), "/attempts/", id, "/1/shim.pid")));
    const std::string cgroup = started.at("cgroup");
    if (!cgroup.empty()) {
      return absl::StrContains(ReadFile(cgroup + "/cgroup.events").value_or(""), "frozen 1");
    }
    const auto stat = ReadFile(absl::StrCat("/proc/", agent, "/stat"));
    return stat.ok() && stat->substr(stat->rfind(')') + 2, 1) == "T";
  }
  std::string Count() const { return ReadFile(dir_ + "/count").value_or(""); }
  void Stop() const { ASSERT_TRUE(WriteFileAtomically(dir_ + "/stop", "").ok()); }
  nlohmann::json Show() const {
    return nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}).out);
  }

 private:
  static std::string Made(std::string directory) {
    CHECK(MakeDirectories(directory).ok());
    return directory;
  }

  Pool& pool_;
  const std::string dir_;
  const Gate first_{dir_ + "/pid"};
  std::string worker_;

 public:
  const Gate second{dir_ + "/second"}, gate{dir_ + "/gate"};
  std::string id;
  pid_t agent = 0;
};

// One daemon is dead, the other one stands still: neither freezes anything.
TEST(Lease, OfADaemonThatIsSilentIsOverBeforeAnotherHostStarts) {
  Pool pool;
  pool.StartCoordinator();
  Counting dead(pool, "of-dead"), still(pool, "of-still");
  pool.StartWorker("dead", 1);
  dead.Begin("dead");
  pool.StartWorker("still", 1);
  still.Begin("still");
  pool.StartWorker("other", 2);
  pool.Kill("dead", SIGKILL);
  pool.Kill("still", SIGSTOP);
  for (const Counting* one : {&dead, &still}) {
    SCOPED_TRACE(one->id);
    // Lease, margin of 60 s and back-off later.
    EXPECT_EQ(one->second.Await(), "second");
    EXPECT_TRUE(IsRunning(one->agent));
    EXPECT_TRUE(one->IsFrozen()) << "two attempts of one handoff run";
    const std::string count = one->Count();
    EXPECT_THAT(pool.Handoff({"show", one->id}).out, HasSubstr("running"));
    EXPECT_EQ(one->Count(), count) << "the first attempt works while the second runs";
    one->gate.Open();
    EXPECT_EQ(pool.Handoff({"wait", one->id}).exit_code, 0);
  }
  // Back again, their hosts learn that the attempts are not their own any more, and end them.
  pool.RestartWorker("dead");
  pool.Kill("still", SIGCONT);
  for (const Counting* one : {&dead, &still}) {
    SCOPED_TRACE(one->id);
    pool.Eventually([&] { return !IsRunning(one->agent); });
    const auto attempts = one->Show().at("attempts");
    ASSERT_EQ(attempts.size(), 2u);
    EXPECT_EQ(attempts.at(0).at("state"), "LOST");
    EXPECT_EQ(attempts.at(1).at("state"), "SUCCEEDED");
    EXPECT_EQ(attempts.at(1).at("worker"), "other");
  }
}

TEST(Lease, ThatEndedWhileTheCoordinatorWasDownIsRenewedAndTheTreeThaws) {
  Pool pool;
  pool.StartCoordinator();
  Counting one(pool, "one");
  pool.StartWorker("a", 1);
  one.Begin("a");
  pool.Kill("coordinator", SIGKILL);
  pool.Eventually([&] { return one.IsFrozen(); });
  pool.StartCoordinator();
  pool.Eventually([&] { return !one.IsFrozen(); });
  one.Stop();
  EXPECT_EQ(pool.Handoff({"wait", one.id}).exit_code, 0);
  EXPECT_EQ(one.Show().at("attempts").size(), 1u);
}

}  // namespace
}  // namespace handoff::e2e
