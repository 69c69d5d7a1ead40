#include "worker/agent/command_agent.h"

#include "common/handoff/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/agent/registry.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The coordinator and the command know the agents by the names alone.
TEST(Registry, HasTheAgentsThatTheVocabularyNames) {
  std::vector<absl::string_view> names;
  for (const Agent* agent : AllAgents()) names.push_back(agent->name());
  EXPECT_THAT(names, ElementsAreArray(kAgents));
}

TEST(CommandAgent, AnArgvIsRunExactly) {
  AgentRun run;
  run.argv = {"make", "-j8", "test; rm x"};
  run.script = "/d/script";
  const AgentCommand command = CommandAgent().Command(run);
  EXPECT_THAT(command.argv, ElementsAre("make", "-j8", "test; rm x"));
  EXPECT_FALSE(command.prompt_on_stdin);
}

TEST(CommandAgent, AScriptRunsInTheShellUnlessItNamesAnInterpreter) {
  AgentRun run;
  run.script = "/d/script";
  const auto argv = [&](const char* first_line) {
    run.script_first_line = first_line;
    return CommandAgent().Command(run).argv;
  };
  EXPECT_THAT(argv("make test"), ElementsAre("/bin/sh", "/d/script"));
  EXPECT_THAT(argv(""), ElementsAre("/bin/sh", "/d/script"));
  EXPECT_THAT(argv("#!"), ElementsAre("/bin/sh", "/d/script"));
  EXPECT_THAT(argv("#!/bin/bash"), ElementsAre("/bin/bash", "/d/script"));
  EXPECT_THAT(argv("#! /usr/bin/env  python3 -u\r"),
              ElementsAre("/usr/bin/env", "python3 -u", "/d/script"));
}

TEST(CommandAgent, IsAlwaysReadyAndHasNeitherSessionNorStream) {
  const CommandAgent agent;
  EXPECT_THAT(agent.Probe().candidates, IsEmpty());
  EXPECT_EQ(agent.JudgeProbe(std::nullopt).state, ProbeVerdict::State::kReady);
  EXPECT_THAT(agent.CreateSessionCommand({}), IsEmpty());
  EXPECT_FALSE(agent.ParseSessionId("x").ok());
  EXPECT_FALSE(agent.has_stream());
  EXPECT_EQ(agent.session_origin(), SessionOrigin::kNone);
  EXPECT_FALSE(agent.needs_repository());
  EXPECT_THAT(agent.NewParser()->ParseLine(R"({"type":"result"})"), IsEmpty());
}

TEST(CommandAgent, TheShellsStatusForAMissingProgramIsExplained) {
  const CommandAgent agent;
  EXPECT_THAT(agent.Diagnose({127, 0, EndedBy::kItself}, "").message, HasSubstr("not found"));
  EXPECT_THAT(agent.Diagnose({126, 0, EndedBy::kItself}, "").message, HasSubstr("executed"));
  EXPECT_EQ(agent.Diagnose({1, 0, EndedBy::kItself}, "not logged in").failure, FailureClass::kNone);
}

TEST(CommandAgent, MakesNoSummary) { EXPECT_FALSE(CommandAgent().SummaryCommand({}).has_value()); }

}  // namespace
}  // namespace handoff
