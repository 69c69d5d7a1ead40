// The data directory of a worker is copied. On this host its own daemon refuses to start in the
// copy. Where it does not know, as with one who took the mark out or carried it elsewhere, the pool
// notices that two daemons are one worker.

#include <signal.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTwice[] = "another daemon works as 'a' with the same identity";
constexpr char kCopied[] = "its data directory was copied";

class CopiedTest : public ::testing::Test {
 protected:
  CopiedTest() {
    pool_.StartCoordinator();
    pool_.StartWorker("a", 1);
  }
  void Copy() const {
    SpawnOptions options;
    options.argv = {"cp", "-a", pool_.path("a"), pool_.path("copy")};
    options.env = {"PATH=/usr/bin:/bin"};
    const auto copied = RunProcess(options, "", absl::Minutes(1));
    ASSERT_TRUE(copied.ok() && copied->status.ok());
  }
  // As the message of the daemon says, for one whose original is gone.
  void TakeOutTheMark() const {
    const std::string path = pool_.path("copy/identity.json");
    auto identity = nlohmann::json::parse(*ReadFile(path));
    ASSERT_EQ(identity.erase("directory"), 1u);
    ASSERT_TRUE(WriteFileAtomically(path, identity.dump()).ok());
  }
  SpawnOptions DaemonIn(const std::string& directory) const {
    SpawnOptions options;
    options.argv = {Program("handoff-worker"), "--data-dir", pool_.path(directory)};
    options.env = {"PATH=/usr/bin:/bin"};
    return options;
  }
  // The copy of a worker that runs something is a host's backup that is started for a look.
  void ExpectItRefusesToStart() const {
    const auto refused = RunProcess(DaemonIn("copy"), "", absl::Minutes(1));
    ASSERT_TRUE(refused.ok());
    EXPECT_FALSE(refused->timed_out);
    EXPECT_EQ(refused->status.code, 1);
    EXPECT_THAT(refused->err, AllOf(HasSubstr("was copied or moved here"),
                                    HasSubstr("Nothing was started"), HasSubstr("join again")));
  }
  bool Said(const std::string& name, const std::string& words) const {
    return absl::StrContains(ReadFile(pool_.path(name + ".log")).value_or(""), words);
  }
  std::string Workers() const { return pool_.Handoff({"worker", "list"}).out; }
  std::string Audit() const { return pool_.Handoff({"audit", "--limit", "0"}).out; }

  Pool pool_;
};

TEST_F(CopiedTest, ItsOwnDaemonRefusesToStartInIt) {
  Gate begun(pool_.path("begun")), gate(pool_.path("gate"));
  const std::string id = pool_.Submit(
      {"--agent", "command", absl::StrCat("echo $$ >", begun.path(), "\ncat ", gate.path(), "\n")});
  const pid_t agent = std::stoi(begun.Await());
  Copy();
  ExpectItRefusesToStart();
  EXPECT_TRUE(IsRunning(agent)) << "the original's agent is nobody else's";
  gate.Open();
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  const auto shown = nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}).out);
  EXPECT_EQ(shown.at("attempts").size(), 1u);
  EXPECT_THAT(Workers(), Not(HasSubstr(kCopied)));
  pool_.Kill("a", SIGTERM);
  ExpectItRefusesToStart();  // whether the original runs or not
}

TEST_F(CopiedTest, ThatSaysItIsTheSameIsNoticedBesideTheOriginal) {
  Copy();
  TakeOutTheMark();
  pool_.StartWorker("copy", 1);  // is taken for the next start of the original
  pool_.Eventually([&] { return Said("a", kTwice); });
  pool_.Eventually([&] { return absl::StrContains(Workers(), kCopied); });
  EXPECT_THAT(Workers(), AllOf(HasSubstr("draining"), HasSubstr("handoff worker revoke a")));
  EXPECT_THAT(Audit(), AllOf(HasSubstr("Sync"), HasSubstr(kCopied)));
  // Neither gets new work, and whoever asks is told why.
  const std::string id = pool_.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_THAT(pool_.Handoff({"why", id}).out, HasSubstr(kCopied));
  // Both are out with one word of a person who knows neither.
  ASSERT_EQ(pool_.Handoff({"worker", "revoke", "a"}).exit_code, 0);
  for (const char* name : {"a", "copy"})
    pool_.Eventually([&] { return Said(name, "does not let this worker in"); });
}

TEST_F(CopiedTest, OneThatReplacesAStoppedOriginalIsTakenUntilThatComesBack) {
  pool_.Kill("a", SIGTERM);
  Copy();
  TakeOutTheMark();
  pool_.StartWorker("copy", 1);
  const std::string id = pool_.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_THAT(Workers(), Not(HasSubstr(kCopied))) << "it was moved";
  EXPECT_THAT(Audit(), Not(HasSubstr(kCopied)));
  pool_.RestartWorker("a", /*let_in=*/false);
  pool_.Eventually([&] { return Said("a", kTwice); });
  pool_.Eventually([&] { return absl::StrContains(Workers(), kCopied); });
  EXPECT_THAT(Audit(), HasSubstr(kCopied));
  EXPECT_FALSE(Said("copy", kTwice)) << "the one that was there goes on";
}

}  // namespace
}  // namespace handoff::e2e
