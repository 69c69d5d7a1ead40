// Checks that the owner declared decide over what an agent claims.

#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Checks : public ::testing::Test {
 protected:
  void SetUp() override {
    pool_.StartCoordinator();
    pool_.StartWorker("a", 1);
    repository_ = pool_.MakeRepository("repository");
  }
  // It claims success each time, and is right from the try with that number on. It does what the
  // output of the check says, since later tries may be told nothing else.
  std::vector<std::string> MendsAtTry(int number) const {
    const std::string script = Pool::Script(
        {"tool shell echo x >> tries",
         absl::StrCat("tool shell test $(wc -l < tries) -lt ", number, " || echo yes > fixed"),
         "result ok All done"});
    EXPECT_TRUE(WriteFileAtomically(pool_.path("output"), script + "\n").ok());
    return {"--check", absl::StrCat("cat ", pool_.path("output"), "; test -e fixed"), script};
  }
  std::string SubmitWith(std::vector<std::string> flags,
                         const std::vector<std::string>& more) const {
    flags.insert(flags.end(), more.begin(), more.end());
    return pool_.Submit(flags, repository_);
  }
  nlohmann::json Show(const std::string& id) const {
    return nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}, repository_).out);
  }
  std::string KeptLog(const std::string& id, const std::string& name) const {
    return absl::StrCat(pool_.path("coordinator"), "/logs/", id, "/", name);
  }
  std::string BesideDocument(const nlohmann::json& handoff, const std::string& name) const {
    return absl::StrCat(handoff.at("attempts").at(0).at("workspace").get<std::string>(),
                        "/.cursor/agent-handoffs/", handoff.at("id").get<std::string>(), "/", name);
  }
  Pool pool_;
  std::string repository_;
};

TEST_F(Checks, AnAgentThatClaimsSuccessFailsByThem) {
  const CommandResult submitted = pool_.Handoff(
      {"submit", "--wait", "--check", "true", "--check", "echo expected 1, got 2; false",
       Pool::Script({"write README.md done", "result ok All tests pass"})},
      repository_);
  EXPECT_EQ(submitted.exit_code, 1) << submitted.err;
  const nlohmann::json handoff = Show("-");
  EXPECT_EQ(handoff.at("status"), "FAILED");
  EXPECT_EQ(handoff.at("failure"), "CHECKS_FAILED");
  EXPECT_EQ(handoff.at("verified"), false);
  EXPECT_THAT(handoff.at("attempts"), SizeIs(1));
  EXPECT_THAT(handoff.at("reason").get<std::string>(), HasSubstr("failed: exit status 1 after "));
  EXPECT_THAT(pool_.Handoff({"show", "-"}, repository_).out,
              AllOf(HasSubstr("1 of 2 passed"), HasSubstr("✓ passed true"),
                    HasSubstr("✗ failed echo expected 1, got 2; false: exit status 1")));
  EXPECT_THAT(pool_.Handoff({"list"}, repository_).out,
              AllOf(HasSubstr("CHECKS"), HasSubstr("1/2")));
  EXPECT_THAT(pool_.Handoff({"logs", "--checks", "-"}, repository_).out,
              HasSubstr("$ echo expected 1, got 2; false\nexpected 1, got 2\n[exit status 1"));
}

TEST_F(Checks, ThoseThatPassVerifyIt) {
  const std::string id = pool_.Submit(
      {"--check", "cat README.md", Pool::Script({"write README.md done", "result ok Done"})},
      repository_);
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_EQ(Show(id).at("verified"), true);
  const std::string shown = pool_.Handoff({"show", id}).out;
  EXPECT_THAT(shown, HasSubstr("✓ passed cat README.md"));
  EXPECT_THAT(shown, HasSubstr("changed by the agent: README.md"));
  EXPECT_THAT(shown, ::testing::Not(HasSubstr("unchecked")));
  const std::string document = pool_.Handoff({"show", id, "--md"}).out;
  EXPECT_THAT(document, AllOf(HasSubstr("- Checks: passed: `cat README.md`"),
                              HasSubstr("Check `cat README.md`: passed, exit status 0 after ")));
}

