// How the end of an agent's stream, its process and its work become a status.

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

using ::testing::HasSubstr;

struct Played {
  int wait = -1;
  nlohmann::json handoff;
  std::string shown;
};

// One handoff of the scripted agent on a repository with one commit.
class Result : public ::testing::Test {
 protected:
  void SetUp() override {
    pool_.StartCoordinator();
    repository_ = pool_.MakeRepository("repository");
  }
  Played Play(const std::vector<std::string>& steps) {
    if (!pool_.Running("a")) pool_.StartWorker("a", 1, {}, config_);
    const std::string id = pool_.Submit({Pool::Script(steps)}, repository_);
    Played played;
    played.wait = pool_.Handoff({"wait", id}).exit_code;
    played.handoff = nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}).out);
    played.shown = pool_.Handoff({"show", id}).out;
    id_ = id;
    return played;
  }
  Pool pool_;
  std::string repository_, config_, id_;
};

// Trap 2.
TEST_F(Result, Trap2AnAgentThatNeverExitsAfterItsResultSucceededUnchecked) {
  const Played played = Play({"write fixed.txt done", "result ok Fixed it", "no-exit"});
  EXPECT_EQ(played.wait, 0);
  EXPECT_EQ(played.handoff.at("status"), "SUCCEEDED");
  EXPECT_EQ(played.handoff.at("verified"), false);
  EXPECT_EQ(played.handoff.at("changed"), true);
  EXPECT_THAT(played.shown, HasSubstr("succeeded (unchecked)"));
}

TEST_F(Result, AnAgentThatChangedNothingSucceededWithoutChanges) {
  const Played played = Play({"say Nothing to do", "result ok Nothing to do"});
  EXPECT_EQ(played.wait, 0);
  EXPECT_EQ(played.handoff.at("changed"), false);
  EXPECT_THAT(played.shown, HasSubstr("succeeded (no changes)"));
}

// Trap 5.
TEST_F(Result, Trap5ExitZeroWithoutAResultIsAFailure) {
  const Played played = Play({"say I am done", "exit 0"});
  EXPECT_EQ(played.wait, 1);
  EXPECT_EQ(played.handoff.at("status"), "FAILED");
  EXPECT_EQ(played.handoff.at("failure"), "NO_RESULT");
}

TEST_F(Result, ACreateChatThatPrintsNothingFailsAndNoAgentIsStarted) {
  config_ =
      absl::StrCat("[agents.cursor]\nbinary = \"", pool_.MakeAgent("create-chat empty\n"), "\"\n");
  const Played played =
      Play({absl::StrCat("record ", pool_.path("ran"), " ran"), "result ok Done"});
  EXPECT_EQ(played.wait, 1);
  EXPECT_EQ(played.handoff.at("failure"), "SESSION_FAILED");
  EXPECT_FALSE(PathExists(pool_.path("ran")));
}

TEST_F(Result, AResultThatSaysErrorIsAFailureWithItsWords) {
  const Played played = Play({"say Trying", "result error The model gave up"});
  EXPECT_EQ(played.wait, 1);
  EXPECT_EQ(played.handoff.at("failure"), "AGENT_ERROR");
  EXPECT_THAT(played.handoff.at("reason").get<std::string>(), HasSubstr("The model gave up"));
}

TEST_F(Result, ACrashIsAFailureWithTheSignal) {
  const Played played = Play({"say About to crash", "crash SEGV"});
  EXPECT_EQ(played.wait, 1);
  EXPECT_EQ(played.handoff.at("attempts").at(0).at("signal"), 11);
}

TEST_F(Result, CommitsAndFilesAreObserved) {
  const Played played = Play({"write src/new.txt one\\ntwo\\n", "commit Add a file",
                              "write left.txt uncommitted", "result ok Done"});
  EXPECT_EQ(played.wait, 0);
  const auto& facts = played.handoff.at("attempts").at(0).at("facts");
  EXPECT_EQ(facts.at("commits").size(), 1u);
  EXPECT_EQ(facts.at("filesChanged"), "2");
  const std::string document = pool_.Handoff({"show", id_, "--md"}).out;
  EXPECT_THAT(document, HasSubstr("src/new.txt"));
  EXPECT_THAT(document, HasSubstr("left.txt"));
  EXPECT_THAT(document, HasSubstr("--print --output-format stream-json --trust --yolo"));
}

