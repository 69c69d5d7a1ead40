#include "worker/agent/qwen_agent.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/agent/json_line.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSession[] = "0f6b2c1e-8a44-4c1d-9d6e-5a7b3c2d1e0f";

AgentRun NewRun() {
  AgentRun run;
  run.executable = "/opt/qwen";
  run.session = kSession;
  return run;
}

TEST(QwenAgent, TheFirstRunChoosesTheSessionAndLaterOnesResumeIt) {
  AgentRun run = NewRun();
  EXPECT_EQ(QwenAgent().session_origin(), SessionOrigin::kChosen);
  EXPECT_THAT(QwenAgent().Command(run).argv,
              ElementsAre("/opt/qwen", "--approval-mode", "yolo", "--output-format", "stream-json",
                          "--session-id", kSession));
  EXPECT_TRUE(QwenAgent().Command(run).prompt_on_stdin);
  run.resume = true;
  run.model = "qwen3-coder";
  run.extra_args = {"--max-wall-time", "1h"};
  EXPECT_THAT(QwenAgent().Command(run).argv,
              ElementsAre("/opt/qwen", "--approval-mode", "yolo", "--output-format", "stream-json",
                          "--resume", kSession, "--model", "qwen3-coder", "--max-wall-time", "1h"));
}

TEST(QwenAgent, ASummaryIsMadeWhereNothingMayBeChangedAndLeavesNoSession) {
  AgentRun run = NewRun();
  run.model = "qwen3-coder";
  run.extra_args = {"--approval-mode", "yolo"};
  const auto command = QwenAgent().SummaryCommand(run);
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->argv, ElementsAre("/opt/qwen", "--approval-mode", "plan", "--output-format",
                                         "stream-json", "--core-tools=none", "--safe-mode",
                                         "--chat-recording=false", "--model", "qwen3-coder"));
}

TEST(QwenAgent, AProbeSaysReadyMissingOrWhatToSetUp) {
  const QwenAgent agent;
  EXPECT_THAT(agent.Probe().candidates[0].login_args, ElementsAre("--prompt=/about"));
  const ProbeVerdict missing = agent.JudgeProbe(std::nullopt);
  EXPECT_EQ(missing.state, ProbeVerdict::State::kMissing);
  EXPECT_THAT(missing.message, HasSubstr("npm install -g @qwen-code/qwen-code"));

  ProbeOutput output{"/opt/qwen", "0.24.4\n", 0, false,
                     "Qwen Code v0.24.4\nModel: m\nFast Model: not set\nAuth: openai\n"};
  EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kReady);
  EXPECT_EQ(agent.JudgeProbe(output).version, "0.24.4");

  output.login_exit = 1;
  output.login_out = "No auth type is selected. Please configure an auth type\n";
  const ProbeVerdict logged_out = agent.JudgeProbe(output);
  EXPECT_EQ(logged_out.state, ProbeVerdict::State::kNeedsSetup);
  EXPECT_THAT(logged_out.message, HasSubstr("run `/opt/qwen`"));
  EXPECT_THAT(logged_out.message, HasSubstr("OPENAI_API_KEY"));
  for (const char* said : {"", "It is a fine path.", "An unexpected critical error occurred:"}) {
    for (const int exit : {0, 1}) {
      output.login_exit = exit;
      output.login_out = said;
      EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup) << said;
      EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("update")) << said;
    }
  }
  output.timed_out = true;
  EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("no answer in time"));
}

TEST(QwenAgent, ASessionLiesInAFolderNamedAfterTheDirectory) {
  const QwenAgent agent;
  SessionPlace place{"/home/ann", {}, "/srv/handoff/w_1/r\xc3\xa9.po", kSession};
  EXPECT_EQ(agent.FilesOf(place).root, "/home/ann/.qwen");
  EXPECT_THAT(
      agent.FilesOf(place).patterns,
      ElementsAre(absl::StrCat("projects/-srv-handoff-w-1-r--po/chats/", kSession, ".jsonl")));
  EXPECT_EQ(agent.FileIn(place, "projects/-data-a/chats/s.jsonl"),
            "projects/-srv-handoff-w-1-r--po/chats/s.jsonl");
  EXPECT_EQ(agent.FileIn(place, "settings.json"), "settings.json");
  place.env["QWEN_HOME"] = "/data/qwen";
  EXPECT_EQ(agent.FilesOf(place).root, "/data/qwen");
  place.env["QWEN_RUNTIME_DIR"] = "/run/qwen";
  EXPECT_EQ(agent.FilesOf(place).root, "/run/qwen");
}

// Its reader of this file (version 0.24.4) asks for each of these fields.
TEST(QwenAgent, ASessionFromAnotherDirectoryIsSaidToBelongToThisOne) {
  const auto beside = QwenAgent().FilesBeside({"/h", {}, "/w/repo", kSession});
  ASSERT_EQ(beside.size(), 1u);
  EXPECT_EQ(beside.begin()->first,
            absl::StrCat("projects/-w-repo/chats/", kSession, ".runtime.json"));
  const nlohmann::json status = ParseJsonLine(beside.begin()->second).value_or(nlohmann::json());
  EXPECT_EQ(StringMember(status, "work_dir"), "/w/repo");
  EXPECT_EQ(StringMember(status, "session_id"), kSession);
  for (const char* number : {"schema_version", "pid", "started_at"}) {
    EXPECT_TRUE(IntMember(status, number).has_value()) << number;
  }
  EXPECT_NE(Member(status, "hostname"), nullptr);
  EXPECT_NE(Member(status, "qwen_version"), nullptr);
  EXPECT_EQ(QwenAgent().FilesBeside({"/h", {}, "/w/\xff", kSession}).size(), 1u);
}

TEST(QwenAgent, StderrAndTheExitStatusAreDiagnosed) {
  struct Case {
    int exit;
    const char* text;
    FailureClass failure;
    const char* says;
  };
  for (const Case& c :
       {Case{1, "No saved session found with ID x. Run `qwen --resume`",
             FailureClass::kSessionFailed, "knows no session"},
        {1, "Error: Session Id x already exists (active or archived).",
         FailureClass::kSessionFailed, "--fresh-session"},
        {1, "No auth type is selected.", FailureClass::kAgentNeedsSetup, "run `qwen` there"},
        {1, "[API Error: 401 no]", FailureClass::kAgentNeedsSetup, "run `qwen` there"},
        {55, "Run aborted: tool-call budget of 0 exceeded", FailureClass::kLimitExceeded, "budget"},
        {1, "connect ECONNREFUSED", FailureClass::kNetwork, "Qwen Code said: "}}) {
    const Verdict verdict = QwenAgent().Diagnose({c.exit, 0, EndedBy::kItself}, c.text);
    EXPECT_EQ(verdict.failure, c.failure) << c.text;
    EXPECT_THAT(verdict.message, HasSubstr(c.says));
  }
  EXPECT_EQ(QwenAgent().Diagnose({1, 0, EndedBy::kItself}, "TypeError").failure,
            FailureClass::kNone);
}

}  // namespace
}  // namespace handoff
