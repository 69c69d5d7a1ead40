// A worker is revoked while its agent works: it is cut off at once, what it held is the pool's to
// give away, and what it says later counts for nothing.

#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class RevokeTest : public ::testing::Test {
 protected:
  RevokeTest() {
    pool_.StartCoordinator();
    pool_.StartWorker("a", 1);
    // Which attempt it is, and then what its own gate lets through.
    const std::string dir = pool_.dir();
    id_ = pool_.Submit(
        {"--agent", "command",
         absl::StrCat("cd ", dir, "\nif mkdir first 2>/dev/null; then n=1; else n=2; fi\n",
                      "echo $n >begun\ncat gate$n\necho end of $n\necho >ended$n\n")});
    EXPECT_EQ(begun_.Await(), "1");
    pool_.StartWorker("b", 1);
  }
  nlohmann::json Show() const {
    return nlohmann::json::parse(pool_.Handoff({"show", id_, "--json"}).out);
  }
  // How often its daemon said that it is not let in, which each says once.
  size_t Refusals() const {
    const std::string said = ReadFile(pool_.path("a.log")).value_or("");
    const std::vector<std::string> parts = absl::StrSplit(said, "does not let this worker in");
    return parts.size() - 1;
  }
  // Its agent ends, and its next daemon has that to report.
  void EndAndComeBack() {
    pool_.Kill("a", SIGTERM);
    gate1_.Open();
    ended1_.Await();
    const size_t before = Refusals();
    pool_.RestartWorker("a", /*let_in=*/false);
    pool_.Eventually([&] { return Refusals() > before; });
  }
  // As the table names them.
  std::vector<std::string> Workers() const {
    std::vector<std::string> lines =
        absl::StrSplit(pool_.Handoff({"worker", "list"}).out, '\n', absl::SkipEmpty());
    EXPECT_FALSE(lines.empty());
    if (!lines.empty()) lines.erase(lines.begin());  // the heads of the columns
    for (std::string& line : lines) line.erase(std::min(line.find(' '), line.size()));
    return lines;
  }
  void Revoke() const { ASSERT_EQ(pool_.Handoff({"worker", "revoke", "a"}).exit_code, 0); }

  Pool pool_;
  const Gate begun_{pool_.path("begun")};
  const Gate gate1_{pool_.path("gate1")}, gate2_{pool_.path("gate2")};
  const Gate ended1_{pool_.path("ended1")}, ended2_{pool_.path("ended2")};
  std::string id_;
};

TEST_F(RevokeTest, ItsAttemptStaysLeasedUntilSomebodyTakesItAway) {
  Revoke();
  pool_.Eventually([&] { return Refusals() > 0; });
  EXPECT_THAT(Workers(), ElementsAre("b"));
  const auto again = pool_.Handoff({"worker", "revoke", "a"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("a was revoked before"));
  EXPECT_EQ(Show().at("status"), "RUNNING") << "one at a time: it may still run there";
  EXPECT_EQ(Show().at("attempts").size(), 1u);
  EXPECT_THAT(pool_.Handoff({"why", id_}).out,
              HasSubstr(absl::StrCat("handoff resume ", id_, " --now")));

  // Who does not want to wait says so, and another host begins at once.
  ASSERT_EQ(pool_.Handoff({"resume", id_, "--now"}).exit_code, 0);
  EXPECT_EQ(begun_.Await(), "2");
  EXPECT_EQ(Show().at("attempts").at(0).at("state"), "LOST");
  EXPECT_EQ(Show().at("attempts").at(1).at("worker"), "b");

  // The first one ends meanwhile, and its end counts for nothing.
  EndAndComeBack();
  gate2_.Open();
  ended2_.Await();
  EXPECT_EQ(pool_.Handoff({"wait", id_}).exit_code, 0);
  const nlohmann::json handoff = Show();
  ASSERT_EQ(handoff.at("attempts").size(), 2u);
  EXPECT_EQ(handoff.at("attempts").at(0).at("state"), "LOST");
  EXPECT_EQ(handoff.at("attempts").at(1).at("state"), "SUCCEEDED");
  const std::string log = pool_.Handoff({"logs", id_, "--attempt", "1", "--raw"}).out;
  EXPECT_THAT(log, Not(HasSubstr("end of 1"))) << "what it says is not taken any more";
  EXPECT_THAT(pool_.Handoff({"audit", "--limit", "0"}).out, HasSubstr("RevokeWorker"));
}

// The coordinator starts anew: what was revoked stays so.
TEST_F(RevokeTest, ItStaysOutOverARestartOfTheCoordinator) {
  Revoke();
  pool_.Kill("coordinator", SIGKILL);
  pool_.StartCoordinator();
  EndAndComeBack();
  EXPECT_THAT(Workers(), ElementsAre("b"));
  EXPECT_EQ(Show().at("status"), "RUNNING") << "its end is not believed";
  ASSERT_EQ(pool_.Handoff({"resume", id_, "--now"}).exit_code, 0);
  EXPECT_EQ(begun_.Await(), "2");
  gate2_.Open();
  ended2_.Await();
  EXPECT_EQ(pool_.Handoff({"wait", id_}).exit_code, 0);
}

}  // namespace
}  // namespace handoff::e2e
