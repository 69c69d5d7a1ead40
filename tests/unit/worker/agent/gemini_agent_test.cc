#include "worker/agent/gemini_agent.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSession[] = "0f6b2c1e-8a44-4c1d-9d6e-5a7b3c2d1e0f";
// sha256sum of "/w/repo".
constexpr char kHash[] = "7005185596c2e32bd0688ebe72725f926012fffbf101203830050954a66e9f98";

AgentRun NewRun() {
  AgentRun run;
  run.executable = "/opt/gemini";
  run.session = kSession;
  return run;
}

TEST(GeminiAgent, TheFirstRunChoosesTheSessionAndLaterOnesResumeIt) {
  AgentRun run = NewRun();
  EXPECT_EQ(GeminiAgent().session_origin(), SessionOrigin::kChosen);
  EXPECT_THAT(GeminiAgent().Command(run).argv,
              ElementsAre("/opt/gemini", "--approval-mode", "yolo", "--skip-trust",
                          "--output-format", "stream-json", "--session-id", kSession));
  EXPECT_TRUE(GeminiAgent().Command(run).prompt_on_stdin);
  run.resume = true;
  run.model = "gemini-2.5-pro";
  run.extra_args = {"--include-directories", "/data"};
  EXPECT_THAT(GeminiAgent().Command(run).argv,
              ElementsAre("/opt/gemini", "--approval-mode", "yolo", "--skip-trust",
                          "--output-format", "stream-json", "--model", "gemini-2.5-pro", "--resume",
                          kSession, "--include-directories", "/data"));
}

// Trap 4: the process that is known is the one that works.
TEST(GeminiAgent, Trap4ItDoesNotStartItselfAgain) {
  EXPECT_EQ(GeminiAgent().Command(NewRun()).env.at("GEMINI_CLI_NO_RELAUNCH"), "true");
}

// Trap 8: no browser, where a login is missing.
TEST(GeminiAgent, Trap8NobodyIsAskedToLogIn) {
  EXPECT_EQ(GeminiAgent().Command(NewRun()).env.at("NO_BROWSER"), "true");
}

// It has no mode that a model cannot leave.
TEST(GeminiAgent, NoSummaryIsAskedOfIt) {
  EXPECT_FALSE(GeminiAgent().SummaryCommand(NewRun()).has_value());
}

// But one in which it only reads, for a prompt of nobody else; the worker's arguments could undo
// it.
TEST(GeminiAgent, OneTurnOnlyReads) {
  AgentRun run = NewRun();
  run.extra_args = {"--approval-mode=yolo"};
  const auto turn = GeminiAgent().TurnCommand(run);
  ASSERT_TRUE(turn.has_value());
  EXPECT_THAT(turn->argv, ElementsAre("/opt/gemini", "--approval-mode", "plan", "--skip-trust",
                                      "--output-format", "stream-json"));
  EXPECT_EQ(turn->env.at("GEMINI_CLI_NO_RELAUNCH"), "true");
}

TEST(GeminiAgent, AProbeSaysReadyMissingOrWhatToSetUp) {
  const GeminiAgent agent;
  EXPECT_THAT(agent.Probe().candidates[0].login_args,
              ElementsAre("--skip-trust", "--prompt=/auth"));
  EXPECT_EQ(agent.Probe().candidates[0].env.at("GEMINI_CLI_NO_RELAUNCH"), "true");
  const ProbeVerdict missing = agent.JudgeProbe(std::nullopt);
  EXPECT_EQ(missing.state, ProbeVerdict::State::kMissing);
  EXPECT_THAT(missing.message, HasSubstr("npm install -g @google/gemini-cli"));

  ProbeOutput output{"/opt/gemini", "0.61.0\n", 42, false,
                     "Exiting due to command result that is not supported in non-interactive "
                     "mode.\n"};
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kReady);
  EXPECT_EQ(agent.JudgeProbe(output).version, "0.61.0");

  output.login_exit = 41;
  output.login_out = "Please set an Auth method in your settings.json\n";
  const ProbeVerdict logged_out = agent.JudgeProbe(output);
  EXPECT_EQ(logged_out.state, ProbeVerdict::State::kNeedsSetup);
  EXPECT_THAT(logged_out.message, HasSubstr("run `/opt/gemini`"));
  EXPECT_THAT(logged_out.message, HasSubstr("GEMINI_API_KEY"));

  output.login_exit = 52;
  output.login_out = "\x1b[31mError in settings.json: Bad control character\x1b[0m";
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup);
  EXPECT_THAT(agent.JudgeProbe(output).message,
              HasSubstr("its settings: Error in settings.json: Bad control character"));
  // A turn of a model, or another end.
  for (const int exit : {0, 1, 42}) {
    output.login_exit = exit;
    output.login_out = "/auth is a fine path.";
    EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup) << exit;
    EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("update")) << exit;
  }
  output.timed_out = true;
  EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("no answer in time"));
}

