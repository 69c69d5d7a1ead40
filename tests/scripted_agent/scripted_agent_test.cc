// The stand-in is held against the adapter that it stands in for.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/handoff/summary.h"
#include "common/hash.h"
#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scripted_agent/script.h"
#include "tests/scripted_agent/spam.h"
#include "worker/agent/cursor_agent.h"
#include "worker/agent/probe.h"

namespace handoff {
namespace {

using ::testing::StartsWith;

std::string Executable() { return std::getenv("SCRIPTED_AGENT"); }

class ScriptedAgentTest : public ::testing::Test {
 protected:
  ScriptedAgentTest() : dir_(*TempDir::Make("scripted-")) {}
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }

  SpawnOptions Options(std::vector<std::string> argv) const {
    SpawnOptions options;
    options.argv = std::move(argv);
    options.env = CurrentEnvironment();
    options.env.push_back("HANDOFF_ATTEMPT=x/7");
    options.env.push_back("GIT_CONFIG_GLOBAL=/dev/null");
    options.cwd = dir_.path();
    return options;
  }
  RunResult Run(std::vector<std::string> argv, const std::string& input = "") const {
    return *RunProcess(Options(std::move(argv)), input, absl::Minutes(2));
  }
  // The steps as a prompt, on stdin, with the adapter's command line.
  RunResult Play(const std::vector<std::string>& steps) const {
    AgentRun run;
    run.executable = Executable();
    run.session = "s-1";
    run.model = "m-1";
    return Run(CursorAgent().Command(run).argv, Prompt(steps));
  }
  static std::string Prompt(const std::vector<std::string>& steps) {
    return absl::StrCat("Do this.\nscript: ", absl::StrJoin(steps, "\nscript: "), "\nThank you.");
  }
  static std::vector<AgentEvent> Events(const std::string& out) {
    std::vector<AgentEvent> events;
    const auto parser = CursorAgent().NewParser();
    for (const absl::string_view line : absl::StrSplit(out, '\n')) {
      for (AgentEvent& event : parser->ParseLine(line)) events.push_back(std::move(event));
    }
    return events;
  }
  template <typename Kind>
  static std::vector<Kind> Of(const std::string& out) {
    std::vector<Kind> found;
    for (const AgentEvent& event : Events(out)) {
      if (const auto* what = std::get_if<Kind>(&event.what)) found.push_back(*what);
    }
    return found;
  }

  TempDir dir_;
};

TEST_F(ScriptedAgentTest, IsFoundReadyByTheProbe) {
  ProbeSettings settings;
  settings.binary = Executable();
  settings.env = CurrentEnvironment();
  const ProbeVerdict verdict = CursorAgent().JudgeProbe(RunProbe(CursorAgent().Probe(), settings));
  EXPECT_EQ(verdict.state, ProbeVerdict::State::kReady) << verdict.message;
  EXPECT_EQ(verdict.account, "tester@localhost");
  EXPECT_EQ(verdict.version, "2026.11.20-scripted");
}

TEST_F(ScriptedAgentTest, CanBeCalledAgentByItsBanner) {
  ASSERT_EQ(::symlink(Executable().c_str(), Path("agent").c_str()), 0);
  ProbeSettings settings;
  settings.env = {"PATH=" + dir_.path()};
  EXPECT_EQ(RunProbe(CursorAgent().Probe(), settings)->executable, Path("agent"));
}

TEST_F(ScriptedAgentTest, AFileBesideItMakesTheFirstStepsFail) {
  ASSERT_EQ(::symlink(Executable().c_str(), Path("agent").c_str()), 0);
  EXPECT_TRUE(CursorAgent().ParseSessionId(Run({Path("agent"), "create-chat"}).out).ok());
  ASSERT_TRUE(
      WriteFileAtomically(Path("agent.conf"), "create-chat empty\nstatus logged-out\n").ok());
  const RunResult empty = Run({Path("agent"), "create-chat"});
  EXPECT_TRUE(empty.status.ok());
  EXPECT_EQ(empty.out, "");
  EXPECT_EQ(Run({Path("agent"), "status"}).status.code, 1);
  ASSERT_TRUE(WriteFileAtomically(Path("agent.conf"), "create-chat fail\n").ok());
  EXPECT_EQ(Run({Path("agent"), "create-chat"}).status.code, 1);
}

TEST_F(ScriptedAgentTest, TellsItsTurnInDocumentedEvents) {
  const RunResult run = Play({"think hard", "say Hello.", "tool shell echo hi; exit 3",
                              "write a/b.txt one\\ntwo", "say Bye.", "result ok"});
  EXPECT_TRUE(run.status.ok()) << run.err;
  const auto sessions = Of<AgentEvent::SessionStarted>(run.out);
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].session, "s-1");
  EXPECT_EQ(sessions[0].model, "m-1");
  const auto tools = Of<AgentEvent::ToolFinished>(run.out);
  ASSERT_EQ(tools.size(), 2u);
  EXPECT_EQ(tools[0].command, "echo hi; exit 3");
  EXPECT_EQ(tools[0].exit_code, 3);
  EXPECT_EQ(tools[0].outcome, "failure");
  EXPECT_EQ(tools[1].path, "a/b.txt");
  EXPECT_EQ(*ReadFile(Path("a/b.txt")), "one\ntwo\n");
  const auto results = Of<AgentEvent::Result>(run.out);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].ok);
  EXPECT_EQ(results[0].message, "Hello.Bye.");
  EXPECT_EQ(Of<AgentEvent::Unknown>(run.out).size(), 0u) << run.out;
}

