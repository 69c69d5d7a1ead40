// Where an agent's session comes from: a command before it starts, our choice, or its stream.

#include <sys/stat.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/uuid.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SessionTest : public RunningWorker {
 protected:
  SessionTest() {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    git_.CommitAll("origin", "first");
  }

  // What the agent's CLI does for its verbs, as lines of a `case` of sh.
  void Play(const std::string& agent, const std::string& verbs) {
    const std::string binary = path(agent + "-cli");
    ASSERT_TRUE(WriteFileAtomically(binary,
                                    absl::StrCat("#!/bin/sh\ncase \"$1\" in\n--version) echo 1;;\n"
                                                 "status) echo Logged in as a@example.com;;\n"
                                                 "auth) echo '{\"loggedIn\":true}';;\n"
                                                 "login) echo Logged in;;\n",
                                                 verbs, "\nesac\n"),
                                    0755)
                    .ok());
    ASSERT_EQ(::chmod(binary.c_str(), 0755), 0);
    config_.agents[agent].binary = binary;
  }

  v1::Handoff For(const std::string& agent, const std::string& task = "do it") const {
    v1::Handoff handoff = CommandHandoff("a", {});
    handoff.set_agent(agent);
    v1::HandoffSpec& spec = *handoff.mutable_spec();
    spec.set_agent(agent);
    spec.set_task(task);
    v1::Repository& repository = *spec.mutable_repository();
    repository.set_url(git_.Path("origin"));
    repository.set_key(repository.url());
    repository.set_user_name("Ada");
    repository.set_user_email("ada@example.com");
    return handoff;
  }

  GitSandbox git_;
};

TEST_F(SessionTest, WhatItLeavesBehindIsEnded) {
  // In a session and a group of its own, so that only its environment says whose it is.
  Play("cursor",
       absl::StrCat("create-chat) setsid sleep 1000 </dev/null >/dev/null 2>&1 &\necho $! >",
                    path("stray"), "; echo no sessions today; exit 1;;"));
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(For("cursor")));
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NOT_STARTED);
  EXPECT_THAT(end.failure_message(), HasSubstr("no sessions today"));
  const int pid = std::atoi(ReadFile(path("stray")).value_or("").c_str());
  ASSERT_GT(pid, 0);
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  // Whoever inherited it may not have reaped it yet.
  EXPECT_TRUE(!stat.ok() || absl::StrContains(*stat, ") Z ")) << *stat;
}

TEST_F(SessionTest, AChosenIdIsGivenToTheFirstRunAndKeptWhenTheAgentNamesIt) {
  Play("claude",
       "--print) while [ \"$1\" != --session-id ]; do shift; done\n"
       "printf '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"%s\"}\\n' \"$2\"\n"
       "echo '{\"type\":\"result\",\"subtype\":\"success\",\"num_turns\":1,\"result\":\"ok\"}';;");
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(For("claude")));
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::RESULT_OK) << end.failure_message();
  EXPECT_TRUE(IsUuid(end.session())) << end.session();
  EXPECT_EQ(end.session_kind(), v1::Attempt::NEW);
  EXPECT_EQ(end.session_verified(), v1::Attempt::YES);
}

// It would become an argument of the agent's, and is what another worker reported.
TEST_F(SessionTest, ASessionOfWhichTheNameIsNoneIsNotGoneOnWith) {
  Play("claude",
       absl::StrCat(
           "--print) echo \"$*\" >", path("arguments"),
           "\nwhile [ \"$1\" != --session-id ]; do shift; done\n"
           "printf '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"%s\"}\\n' \"$2\"\n"
           "echo '{\"type\":\"result\",\"subtype\":\"success\",\"num_turns\":1,"
           "\"result\":\"ok\"}';;"));
  Start();
  const AttemptKey key = pool_.Want(For("claude"), 2, [](v1::DesiredAttempt& desired) {
    desired.mutable_spec()->set_session("--mcp-config=/tmp/theirs");
    desired.mutable_spec()->set_session_kind(v1::Attempt::SAME);
  });
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::RESULT_OK) << end.failure_message();
  EXPECT_EQ(end.session_kind(), v1::Attempt::FRESH);
  EXPECT_TRUE(IsUuid(end.session())) << end.session();
  ASSERT_GT(end.facts().notes_size(), 0);
  EXPECT_THAT(end.facts().notes(0), HasSubstr("--mcp-config=/tmp/theirs has a name that is none"));
  EXPECT_THAT(*ReadFile(path("arguments")),
              AllOf(HasSubstr("--session-id " + end.session()), Not(HasSubstr("mcp-config="))));
}

