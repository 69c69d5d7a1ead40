#include "worker/agent/opencode_agent.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kSession[] = "ses_00000000000000000000000001";

TEST(OpencodeAgent, TheFirstRunNamesNoSessionAndTheNextOnesDo) {
  AgentRun run;
  run.executable = "/opt/opencode";
  run.session = kSession;
  AgentCommand command = OpencodeAgent().Command(run);
  EXPECT_THAT(command.argv, ElementsAre("/opt/opencode", "run", "--format", "json", "--auto"));
  EXPECT_TRUE(command.prompt_on_stdin);
  EXPECT_EQ(OpencodeAgent().session_origin(), SessionOrigin::kStream);

  run.resume = true;
  run.model = "rig/rig-model";
  run.extra_args = {"--variant", "high"};
  command = OpencodeAgent().Command(run);
  EXPECT_THAT(command.argv,
              ElementsAre("/opt/opencode", "run", "--format", "json", "--auto", "--session",
                          kSession, "--model", "rig/rig-model", "--variant", "high"));
}

TEST(OpencodeAgent, Trap15ARunDoesNotUpdateTheProgram) {
  EXPECT_THAT(OpencodeAgent().Command({}).env,
              ElementsAre(Pair("OPENCODE_DISABLE_AUTOUPDATE", "1")));
}

TEST(OpencodeAgent, AProbeSaysReadyMissingOrWhatToSetUp) {
  const OpencodeAgent agent;
  const ProbeVerdict missing = agent.JudgeProbe(std::nullopt);
  EXPECT_EQ(missing.state, ProbeVerdict::State::kMissing);
  EXPECT_THAT(missing.message, HasSubstr("npm install -g opencode-ai"));

  ProbeOutput output{"/opt/opencode", "1.18.33\n", 0, false, "rig/rig-model\nrig/other\n"};
  const ProbeVerdict ready = agent.JudgeProbe(output);
  EXPECT_EQ(ready.state, ProbeVerdict::State::kReady);
  EXPECT_EQ(ready.version, "1.18.33");
  for (const char* said : {"", "Error: cannot read /home/me/opencode.json"}) {
    output.login_out = said;
    const ProbeVerdict verdict = agent.JudgeProbe(output);
    EXPECT_EQ(verdict.state, ProbeVerdict::State::kNeedsSetup) << said;
    EXPECT_THAT(verdict.message, HasSubstr("`/opt/opencode auth login`"));
  }
  output.login_out = "rig/rig-model\n";
  output.login_exit = 1;
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup);
  output.timed_out = true;
  EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("no answer in time"));
}

TEST(OpencodeAgent, ASessionIsWhatItsExportWrote) {
  SessionPlace place{"/home/ann", {}, "/srv/a", kSession};
  const SessionFiles files = OpencodeAgent().FilesOf(place);
  EXPECT_EQ(files.root, "/home/ann/.local/share/opencode");
  EXPECT_THAT(files.patterns, ElementsAre(std::string("handoff/") + kSession + ".json"));
  const auto save = OpencodeAgent().SaveSessionCommand("/opt/opencode", place);
  ASSERT_TRUE(save.has_value());
  EXPECT_EQ(save->argv[4], "/opt/opencode");
  EXPECT_EQ(save->argv[5], kSession);
  EXPECT_EQ(save->argv[6], files.root + "/" + files.patterns[0]);

  place.env["XDG_DATA_HOME"] = "/data";
  EXPECT_EQ(OpencodeAgent().FilesOf(place).root, "/data/opencode");
  const auto load = OpencodeAgent().LoadSessionCommand("/opt/opencode", place);
  ASSERT_TRUE(load.has_value());
  EXPECT_EQ(load->argv[5], std::string("/data/opencode/handoff/") + kSession + ".json");
  EXPECT_EQ(load->argv[6], kSession);
}

// The stream's end may be the end of a summary that it makes for itself.
TEST(OpencodeAgent, Trap3ItIsGivenTimeAfterWhatLooksLikeTheEnd) {
  EXPECT_GE(OpencodeAgent().finish_grace(), absl::Minutes(1));
}

TEST(OpencodeAgent, StderrIsDiagnosed) {
  struct Case {
    const char* text;
    FailureClass failure;
    const char* says;
  };
  for (const Case& c : {Case{"\x1b[91m\x1b[1mError: \x1b[0mSession not found",
                             FailureClass::kSessionFailed, "knows no session"},
                        {"Unauthorized: scripted failure 401", FailureClass::kAgentNeedsSetup,
                         "`opencode auth login`"},
                        {"Unable to connect. Is the computer able to access the url?",
                         FailureClass::kNetwork, "opencode said: "}}) {
    const Verdict verdict = OpencodeAgent().Diagnose({1, 0, EndedBy::kItself}, c.text);
    EXPECT_EQ(verdict.failure, c.failure) << c.text;
    EXPECT_THAT(verdict.message, HasSubstr(c.says));
  }
  EXPECT_EQ(OpencodeAgent().Diagnose({1, 0, EndedBy::kItself}, "panicked").failure,
            FailureClass::kNone);
}

TEST(OpencodeAgent, ASummaryIsMadeByAnAgentWithoutToolsAndLeavesNoSession) {
  AgentRun run;
  run.executable = "/opt/opencode";
  run.model = "rig/small";
  run.extra_args = {"--auto", "--agent", "build"};
  const auto command = OpencodeAgent().SummaryCommand(run);
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->argv,
              ElementsAre("/opt/opencode", "run", "--format", "json", "--title", "summary",
                          "--agent", "handoff-summary", "--model", "rig/small"));
  EXPECT_THAT(command->env.at("OPENCODE_CONFIG_CONTENT"),
              HasSubstr(R"("handoff-summary":{"mode":"primary","permission":{"*":"deny"}})"));
  EXPECT_EQ(command->env.at("OPENCODE_DB"), ":memory:");
}

}  // namespace
}  // namespace handoff