TEST_F(Checks, TheAgentIsToldWhatFailedUntilItMendsIt) {
  const std::string id = SubmitWith({"--check-retries", "2"}, MendsAtTry(3));
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  const nlohmann::json handoff = Show(id);
  EXPECT_EQ(handoff.at("status"), "SUCCEEDED");
  EXPECT_EQ(handoff.at("verified"), true);
  ASSERT_THAT(handoff.at("attempts"), SizeIs(3));
  ASSERT_THAT(handoff.at("messages"), SizeIs(2));
  EXPECT_EQ(handoff.at("messages").at(0).at("origin"), "CHECKS");
  EXPECT_THAT(handoff.at("messages").at(0).at("text").get<std::string>(),
              HasSubstr("script: result ok All done\n```"));
  const std::string last = BesideDocument(handoff, "attempt-3.checks.log");
  pool_.Eventually([&] { return PathExists(last); });
  for (int number = 1; number <= 3; ++number) {
    for (const char* end : {".log", ".checks.log"}) {
      const std::string name = absl::StrCat("attempt-", number, end);
      const auto kept = ReadFile(KeptLog(id, name));
      ASSERT_TRUE(kept.ok()) << kept.status();
      EXPECT_EQ(ReadFile(BesideDocument(handoff, name)).value_or("none"), *kept) << name;
    }
    EXPECT_THAT(*ReadFile(KeptLog(id, absl::StrCat("attempt-", number, ".checks.log"))),
                AllOf(HasSubstr("; test -e fixed\nPlay this script.\n"),
                      HasSubstr(number == 3 ? "[exit status 0" : "[exit status 1")));
  }
  EXPECT_THAT(pool_.Handoff({"logs", "--checks", "--attempt", "1", id}).out,
              HasSubstr("[exit status 1"));
}

TEST_F(Checks, OneThatMendsItAtOnceTakesOneTry) {
  const std::string id = SubmitWith({"--check-retries", "2"}, MendsAtTry(2));
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_THAT(Show(id).at("attempts"), SizeIs(2));
}

TEST_F(Checks, WhenTheTriesAreUsedUpItFailed) {
  const std::string id = SubmitWith({"--check-retries", "1"}, MendsAtTry(9));
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 1);
  const nlohmann::json handoff = Show(id);
  EXPECT_EQ(handoff.at("failure"), "CHECKS_FAILED");
  EXPECT_THAT(handoff.at("attempts"), SizeIs(2));
}

TEST_F(Checks, ACommandMayHaveThemToo) {
  const std::string id = pool_.Submit(
      {"--check", "grep -q built out", "--", "sh", "-c", "echo built > out"}, repository_);
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_EQ(Show(id).at("verified"), true);
}

TEST_F(Checks, AWorkerThatIsKilledMeanwhileGoesOnWithTheOneThatRuns) {
  const Gate begun(pool_.path("begun")), go(pool_.path("go"));
  const std::string id =
      pool_.Submit({"--check",
                    absl::StrCat("echo run >> ", pool_.path("runs"), "; echo on > ", begun.path(),
                                 "; cat ", go.path(), "; echo over"),
                    Pool::Script({"write README.md done", "result ok Done"})},
                   repository_);
  begun.Await();
  pool_.Eventually([&] {
    return absl::StrContains(pool_.Handoff({"show", id}).out,
                             "running (checking, 1 of 1: echo run");
  });
  pool_.Kill("a", SIGKILL);
  pool_.RestartWorker("a");
  go.Open();
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_EQ(Show(id).at("verified"), true);
  EXPECT_EQ(*ReadFile(pool_.path("runs")), "run\n");
  EXPECT_THAT(pool_.Handoff({"logs", "--checks", "--raw", id}).out,
              HasSubstr("over\n[exit status 0"));
}

TEST_F(Checks, WhatARepositoryWantsCheckedIsSaidAtSubmit) {
  ASSERT_TRUE(WriteFileAtomically(repository_ + "/.handoff.toml",
                                  "checks = [\"test -e fixed\"]\ncheck_timeout = \"2m\"\n")
                  .ok());
  const CommandResult submitted = pool_.Handoff(
      {"submit", "--wait", Pool::Script({"write README.md done", "result ok Done"})}, repository_);
  EXPECT_EQ(submitted.exit_code, 1);
  EXPECT_THAT(submitted.err, HasSubstr(".handoff.toml sets check=test -e fixed, check_timeout=2m"));
  EXPECT_EQ(Show("-").at("failure"), "CHECKS_FAILED");
}

}  // namespace
}  // namespace handoff::e2e