// Trap 9: a session that is known only to a dead process cannot be resumed.
TEST_F(SessionTest, Trap9ASessionIsKeptAsSoonAsTheStreamNamesIt) {
  const std::string gate = Gate("gate");
  constexpr char kId[] = "01a223bf-0000-7783-893d-253cdbb70000";
  Play("codex", absl::StrCat("exec) echo '{\"type\":\"thread.started\",\"thread_id\":\"", kId,
                             "\"}'; cat ", gate, "; exit 1;;"));
  Start();
  const AttemptKey key = pool_.Want(For("codex"));
  pool_.AwaitStatus(key, [&](const AttemptStatus& status) { return status.session == kId; });
  v1::AttemptEnd launch;
  ASSERT_TRUE(launch.ParseFromString(ReadFile(attempt_dir(key) + "/launch.pb").value_or("")));
  EXPECT_EQ(launch.session(), kId);
  Open(gate);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::RESULT_MISSING);
  EXPECT_EQ(end.session(), kId);
}

// Another name, another program, the same dialect.
TEST_F(SessionTest, AnAgentThatIsLikeClaudeRunsAsClaudeDoes) {
  Play(
      "mine",
      "--print) [ \"$WHOSE\" = mine ] || exit 1\nwhile [ \"$1\" != --session-id ]; do shift; done\n"
      "printf '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"%s\"}\\n' \"$2\"\n"
      "echo '{\"type\":\"result\",\"subtype\":\"success\",\"num_turns\":1,\"result\":\"ok\"}';;");
  config_.agents["mine"].like = "claude";
  config_.agents["mine"].env["WHOSE"] = "mine";
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(For("mine")));
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::RESULT_OK) << end.failure_message();
  EXPECT_TRUE(IsUuid(end.session())) << end.session();
  EXPECT_EQ(end.session_verified(), v1::Attempt::YES);
  EXPECT_THAT(end.command(), HasSubstr("mine-cli --print"));
}

// The next daemon's configuration does not name it: nobody can read whether it was done.
TEST_F(SessionTest, OneThatNobodyKnowsAnyMoreHasNoResult) {
  const std::string gate = Gate("gate");
  Play("mine", absl::StrCat("--print) echo on; cat ", gate, ";;"));
  config_.agents["mine"].like = "claude";
  Start();
  const AttemptKey key = pool_.Want(For("mine"));
  pool_.AwaitLog(key, "on\n");
  Stop();
  config_.agents.erase("mine");
  Start();
  Open(gate);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.exit_code(), 0);
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::RESULT_MISSING);
  EXPECT_EQ(end.failure(), v1::Failure::NO_RESULT);
  EXPECT_THAT(end.protocol_message(), HasSubstr("no agent 'mine'"));
}

TEST_F(SessionTest, APromptThatTheAgentWouldRefuseIsRefusedBefore) {
  Play("codex", absl::StrCat("exec) echo started >", path("started"), ";;"));
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(For("codex", std::string(1 << 20, 'x'))));
  EXPECT_EQ(end.failure(), v1::Failure::LIMIT_EXCEEDED);
  EXPECT_THAT(end.failure_message(), HasSubstr("at most 1048576"));
  EXPECT_FALSE(PathExists(path("started")));
}

// ---- Clocks ----

constexpr char kInit[] = R"(echo '{"type":"system","subtype":"init","session_id":"chat-0001"}';)";
constexpr char kDone[] = R"(echo '{"type":"result","subtype":"success","result":"ok"}')";

std::string ToolCall(const std::string& subtype) {
  return absl::StrCat(
      R"(echo '{"type":"tool_call","subtype":")", subtype,
      R"(","call_id":"1","tool_call":{"shellToolCall":{"args":{"command":"make"}}})", "}';");
}

// Trap 9: its conversation may be empty under the id that was asked for.
TEST_F(SessionTest, Trap9AnAgentWhoseIdProvesNothingIsToldWhereTheTaskStands) {
  Play("cursor",
       absl::StrCat("--resume) cat >", path("prompt"), "; ",
                    R"(echo '{"type":"system","subtype":"init","session_id":"chat-0001"}'; )",
                    ToolCall("started"), ToolCall("completed"), kDone, ";;"));
  Start();
  v1::Handoff handoff = For("cursor");
  v1::Attempt& before = *handoff.add_attempts();
  before.set_number(1);
  before.set_state(v1::Attempt::SUCCEEDED);
  before.mutable_started_at()->set_seconds(1'700'000'000);
  v1::Message& message = *handoff.add_messages();
  message.set_number(1);
  message.set_text("And the docs.");
  message.set_state(v1::Message::GIVEN);
  message.set_attempt(2);
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(handoff, 2, [](v1::DesiredAttempt& desired) {
    desired.mutable_spec()->set_session("chat-0001");
    desired.mutable_spec()->set_session_kind(v1::Attempt::SAME);
  }));
  EXPECT_EQ(end.failure(), v1::Failure::NONE) << end.failure_message();
  EXPECT_EQ(end.session_verified(), v1::Attempt::UNKNOWN);
  EXPECT_THAT(*ReadFile(path("prompt")), AllOf(HasSubstr("what follows is new. If you do not know"),
                                               HasSubstr("And the docs.")));
}

