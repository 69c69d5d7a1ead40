#include "worker/agent/cursor_agent.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/agent/probe.h"
#include "worker/agent/registry.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CursorAgent, TheCommandLineIsTheSkillsWithThePromptOnStdin) {
  AgentRun run;
  run.executable = "/opt/cursor-agent";
  run.session = "7d1f";
  AgentCommand command = CursorAgent().Command(run);
  EXPECT_THAT(command.argv, ElementsAre("/opt/cursor-agent", "--resume", "7d1f", "--print",
                                        "--output-format", "stream-json", "--trust", "--yolo"));
  EXPECT_TRUE(command.prompt_on_stdin);
  run.model = "gpt-5";
  run.extra_args = {"--approve-mcps"};
  command = CursorAgent().Command(run);
  EXPECT_THAT(std::vector<std::string>(command.argv.begin() + 8, command.argv.end()),
              ElementsAre("--model", "gpt-5", "--approve-mcps"));
}

TEST(CursorAgent, ASessionIsCreatedFirstAndAnEmptyAnswerIsAnError) {
  AgentRun run;
  run.executable = "/opt/agent";
  EXPECT_THAT(CursorAgent().CreateSessionCommand(run), ElementsAre("/opt/agent", "create-chat"));
  EXPECT_EQ(*CursorAgent().ParseSessionId("7d1f0c52-6f0e-4d0b-9f63-2f1d0a8e4b11\n"),
            "7d1f0c52-6f0e-4d0b-9f63-2f1d0a8e4b11");
  EXPECT_EQ(*CursorAgent().ParseSessionId("An update is ready.\n7d1f0c52-6f0e\n\n"),
            "7d1f0c52-6f0e");
  EXPECT_THAT(std::string(CursorAgent().ParseSessionId(" \n").status().message()),
              HasSubstr("printed nothing"));
  for (const char* said : {"Error: not logged in", "failed", "undefined", "--version-12345"}) {
    EXPECT_FALSE(CursorAgent().ParseSessionId(said).ok()) << said;
  }
}

TEST(CursorAgent, EitherNameIsProvenByItsBanner) {
  const ProbeSpec spec = CursorAgent().Probe();
  ASSERT_EQ(spec.candidates.size(), 2u);
  EXPECT_EQ(spec.candidates[0].executable, "cursor-agent");
  EXPECT_EQ(spec.candidates[1].executable, "agent");
  for (const ProbeSpec::Candidate& candidate : spec.candidates) {
    EXPECT_EQ(candidate.banner, "Cursor Agent");
    EXPECT_THAT(candidate.banner_args, ElementsAre("--help"));
  }
}

TEST(CursorAgent, AProgramOfThatNameWithoutTheBannerIsNone) {
  const TempDir dir = *TempDir::Make("cursor-");
  const std::string path = dir.path() + "/cursor-agent";
  const std::string told = dir.path() + "/told";
  const std::string script = absl::StrCat("#!/bin/sh\necho \"$1 $CURSOR_API_KEY\" >>", told, "\n");
  ASSERT_TRUE(WriteFileAtomically(path, script, 0755).ok());
  ProbeSettings settings;
  settings.env = {absl::StrCat("PATH=", dir.path())};
  settings.own_env = {"CURSOR_API_KEY=key-1"};
  EXPECT_FALSE(RunProbe(CursorAgent().Probe(), settings).has_value());
  EXPECT_EQ(*ReadFile(told), "--help \n") << "and it has no key";
  settings.binary = path;
  EXPECT_TRUE(RunProbe(CursorAgent().Probe(), settings).has_value()) << "named by its owner";
  EXPECT_EQ(*ReadFile(told), "--help \n--version key-1\nstatus key-1\n");
}

TEST(CursorAgent, AProbeSaysReadyMissingOrWhatToSetUp) {
  const CursorAgent agent;
  const ProbeVerdict missing = agent.JudgeProbe(std::nullopt);
  EXPECT_EQ(missing.state, ProbeVerdict::State::kMissing);
  EXPECT_THAT(missing.message, HasSubstr("install"));

  ProbeOutput output{"/opt/cursor-agent", "2026.09.23-abc\n", 0, false,
                     "\x1b[32m✓ Logged in as ann@example.org\x1b[0m\n"};
  const ProbeVerdict ready = agent.JudgeProbe(output);
  EXPECT_EQ(ready.state, ProbeVerdict::State::kReady);
  EXPECT_EQ(ready.version, "2026.09.23-abc");
  EXPECT_EQ(ready.account, "ann@example.org");

  output.login_out = "Not logged in\n";
  const ProbeVerdict logged_out = agent.JudgeProbe(output);
  EXPECT_EQ(logged_out.state, ProbeVerdict::State::kNeedsSetup);
  EXPECT_THAT(logged_out.message, HasSubstr("`/opt/cursor-agent login`"));
  output.login_out = "";
  output.login_exit = 1;
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup);
  output.timed_out = true;
  EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("no answer in time"));
}

TEST(CursorAgent, StderrIsDiagnosed) {
  struct Case {
    const char* text;
    FailureClass failure;
    const char* says;
  };
  const CursorAgent agent;
  for (const Case& c :
       {Case{"Error: Not logged in. Please run 'agent login'", FailureClass::kAgentNeedsSetup,
             "`cursor-agent login`"},
        {"Workspace Trust Required\nPass --trust", FailureClass::kAgentNeedsSetup, "--trust"},
        {"x\nCannot use this model: foo. Available models: a, b\ny", FailureClass::kAgentError,
         "Cursor said: Cannot use this model: foo. Available models: a, b"},
        {"You've hit your usage limit", FailureClass::kQuota, "usage limit"},
        {"Error: getaddrinfo ENOTFOUND api2.cursor.sh", FailureClass::kNetwork, "ENOTFOUND"},
        {"prompt is too long: 300000 tokens", FailureClass::kContextOverflow, "too long"},
        {"[resource_exhausted] Too many requests", FailureClass::kRateLimited, "Too many"}}) {
    const Verdict verdict = agent.Diagnose({1, 0, EndedBy::kItself}, c.text);
    EXPECT_EQ(verdict.failure, c.failure) << c.text;
    EXPECT_THAT(verdict.message, HasSubstr(c.says));
  }
  EXPECT_EQ(agent.Diagnose({1, 0, EndedBy::kItself}, "Segmentation fault").failure,
            FailureClass::kNone);
}

TEST(Registry, AgentsAreFoundByName) {
  for (const Agent* agent : AllAgents()) EXPECT_EQ(FindAgent(agent->name()), agent);
  EXPECT_EQ(FindAgent("nobody"), nullptr);
  EXPECT_EQ(AllAgents()[0]->name(), "cursor");
}

TEST(CursorAgent, ASummaryIsMadeInTheModeThatOnlyAnswers) {
  AgentRun run;
  run.executable = "/opt/cursor-agent";
  run.model = "small";
  run.extra_args = {"--yolo"};
  const auto command = CursorAgent().SummaryCommand(run);
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->argv,
              ElementsAre("/opt/cursor-agent", "--print", "--output-format", "stream-json",
                          "--trust", "--mode", "ask", "--model", "small"));
}

}  // namespace
}  // namespace handoff