TEST_F(ScriptedAgentTest, CommitsForReal) {
  const auto git = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"git", "-c", "init.defaultBranch=main"});
    return Run(std::move(args));
  };
  ASSERT_TRUE(git({"init", "-q", "."}).status.ok());
  git({"config", "user.name", "T"});
  git({"config", "user.email", "t@localhost"});
  const RunResult run = Play({"write f hello", "commit Add it's file", "result ok"});
  EXPECT_EQ(Of<AgentEvent::ToolFinished>(run.out).back().exit_code, 0) << run.out;
  EXPECT_EQ(git({"log", "--format=%s"}).out, "Add it's file\n");
}

TEST_F(ScriptedAgentTest, EndsInEveryWayThatRealOnesDo) {
  const RunResult no_result = Play({"say x"});
  EXPECT_TRUE(no_result.status.ok());
  EXPECT_EQ(Of<AgentEvent::Result>(no_result.out).size(), 0u);
  EXPECT_EQ(Play({"exit 7"}).status.code, 7);
  EXPECT_EQ(Play({"exit 7"}).out, "");
  EXPECT_EQ(Play({"crash SEGV"}).status.signal, SIGSEGV);
  EXPECT_EQ(Play({"crash KILL"}).status.signal, SIGKILL);
  const auto error = Of<AgentEvent::Result>(Play({"result error usage limit reached"}).out);
  EXPECT_EQ(error.at(0).failure, FailureClass::kQuota);
  const RunResult stderr_only = Play({"stderr Not logged in", "exit 1"});
  EXPECT_EQ(stderr_only.out, "");
  EXPECT_EQ(stderr_only.err, "Not logged in\n");
  EXPECT_EQ(Of<AgentEvent::SessionStarted>(Play({"session other", "say x"}).out)[0].session,
            "other");
}

TEST_F(ScriptedAgentTest, StaysAfterItsResultUntilItIsKilled) {
  auto out = *MakePipe();
  SpawnOptions options = Options({Executable(), "play", "ignore TERM", "result ok", "no-exit"});
  options.fds = {{1, out.second.get()}};
  Subprocess agent = *Subprocess::Spawn(options);
  out.second.Reset();
  std::string said;
  char c;
  while (said.find("\"type\":\"result\"") == std::string::npos &&
         ::read(out.first.get(), &c, 1) == 1) {
    said.push_back(c);
  }
  agent.Signal(SIGTERM);
  agent.Signal(SIGKILL);
  EXPECT_EQ(agent.Wait()->signal, SIGKILL);
}

TEST_F(ScriptedAgentTest, WaitsForAFifoAndForAFileAndTells) {
  ASSERT_EQ(::mkfifo(Path("said").c_str(), 0600), 0);
  Subprocess agent = *Subprocess::Spawn(
      Options({Executable(), "play", "tell said one", "wait go", "record log start", "exit 5"}));
  EXPECT_EQ(*ReadFile(Path("said")), "one\n");
  ASSERT_TRUE(WriteFileAtomically(Path("go"), "").ok());
  EXPECT_EQ(agent.Wait()->code, 5);
  EXPECT_EQ(*ReadFile(Path("log")), "start x/7\n");
}

TEST_F(ScriptedAgentTest, AGrandchildHoldsItsOutputAndIgnoresSigterm) {
  auto out = *MakePipe();
  SpawnOptions options = Options({Executable(), "play", "grandchild pid", "exit 0"});
  options.fds = {{1, out.second.get()}};
  Subprocess agent = *Subprocess::Spawn(options);
  out.second.Reset();
  EXPECT_EQ(agent.Wait()->code, 0);
  int pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(*ReadFile(Path("pid")), &pid));
  EXPECT_EQ(::getsid(pid), pid);
  ::kill(pid, SIGTERM);
  EXPECT_EQ(::kill(pid, 0), 0);
  ::fcntl(out.first.get(), F_SETFL, O_NONBLOCK);
  char c;
  EXPECT_EQ(::read(out.first.get(), &c, 1), -1) << "nobody holds the pipe";
  ::kill(pid, SIGKILL);
  ::fcntl(out.first.get(), F_SETFL, 0);
  EXPECT_EQ(::read(out.first.get(), &c, 1), 0);
}