// Trap 6: it says nothing more and does not end.
TEST_F(SessionTest, Trap6SilenceIsShownAsStalledAndThenEndedWithACheckpoint) {
  const std::string gate = Gate("gate");
  Play("cursor", absl::StrCat("create-chat) echo chat-0001;;\n--resume) cat >/dev/null; ", kInit,
                              " echo half >half.txt; trap 'cat ", gate,
                              "; exit 1' TERM; sleep 1000 & wait;;"));
  config_.agents["cursor"].idle = absl::Seconds(2);
  Start();
  const AttemptKey key = pool_.Want(For("cursor"));
  const AttemptStatus stalled =
      pool_.AwaitStatus(key, [](const AttemptStatus& status) { return status.stalled; });
  EXPECT_THAT(stalled.will_end, HasSubstr("idle limit at"));
  Open(gate);  // it is being ended: somebody reads there
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::STALLED);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::IDLE_CLOCK);
  ASSERT_EQ(end.facts().files_size(), 1);
  EXPECT_EQ(end.facts().files(0).path(), "half.txt");
  ASSERT_FALSE(pool_.checkpoints(key).empty());
  EXPECT_FALSE(pool_.checkpoints(key).back().commit().empty());
}

// Trap 7: it says nothing either, but a tool of it works. For more than the idle limit; how long a
// test may take is no question of the clocks, so the tool itself looks at the time.
TEST_F(SessionTest, Trap7AToolThatUsesCpuIsOnlyWarnedAbout) {
  Play("cursor",
       absl::StrCat("create-chat) echo chat-0001;;\n--resume) cat >/dev/null; ", kInit,
                    ToolCall("started"),
                    " end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do :; done; ",
                    ToolCall("completed"), kDone, ";;"));
  config_.agents["cursor"].idle = absl::Seconds(2);
  config_.agents["cursor"].tool_warning = absl::Seconds(1);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(For("cursor")));
  EXPECT_EQ(end.failure(), v1::Failure::NONE) << end.failure_message();
  bool warned = false;
  for (const SyncRequest& request : pool_.requests()) {
    for (const AttemptStatus& status : request.attempts) warned |= status.stalled;
  }
  EXPECT_TRUE(warned);
}

// Trap 12: its CLI waits for what it started in the background, which never ends.
TEST_F(SessionTest, Trap12ARunThatWaitsForItsBackgroundTasksIsOver) {
  Play("cursor", absl::StrCat("create-chat) echo chat-0001;;\n--resume) cat >/dev/null; ", kInit,
                              ToolCall("started"), ToolCall("completed"), " sleep 1000 & echo $! >",
                              path("task"), "; ", kDone, "; wait;;"));
  config_.agents["cursor"].finish_grace = absl::Milliseconds(100);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(For("cursor")));
  EXPECT_EQ(end.failure(), v1::Failure::NONE) << end.failure_message();
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::AFTER_RESULT);
  const std::string task = ReadFile(path("task")).value_or("");
  const auto stat = ReadFile(absl::StrCat("/proc/", std::atoi(task.c_str()), "/stat"));
  EXPECT_TRUE(!stat.ok() || absl::StrContains(*stat, ") Z ")) << *stat;
}

// Trap 3: it goes on after what looked like its end, for longer than the grace that this had begun.
TEST_F(SessionTest, Trap3AnAgentThatGoesOnAfterItsResultIsNotEnded) {
  // In one write, so that the two are seen together on a host that is busy.
  Play(
      "opencode",
      absl::StrCat("models) echo rig/model;;\nrun) cat >/dev/null; printf '%s\\n%s\\n' ",
                   R"('{"type":"step_finish","part":{"messageID":"m1","reason":"stop"}}' )",
                   R"('{"type":"step_start","part":{"messageID":"m2"}}'; sleep 1; )",
                   R"(echo '{"type":"text","part":{"messageID":"m2","text":"all done"}}'; )",
                   R"(echo '{"type":"step_finish","part":{"messageID":"m2","reason":"stop"}}';;)"));
  config_.agents["opencode"].finish_grace = absl::Milliseconds(100);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(For("opencode")));
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::RESULT_OK) << end.failure_message();
  EXPECT_EQ(end.protocol_message(), "all done");
}

}  // namespace
}  // namespace handoff::worker