TEST(GeminiAgent, ASessionLiesWhereTheRegisterSays) {
  const TempDir home = *TempDir::Make("gemini-");
  const GeminiAgent agent;
  SessionPlace place{home.path(), {}, "/w/repo", kSession};
  const std::string folder = absl::StrCat(home.path(), "/.gemini");
  ASSERT_TRUE(MakeDirectories(folder).ok());
  ASSERT_TRUE(WriteFileAtomically(absl::StrCat(folder, "/projects.json"),
                                  "{\n \"projects\": {\"/w/repo\": \"repo-2\"}\n}")
                  .ok());
  EXPECT_EQ(agent.FilesOf(place).root, folder);
  EXPECT_THAT(agent.FilesOf(place).patterns,
              ElementsAre("tmp/repo-2/chats/session-*-0f6b2c1e.jsonl",
                          absl::StrCat("tmp/repo-2/chats/", kSession, "/**")));
  EXPECT_EQ(agent.FileIn(place, "tmp/repo/chats/session-2026-11-29T15-51-0f6b2c1e.jsonl"),
            "tmp/repo-2/chats/session-2026-11-29T15-51-0f6b2c1e.jsonl");
  EXPECT_EQ(agent.FileIn(place, "projects.json"), "projects.json");

  place.env["GEMINI_CLI_HOME"] = "/data";
  EXPECT_EQ(agent.FilesOf(place).root, "/data/.gemini");
}

// Where it never ran, it takes over the folder that earlier versions named by a hash.
TEST(GeminiAgent, WhereItNeverRanTheFolderIsNamedByTheHash) {
  const TempDir home = *TempDir::Make("gemini-");
  const GeminiAgent agent;
  const SessionPlace place{home.path(), {}, "/w/repo", kSession};
  const std::string there = absl::StrCat("tmp/", kHash, "/chats/session-x-0f6b2c1e.jsonl");
  EXPECT_EQ(agent.FileIn(place, "tmp/repo/chats/session-x-0f6b2c1e.jsonl"), there);
  ASSERT_TRUE(MakeDirectories(absl::StrCat(home.path(), "/.gemini")).ok());
  for (const char* text :
       {"", "{", "[]", R"({"projects":[]})", R"({"projects":{"/w":"w"}})",
        R"({"projects":{"/w/repo":"../../x"}})", R"({"projects":{"/w/repo":7}})"}) {
    ASSERT_TRUE(
        WriteFileAtomically(absl::StrCat(home.path(), "/.gemini/projects.json"), text).ok());
    EXPECT_EQ(agent.FileIn(place, "tmp/repo/chats/session-x-0f6b2c1e.jsonl"), there) << text;
    EXPECT_EQ(agent.FilesOf(place).patterns[0],
              absl::StrCat("tmp/", kHash, "/chats/session-*-0f6b2c1e.jsonl"));
  }
}

TEST(GeminiAgent, StderrAndTheExitStatusAreDiagnosed) {
  struct Case {
    int exit;
    const char* text;
    FailureClass failure;
    const char* says;
  };
  for (const Case& c :
       {Case{42, "Error resuming session: Invalid session identifier \"x\".",
             FailureClass::kSessionFailed, "knows no session"},
        {42, "Error resuming session: No previous sessions found for this project.",
         FailureClass::kSessionFailed, "knows no session"},
        {42, "Error starting session: Session ID \"x\" already exists.",
         FailureClass::kSessionFailed, "--fresh-session"},
        {41, "Please set an Auth method", FailureClass::kAgentNeedsSetup, "run `gemini` there"},
        {52, "Error in settings.json", FailureClass::kAgentNeedsSetup, "refused its settings"},
        {53, "Reached max session turns", FailureClass::kLimitExceeded, "maxSessionTurns"},
        {55, "not trusted", FailureClass::kAgentNeedsSetup, "refused its settings"},
        // Statuses of the service, modulo 256.
        {145, "Error when talking to Gemini API", FailureClass::kAgentNeedsSetup, "GEMINI_API_KEY"},
        {147, "", FailureClass::kAgentNeedsSetup, "GEMINI_API_KEY"},
        {173, "", FailureClass::kRateLimited, "status 429"},
        {173, "You exceeded your current quota", FailureClass::kQuota, "Gemini said: "},
        {244, "", FailureClass::kNetwork, "status 500"},
        {247, "", FailureClass::kNetwork, "status 503"},
        {1, "TypeError: fetch failed sending request", FailureClass::kNetwork, "Gemini said: "}}) {
    const Verdict verdict = GeminiAgent().Diagnose({c.exit, 0, EndedBy::kItself}, c.text);
    EXPECT_EQ(verdict.failure, c.failure) << c.exit << " " << c.text;
    EXPECT_THAT(verdict.message, HasSubstr(c.says)) << c.exit;
  }
  // 400 and 404 say nothing by themselves; 130 and 143 are those of signals.
  for (const int exit : {0, 1, 42, 130, 143, 144, 148}) {
    EXPECT_EQ(GeminiAgent().Diagnose({exit, 0, EndedBy::kItself}, "TypeError").failure,
              FailureClass::kNone)
        << exit;
  }
  EXPECT_EQ(GeminiAgent().Diagnose({std::nullopt, 9, EndedBy::kCancel}, "").failure,
            FailureClass::kNone);
}

TEST(GeminiAgent, AnInterruptedTurnIsForgotten) {
  EXPECT_TRUE(GeminiAgent().forgets_interrupted());
}

}  // namespace
}  // namespace handoff
