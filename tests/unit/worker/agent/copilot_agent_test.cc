#include "worker/agent/copilot_agent.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kSession[] = "11111111-2222-4333-8444-555555555555";

// Without -C a resumed one works in the folder of its first run.
TEST(CopilotAgent, TheFolderIsNamedAndASessionIsBegunOrResumed) {
  AgentRun run;
  run.executable = "/opt/copilot";
  run.session = kSession;
  run.workspace = "/w/repo";
  AgentCommand command = CopilotAgent().Command(run);
  EXPECT_THAT(command.argv, ElementsAre("/opt/copilot", "-C", "/w/repo", "--output-format", "json",
                                        "--allow-all", "--no-ask-user", "--no-auto-update",
                                        std::string("--session-id=") + kSession));
  EXPECT_TRUE(command.prompt_on_stdin);
  EXPECT_EQ(CopilotAgent().session_origin(), SessionOrigin::kChosen);

  run.resume = true;
  run.model = "gpt-5";
  run.extra_args = {"--disable-builtin-mcps"};
  command = CopilotAgent().Command(run);
  EXPECT_THAT(std::vector<std::string>(command.argv.begin() + 8, command.argv.end()),
              ElementsAre(std::string("--resume=") + kSession, "--model", "gpt-5",
                          "--disable-builtin-mcps"));
}

// Trap 4: the native child of npm's launcher outlives it.
TEST(CopilotAgent, Trap4TheNativeProgramIsRunAndNotTheLauncher) {
  const ProbeSpec spec = CopilotAgent().Probe();
  ASSERT_EQ(spec.candidates.size(), 1u);
  EXPECT_THAT(spec.candidates[0].natives, Contains("../copilot-linux-x64/copilot"));
  EXPECT_THAT(spec.candidates[0].natives,
              Contains("node_modules/@github/copilot-linux-arm64/copilot"));
}

TEST(CopilotAgent, AProbeSaysReadyOrMissing) {
  const CopilotAgent agent;
  const ProbeVerdict missing = agent.JudgeProbe(std::nullopt);
  EXPECT_EQ(missing.state, ProbeVerdict::State::kMissing);
  EXPECT_THAT(missing.message, HasSubstr("npm install -g @github/copilot"));

  ProbeOutput output{"/opt/copilot", "GitHub Copilot CLI 1.0.102.\nRun 'copilot update'.\n", 0,
                     false, ""};
  const ProbeVerdict ready = agent.JudgeProbe(output);
  EXPECT_EQ(ready.state, ProbeVerdict::State::kReady);
  EXPECT_EQ(ready.version, "GitHub Copilot CLI 1.0.102.");
  output.version_out = "";
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup);
  output.timed_out = true;
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup);
  EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("no answer in time"));
}

TEST(CopilotAgent, ASessionIsAFolderWhereverItRan) {
  SessionPlace place{"/home/ann", {}, "/srv/a", kSession};
  const SessionFiles files = CopilotAgent().FilesOf(place);
  EXPECT_EQ(files.root, "/home/ann/.copilot");
  EXPECT_THAT(files.patterns, ElementsAre(std::string("session-state/") + kSession + "/**"));
  place.env["COPILOT_HOME"] = "/data/copilot";
  EXPECT_EQ(CopilotAgent().FilesOf(place).root, "/data/copilot");
  const std::string file = std::string("session-state/") + kSession + "/events.jsonl";
  EXPECT_EQ(CopilotAgent().FileIn(place, file), file);
}

TEST(CopilotAgent, StderrIsDiagnosed) {
  struct Case {
    const char* text;
    FailureClass failure;
    const char* says;
  };
  for (const Case& c :
       {Case{"Error: No session, task, or name matched '1'.", FailureClass::kSessionFailed,
             "knows no session"},
        {"Error: No authentication information found.\n\nCopilot can be authenticated with GitHub",
         FailureClass::kAgentNeedsSetup, "`copilot login`"},
        {"Error: Classic Personal Access Tokens (ghp_) are not supported by Copilot.",
         FailureClass::kAgentNeedsSetup, "COPILOT_GITHUB_TOKEN"},
        {"Unauthorized: Authentication failed with provider", FailureClass::kAgentNeedsSetup,
         "`copilot login`"},
        {"getaddrinfo ENOTFOUND api.github.com", FailureClass::kNetwork, "Copilot said: "}}) {
    const Verdict verdict = CopilotAgent().Diagnose({1, 0, EndedBy::kItself}, c.text);
    EXPECT_EQ(verdict.failure, c.failure) << c.text;
    EXPECT_THAT(verdict.message, HasSubstr(c.says));
  }
  EXPECT_EQ(CopilotAgent().Diagnose({1, 0, EndedBy::kItself}, "panicked").failure,
            FailureClass::kNone);
}

TEST(CopilotAgent, ASummaryIsMadeWithoutAnyTool) {
  AgentRun run;
  run.executable = "/opt/copilot";
  run.model = "gpt-5-mini";
  run.extra_args = {"--allow-all"};
  const auto command = CopilotAgent().SummaryCommand(run);
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->argv, ElementsAre("/opt/copilot", "--output-format", "json", "--no-ask-user",
                                         "--no-auto-update", "--disable-builtin-mcps",
                                         "--available-tools=none", "--model", "gpt-5-mini"));
  EXPECT_THAT(command->env, ElementsAre(Pair("COPILOT_ALLOW_ALL", "false")));
}

}  // namespace
}  // namespace handoff
