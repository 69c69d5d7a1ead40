// The end of a lease: the holder's tree is frozen before another host starts, and thaws or ends by
// the rules.

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

class Lease : public ::testing::Test {
 protected:
  // The first attempt counts until `stop` exists; a later one says so and waits at its gate.
  std::string Submit() {
    return pool_.Submit(
        {"--agent", "command", "--lease", "5s",
         absl::StrCat("cd ", pool_.dir(), "\nif mkdir first 2>/dev/null; then\n", "  echo $$ >",
                      first_.path(), "\n  i=0\n  until [ -e stop ]; do\n    i=$((i + 1))\n",
                      "    echo $i >count\n  done\nelse\n  echo second >", second_.path(),
                      "\n  cat ", gate_.path(), "\nfi\n")});
  }
  // The tree of the first attempt: by its cgroup, or by SIGSTOP where the shim has none.
  bool IsFrozen(const std::string& id, pid_t agent) const {
    const auto started = nlohmann::json::parse(
        *ReadFile(absl::StrCat(pool_.path("a"), "/attempts/", id, "/1/shim.pid")));
    const std::string cgroup = started.at("cgroup");
    if (!cgroup.empty()) {
      return absl::StrContains(ReadFile(cgroup + "/cgroup.events").value_or(""), "frozen 1");
    }
    const auto stat = ReadFile(absl::StrCat("/proc/", agent, "/stat"));
    return stat.ok() && stat->substr(stat->rfind(')') + 2, 1) == "T";
  }
  std::string Count() const { return ReadFile(pool_.path("count")).value_or(""); }
  nlohmann::json Show(const std::string& id) const {
    return nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}).out);
  }

  Pool pool_;
  const Gate first_{pool_.path("pid")}, second_{pool_.path("second")}, gate_{pool_.path("gate")};
};

TEST_F(Lease, OfADeadDaemonIsOverBeforeAnotherHostStarts) {
  pool_.StartCoordinator();
  pool_.StartWorker("a", 1);
  const std::string id = Submit();
  const pid_t agent = std::stoi(first_.Await());
  pool_.StartWorker("b", 1);
  pool_.Kill("a", SIGKILL);
  // Lease, margin of 60 s and back-off later.
  EXPECT_EQ(second_.Await(), "second");
  EXPECT_TRUE(IsRunning(agent));
  EXPECT_TRUE(IsFrozen(id, agent)) << "two attempts of one handoff run";
  const std::string count = Count();
  EXPECT_THAT(pool_.Handoff({"show", id}).out, HasSubstr("running"));
  EXPECT_EQ(Count(), count) << "the first attempt works while the second runs";
  gate_.Open();
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  // Back again, its host learns that the attempt is not its own any more, and ends it.
  pool_.RestartWorker("a");
  pool_.Eventually([&] { return !IsRunning(agent); });
  const auto attempts = Show(id).at("attempts");
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts.at(0).at("state"), "LOST");
  EXPECT_EQ(attempts.at(1).at("state"), "SUCCEEDED");
  EXPECT_EQ(attempts.at(1).at("worker"), "b");
}

TEST_F(Lease, ThatEndedWhileTheCoordinatorWasDownIsRenewedAndTheTreeThaws) {
  pool_.StartCoordinator();
  pool_.StartWorker("a", 1);
  const std::string id = Submit();
  const pid_t agent = std::stoi(first_.Await());
  pool_.Kill("coordinator", SIGKILL);
  pool_.Eventually([&] { return IsFrozen(id, agent); });
  pool_.StartCoordinator();
  pool_.Eventually([&] { return !IsFrozen(id, agent); });
  ASSERT_TRUE(WriteFileAtomically(pool_.path("stop"), "").ok());
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_EQ(Show(id).at("attempts").size(), 1u);
}

}  // namespace
}  // namespace handoff::e2e