TEST_F(ScriptedAgentTest, AStepMayBePlayedTheFirstTimeOnly) {
  EXPECT_EQ(Play({"first mark exit 3", "exit 4"}).status.code, 3);
  EXPECT_EQ(Play({"first mark exit 3", "exit 4"}).status.code, 4);
}

TEST_F(ScriptedAgentTest, SpamIsTheSameEveryTime) {
  const auto out = *OpenFile(Path("out"), O_WRONLY | O_CREAT);
  const auto err = *OpenFile(Path("err"), O_WRONLY | O_CREAT);
  SpawnOptions options = Options({Executable(), "play", "spam 30000000 42"});
  options.fds = {{1, out.get()}, {2, err.get()}};
  EXPECT_TRUE(Subprocess::Spawn(options)->Wait()->ok());
  std::string wanted[3], line;
  size_t longest = 0, lines = 0;
  int stream = 0;
  for (scripted::Spam spam(30'000'000, 42); spam.Next(&line, &stream); ++lines) {
    wanted[stream] += line;
    longest = std::max(longest, line.size());
    ASSERT_EQ(line.find('\n'), line.size() - 1);
  }
  EXPECT_EQ(wanted[1].size() + wanted[2].size(), 30'000'000u);
  EXPECT_GT(longest, 1u << 20);
  EXPECT_GT(lines, 100u);
  EXPECT_EQ(Sha256Hex(*ReadFile(Path("out"))), Sha256Hex(wanted[1]));
  EXPECT_EQ(Sha256Hex(*ReadFile(Path("err"))), Sha256Hex(wanted[2]));
}

TEST_F(ScriptedAgentTest, ALongLineIsOneEvent) {
  const auto out = *OpenFile(Path("out"), O_WRONLY | O_CREAT);
  SpawnOptions options = Options({Executable(), "play", "line 5000000"});
  options.fds = {{1, out.get()}};
  EXPECT_TRUE(Subprocess::Spawn(options)->Wait()->ok());
  EXPECT_EQ(Of<AgentEvent::Text>(*ReadFile(Path("out"))).at(0).text.size(), 5'000'000u);
}

TEST_F(ScriptedAgentTest, TheScriptMayComeFromAFileOrThePromptAsArgument) {
  ASSERT_TRUE(WriteFileAtomically(Path("script"), "# nothing\n\nexit 9\n").ok());
  SpawnOptions options = Options({Executable(), "--resume", "s", "--print", "--output-format",
                                  "stream-json", "--trust", "--yolo", "script: exit 8"});
  EXPECT_EQ(RunProcess(options, "", absl::Minutes(1))->status.code, 8);
  options.env.push_back("HANDOFF_SCRIPT=" + Path("script"));
  EXPECT_EQ(RunProcess(options, "", absl::Minutes(1))->status.code, 9);
}

TEST_F(ScriptedAgentTest, WhatIsWrongIsRefusedBeforeAnythingIsPlayed) {
  for (const char* step :
       {"dance", "say", "exit", "exit 256", "exit x", "crash WHAT", "tool ls", "result maybe",
        "spam 10", "spam 10 1 err", "silence now", "first mark", "first mark dance", "line -1"}) {
    const RunResult run = Play({"write played yes", step});
    EXPECT_EQ(run.status.code, 64) << step;
    EXPECT_THAT(run.err, StartsWith("scripted agent: script line 2: ")) << step;
  }
  EXPECT_FALSE(PathExists(Path("played")));
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{}, {"--print"}, {"--resume"}, {"--frobnicate"}}) {
    std::vector<std::string> argv = {Executable()};
    argv.insert(argv.end(), args.begin(), args.end());
    EXPECT_EQ(Run(argv).status.code, 64) << absl::StrJoin(args, " ");
  }
}

TEST_F(ScriptedAgentTest, AnswersInModeAskFromAScriptOfItsOwn) {
  AgentRun run;
  run.executable = Executable();
  const auto command = CursorAgent().SummaryCommand(run);
  ASSERT_TRUE(command.has_value());
  const RunResult plain = Run(command->argv, "Summarise.\nscript: exit 7");
  EXPECT_TRUE(plain.status.ok()) << plain.err;
  ASSERT_EQ(Of<AgentEvent::Text>(plain.out).size(), 1u);
  EXPECT_TRUE(ParseSummary(Of<AgentEvent::Text>(plain.out)[0].text).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("answer"), "prompt kept\nexit 9\n").ok());
  SpawnOptions options = Options(command->argv);
  options.env.push_back("HANDOFF_SUMMARY_SCRIPT=" + Path("answer"));
  EXPECT_EQ(RunProcess(options, "What it reads", absl::Minutes(1))->status.code, 9);
  EXPECT_EQ(*ReadFile(Path("kept")), "What it reads");
}

}  // namespace
}  // namespace handoff
