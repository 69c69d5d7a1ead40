#include "worker/agent/claude_agent.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSession[] = "0f6b2c1e-8a44-4c1d-9d6e-5a7b3c2d1e0f";

AgentRun NewRun() {
  AgentRun run;
  run.executable = "/opt/claude";
  run.session = kSession;
  return run;
}

bool Has(const std::vector<std::string>& argv, const std::string& argument) {
  return std::find(argv.begin(), argv.end(), argument) != argv.end();
}

TEST(ClaudeAgent, TheFirstRunChoosesTheSessionAndLaterOnesResumeIt) {
  AgentRun run = NewRun();
  const AgentCommand first = ClaudeAgent().Command(run);
  EXPECT_EQ(ClaudeAgent().session_origin(), SessionOrigin::kChosen);
  EXPECT_TRUE(first.prompt_on_stdin);
  EXPECT_TRUE(Has(first.argv, "--session-id"));
  EXPECT_FALSE(Has(first.argv, "--resume"));
  run.resume = true;
  const AgentCommand second = ClaudeAgent().Command(run);
  EXPECT_FALSE(Has(second.argv, "--session-id"));
  EXPECT_TRUE(Has(second.argv, "--resume"));
  EXPECT_EQ(second.argv.back(), kSession);
}

// Trap 8: nobody is there to answer.
TEST(ClaudeAgent, Trap8NothingIsAskedAndTheWorkersArgumentsComeLast) {
  AgentRun run = NewRun();
  run.model = "opus";
  run.extra_args = {"--permission-mode", "bypassPermissions"};
  EXPECT_THAT(ClaudeAgent().Command(run).argv,
              ElementsAre("/opt/claude", "--print", "--output-format", "stream-json", "--verbose",
                          "--permission-mode", "acceptEdits",
                          "--allowedTools=Bash,Edit,Write,NotebookEdit,WebFetch,WebSearch",
                          "--disallowedTools=AskUserQuestion", "--session-id", kSession, "--model",
                          "opus", "--permission-mode", "bypassPermissions"));
}

// Trap 15: the program that was probed is the one that runs.
TEST(ClaudeAgent, Trap15ItDoesNotUpdateItself) {
  EXPECT_EQ(ClaudeAgent().Command(NewRun()).env.at("DISABLE_AUTOUPDATER"), "1");
}

TEST(ClaudeAgent, AProbeSaysReadyMissingOrWhatToSetUp) {
  const ClaudeAgent agent;
  EXPECT_THAT(agent.Probe().candidates[0].login_args, ElementsAre("auth", "status"));
  EXPECT_EQ(agent.Probe().candidates[0].banner, "Claude Code");
  const ProbeVerdict missing = agent.JudgeProbe(std::nullopt);
  EXPECT_EQ(missing.state, ProbeVerdict::State::kMissing);
  EXPECT_THAT(missing.message, HasSubstr("npm install -g @anthropic-ai/claude-code"));

  ProbeOutput output{"/opt/claude", "2.1.332 (Claude Code)\n", 0, false,
                     "{\n  \"loggedIn\": true,\n  \"authMethod\": \"claude.ai\",\n"
                     "  \"email\": \"ann@example.org\"\n}\n"};
  const ProbeVerdict ready = agent.JudgeProbe(output);
  EXPECT_EQ(ready.state, ProbeVerdict::State::kReady);
  EXPECT_EQ(ready.version, "2.1.332 (Claude Code)");
  EXPECT_EQ(ready.account, "ann@example.org");

  output.login_out = "{\"loggedIn\": false, \"authMethod\": \"none\"}\n";
  output.login_exit = 1;
  const ProbeVerdict logged_out = agent.JudgeProbe(output);
  EXPECT_EQ(logged_out.state, ProbeVerdict::State::kNeedsSetup);
  EXPECT_THAT(logged_out.message, HasSubstr("`/opt/claude auth login`"));
  for (const char* said : {"", "error: unknown command", "}{", "[]", "{\"x\":1}"}) {
    output.login_out = said;
    EXPECT_EQ(agent.JudgeProbe(output).state, ProbeVerdict::State::kNeedsSetup) << said;
    EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("update")) << said;
  }
  output.timed_out = true;
  EXPECT_THAT(agent.JudgeProbe(output).message, HasSubstr("no answer in time"));
}