TEST_F(Result, APromptOf200KiBArrivesWhole) {
  pool_.StartWorker("a", 1);
  const std::string task = absl::StrCat(std::string(200 << 10, 'x'), "\n",
                                        Pool::Script({"prompt prompt.txt", "result ok Read it"}));
  ASSERT_TRUE(WriteFileAtomically(pool_.path("task"), task, 0600).ok());
  const std::string id = pool_.Submit({"--file", pool_.path("task")}, repository_);
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  const auto handoff = nlohmann::json::parse(pool_.Handoff({"show", id, "--json"}).out);
  const std::string workspace = handoff.at("attempts").at(0).at("workspace");
  EXPECT_TRUE(absl::StartsWith(ReadFile(workspace + "/prompt.txt").value_or(""), task));
}

TEST_F(Result, TheFinalDocumentAndLogStandInTheWorkspace) {
  const Played played = Play({"say Hello", "result ok Done"});
  EXPECT_EQ(played.wait, 0);
  const std::string workspace = played.handoff.at("attempts").at(0).at("workspace");
  const std::string folder = absl::StrCat(workspace, "/.cursor/agent-handoffs/", id_);
  const std::string expected = pool_.Handoff({"show", id_, "--md"}).out;
  // The worker renders it from the answer to its report.
  pool_.Eventually([&] { return ReadFile(folder + "/handoff.md").value_or("") == expected; });
  const auto document = ReadFile(folder + "/handoff.md");
  EXPECT_THAT(*document, HasSubstr("- Status: succeeded"));
  EXPECT_EQ(*ReadFile(folder + "/attempt-1.log"), pool_.Handoff({"logs", id_, "--raw"}).out);
}

TEST_F(Result, ResumeGoesOnInTheSameSessionAndWorkspaceWithTheResumePrompt) {
  const Played first = Play({"write half.txt half", "result error Stopped half way"});
  EXPECT_EQ(first.wait, 1);
  EXPECT_EQ(pool_.Handoff({"resume", id_}).exit_code, 0);
  pool_.Handoff({"wait", id_});
  const auto handoff = nlohmann::json::parse(pool_.Handoff({"show", id_, "--json"}).out);
  ASSERT_EQ(handoff.at("attempts").size(), 2u);
  const auto& one = handoff.at("attempts").at(0);
  const auto& two = handoff.at("attempts").at(1);
  EXPECT_EQ(two.at("session"), one.at("session"));
  EXPECT_EQ(two.at("sessionKind"), "SAME");
  EXPECT_EQ(two.at("workspace"), one.at("workspace"));
  const std::string folder =
      absl::StrCat(two.at("workspace").get<std::string>(), "/.cursor/agent-handoffs/", id_);
  pool_.Eventually([&] { return PathExists(folder + "/attempt-2.prompt.md"); });
  EXPECT_THAT(*ReadFile(folder + "/attempt-2.prompt.md"),
              HasSubstr("Continue the delegated task below."));
  EXPECT_TRUE(PathExists(folder + "/attempt-1.log"));
}

// Trap 9: an unknown session is answered with nothing at all, and with status 0.
TEST_F(Result, Trap9ASessionThatTheAgentForgotIsFollowedByAFreshOne) {
  const std::string agent = pool_.MakeAgent("");
  config_ = absl::StrCat("[agents.cursor]\nbinary = \"", agent, "\"\n");
  const Played first = Play({"say Hello", absl::StrCat("first ", pool_.path("failed"), " exit 3"),
                             "write half.txt half", "result ok Done"});
  EXPECT_EQ(first.wait, 1);
  const std::string session = first.handoff.at("attempts").at(0).at("session");
  ASSERT_TRUE(WriteFileAtomically(agent + ".conf", absl::StrCat("forgot ", session, "\n")).ok());
  EXPECT_EQ(pool_.Handoff({"resume", id_}).exit_code, 0);
  EXPECT_EQ(pool_.Handoff({"wait", id_}).exit_code, 0);
  const auto handoff = nlohmann::json::parse(pool_.Handoff({"show", id_, "--json"}).out);
  ASSERT_EQ(handoff.at("attempts").size(), 3u);
  const auto& refused = handoff.at("attempts").at(1);
  EXPECT_EQ(refused.at("failure"), "SESSION_FAILED");
  EXPECT_EQ(refused.at("sessionVerified"), "NO");
  const auto& fresh = handoff.at("attempts").at(2);
  EXPECT_EQ(fresh.at("sessionKind"), "FRESH");
  EXPECT_NE(fresh.at("session"), session);
  EXPECT_EQ(fresh.at("workspace"), refused.at("workspace"));
}

}  // namespace
}  // namespace handoff::e2e
