#include "worker/agent/codex_agent.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSession[] = "01a223bf-0000-7783-893d-253cdbb70000";
constexpr char kBypass[] = "--dangerously-bypass-approvals-and-sandbox";

TEST(CodexAgent, TheFirstRunLetsItChooseTheSessionAndLaterOnesResumeIt) {
  AgentRun run;
  run.executable = "/opt/codex";
  EXPECT_EQ(CodexAgent().session_origin(), SessionOrigin::kStream);
  EXPECT_THAT(
      CodexAgent().Command(run).argv,
      ElementsAre("/opt/codex", "exec", "--json", "--skip-git-repo-check", kBypass, "--", "-"));
  EXPECT_TRUE(CodexAgent().Command(run).prompt_on_stdin);
  run.resume = true;
  run.session = kSession;
  run.model = "gpt-5";
  run.extra_args = {"-c", "x=1"};
  EXPECT_THAT(CodexAgent().Command(run).argv,
              ElementsAre("/opt/codex", "exec", "resume", "--json", "--skip-git-repo-check",
                          kBypass, "--model", "gpt-5", "-c", "x=1", "--", kSession, "-"));
}

// Trap 9: it takes any other word for the name of a new session, and says nothing.
TEST(CodexAgent, Trap9OnlyAUuidIsResumed) {
  AgentRun run;
  run.resume = true;
  for (const char* id : {"", "7d1f", "01a223bf-0000-7783-893d-253cdbb7000", "--last",
                         "01a223bf-0000-7783-893d-253cdbb7000g"}) {
    run.session = id;
    EXPECT_THAT(CodexAgent().Command(run).argv, ::testing::Not(::testing::Contains("resume")))
        << id;
  }
}

TEST(CodexAgent, ItsPromptHasALimit) {
  EXPECT_EQ(CodexAgent().Command({}).most_prompt_characters, 1'048'576u);
}

TEST(CodexAgent, AProbeSaysReadyMissingOrWhatToSetUp) {
  const CodexAgent agent;
  EXPECT_THAT(agent.Probe().candidates[0].login_args, ElementsAre("login", "status"));
  const ProbeVerdict missing = agent.JudgeProbe(std::nullopt);
  EXPECT_EQ(missing.state, ProbeVerdict::State::kMissing);
  EXPECT_THAT(missing.message, HasSubstr("npm install -g @openai/codex"));

  ProbeOutput output{"/opt/codex", "codex-cli 0.171.0\n", 0, false, "Logged in using ChatGPT\n"};
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kReady);
  EXPECT_EQ(agent.JudgeProbe(output).version, "codex-cli 0.171.0");

  output.login_out = "WARNING: x\nNot logged in\n";
  output.login_exit = 1;
  const ProbeVerdict logged_out = agent.JudgeProbe(output);
  EXPECT_EQ(logged_out.state, ProbeVerdict::State::kNeedsSetup);
  EXPECT_THAT(logged_out.message, HasSubstr("`/opt/codex login --device-auth`"));
  EXPECT_THAT(logged_out.message, HasSubstr("CODEX_API_KEY"));
  // A key in the environment, or a provider of the configuration.
  output.doctor_out = R"({"overallStatus":"fail","checks":{"auth.credentials":{"status":"ok"}}})";
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kReady);
  for (const char* said :
       {"{", "[]", R"({"checks":[]})", R"({"checks":{"auth.credentials":{"status":"fail"}}})"}) {
    output.doctor_out = said;
    EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup) << said;
  }
  output.timed_out = true;
  EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("no answer in time"));
}

TEST(CodexAgent, ASessionIsOneFileWhereverItRan) {
  SessionPlace place{"/home/ann", {}, "/srv/a", kSession};
  const SessionFiles files = CodexAgent().FilesOf(place);
  EXPECT_EQ(files.root, "/home/ann/.codex");
  EXPECT_THAT(files.patterns,
              ElementsAre(absl::StrCat("sessions/*/*/*/rollout-*-", kSession, ".jsonl")));
  place.env["CODEX_HOME"] = "/data/codex";
  EXPECT_EQ(CodexAgent().FilesOf(place).root, "/data/codex");
  const std::string file = "sessions/2026/11/28/rollout-2026-11-28T20-00-58-x.jsonl";
  EXPECT_EQ(CodexAgent().FileIn(place, file), file);
}

TEST(CodexAgent, StderrIsDiagnosed) {
  struct Case {
    const char* text;
    FailureClass failure;
    const char* says;
  };
  for (const Case& c :
       {Case{"Error: thread/resume: thread/resume failed: no rollout found for thread id x (code "
             "-32600)",
             FailureClass::kSessionFailed, "knows no session"},
        {"Error: thread/resume: thread/resume failed: failed to read thread: rollout at x is empty",
         FailureClass::kSessionFailed, "cannot read"},
        {"session x already has an active writer", FailureClass::kSessionFailed, "Another process"},
        {"Error: turn/start failed: Input exceeds the maximum length of 1048576 characters.",
         FailureClass::kLimitExceeded, "shorten the task"},
        {"Not logged in", FailureClass::kAgentNeedsSetup, "`codex login --device-auth`"},
        {"error sending request for url", FailureClass::kNetwork, "Codex said: "}}) {
    const Verdict verdict = CodexAgent().Diagnose({1, 0, EndedBy::kItself}, c.text);
    EXPECT_EQ(verdict.failure, c.failure) << c.text;
    EXPECT_THAT(verdict.message, HasSubstr(c.says));
  }
  EXPECT_EQ(CodexAgent().Diagnose({1, 0, EndedBy::kItself}, "panicked").failure,
            FailureClass::kNone);
}

TEST(CodexAgent, ASummaryIsMadeInItsReadOnlySandboxAndLeavesNoSession) {
  AgentRun run;
  run.executable = "/opt/codex";
  run.model = "gpt-5-mini";
  run.extra_args = {kBypass, "-c", "x=1", "--sandbox", "danger-full-access", "-c"};
  const auto command = CodexAgent().SummaryCommand(run);
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->argv, ElementsAre("/opt/codex", "exec", "--json", "--skip-git-repo-check",
                                         "-c", "x=1", "--model", "gpt-5-mini", "--sandbox",
                                         "read-only", "--ephemeral", "--", "-"));
}

TEST(CodexAgent, ASettingIsKeptInASummaryHoweverItIsWritten) {
  AgentRun run;
  run.executable = "/opt/codex";
  run.extra_args = {"--config", "a=1", "--config=b=2", "-cc=3", "-c=d=4", "--search", "--config"};
  EXPECT_THAT(
      CodexAgent().SummaryCommand(run)->argv,
      ElementsAre("/opt/codex", "exec", "--json", "--skip-git-repo-check", "-c", "a=1", "-c", "b=2",
                  "-c", "c=3", "-c", "d=4", "--sandbox", "read-only", "--ephemeral", "--", "-"));
}

}  // namespace
}  // namespace handoff