// As version 2.1.332 named the folders.
TEST(ClaudeAgent, ASessionLiesInAFolderNamedAfterTheDirectory) {
  const ClaudeAgent agent;
  SessionPlace place{"/home/ann", {}, "/srv/handoff/w_1/re.po", kSession};
  SessionFiles files = agent.FilesOf(place);
  EXPECT_EQ(files.root, "/home/ann/.claude");
  EXPECT_THAT(files.patterns,
              ElementsAre(absl::StrCat("projects/-srv-handoff-w-1-re-po/", kSession, ".jsonl"),
                          absl::StrCat("projects/-srv-handoff-w-1-re-po/", kSession, "/**")));
  place.env["CLAUDE_CONFIG_DIR"] = "/data/claude";
  EXPECT_EQ(agent.FilesOf(place).root, "/data/claude");
}

TEST(ClaudeAgent, ALongDirectoryIsCutAndToldApartByAHash) {
  std::string directory = "/tmp/rig/";
  for (int i = 0; i < 6; ++i) directory += "very-long_dir.name";
  directory += "/";
  for (int i = 0; i < 9; ++i) directory += "second-é-dir";
  directory += "/x";
  const SessionFiles files = ClaudeAgent().FilesOf({"/h", {}, directory, "s"});
  EXPECT_EQ(files.patterns[0],
            "projects/-tmp-rig-very-long-dir-namevery-long-dir-namevery-long-dir-namevery-long-dir-"
            "namevery-long-dir-namevery-long-dir-name-second---dirsecond---dirsecond---dirsecond---"
            "dirsecond---dirsecond---dirsecond---d-93l0fi/s.jsonl");
}

TEST(ClaudeAgent, AFileMovesToTheFolderOfTheOtherDirectory) {
  const SessionPlace there{"/h", {}, "/data/b", "s"};
  EXPECT_EQ(ClaudeAgent().FileIn(there, "projects/-data-a/s.jsonl"), "projects/-data-b/s.jsonl");
  EXPECT_EQ(ClaudeAgent().FileIn(there, "projects/-data-a/s/subagents/x.jsonl"),
            "projects/-data-b/s/subagents/x.jsonl");
  EXPECT_EQ(ClaudeAgent().FileIn(there, "settings.json"), "settings.json");
}

TEST(ClaudeAgent, BytesThatAreNoUtf8HarmNoName) {
  for (const char* name : {"/a\xff", "/a\xc3", "/a\xf0\x9f", "/\x80\x80", "/a\xf0\x9f\x98\x80"}) {
    EXPECT_FALSE(ClaudeAgent().FilesOf({"/h", {}, name, "s"}).patterns.empty());
  }
  // Two units of UTF-16.
  EXPECT_EQ(ClaudeAgent().FilesOf({"/h", {}, "/a\xf0\x9f\x98\x80", "s"}).patterns[0],
            "projects/-a--/s.jsonl");
}

TEST(ClaudeAgent, StderrIsDiagnosed) {
  struct Case {
    const char* text;
    FailureClass failure;
    const char* says;
  };
  for (const Case& c :
       {Case{"No conversation found with session ID: x", FailureClass::kSessionFailed,
             "knows no session"},
        {"Error: Session ID x is already in use.", FailureClass::kSessionFailed, "--fresh-session"},
        {"Not logged in · Please run /login", FailureClass::kAgentNeedsSetup,
         "`claude auth login`"},
        {"getaddrinfo ENOTFOUND api.anthropic.com", FailureClass::kNetwork, "Claude said: "}}) {
    const Verdict verdict = ClaudeAgent().Diagnose({1, 0, EndedBy::kItself}, c.text);
    EXPECT_EQ(verdict.failure, c.failure) << c.text;
    EXPECT_THAT(verdict.message, HasSubstr(c.says));
  }
  EXPECT_EQ(ClaudeAgent().Diagnose({1, 0, EndedBy::kItself}, "Segmentation fault").failure,
            FailureClass::kNone);
}

TEST(ClaudeAgent, ASummaryIsMadeWithoutAnyToolAndLeavesNoSession) {
  AgentRun run = NewRun();
  run.model = "haiku";
  run.extra_args = {"--permission-mode", "bypassPermissions", "--tools", "default"};
  const auto command = ClaudeAgent().SummaryCommand(run);
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->argv, ElementsAre("/opt/claude", "--print", "--output-format", "stream-json",
                                         "--verbose", "--tools=", "--strict-mcp-config",
                                         "--no-session-persistence", "--model", "haiku"));
  EXPECT_TRUE(command->prompt_on_stdin);
}

}  // namespace
}  // namespace handoff
