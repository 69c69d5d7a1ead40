// Attempts of the agent `command`, from the wish to the report, through restarts and faults.

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "tests/integration/worker/running_worker.h"
#include "worker/shim/shim_files.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CommandTest : public RunningWorker {};

// Ended; whoever inherited it may not have reaped it yet.
bool IsGone(pid_t pid) {
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return !stat.ok() || absl::StrContains(*stat, ") Z ");
}

TEST_F(CommandTest, OutputStatusAndDocumentArrive) {
  Start();
  const AttemptKey key = pool_.Want(Script("a", "echo out; echo err >&2; exit 3"));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NO_PROTOCOL);
  EXPECT_EQ(end.exit_code(), 3);
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_ERROR);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::ITSELF);
  EXPECT_EQ(pool_.log(key), "out\nerr\n");
  EXPECT_EQ(end.log_sha256(), Sha256Hex("out\nerr\n"));
  EXPECT_THAT(end.command(), HasSubstr("exit 3"));
  AwaitOver(key);
  EXPECT_EQ(*ReadFile(handoff_file(key, "attempt-1.log")), "out\nerr\n");
  EXPECT_THAT(*ReadFile(handoff_file(key, "handoff.md")), HasSubstr("- Status: failed"));
}

TEST_F(CommandTest, SuccessIsExitStatusZero) {
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(Script("a", "true")));
  EXPECT_EQ(end.failure(), v1::Failure::NONE);
  EXPECT_TRUE(end.has_exit_code());
  EXPECT_EQ(end.exit_code(), 0);
  EXPECT_EQ(end.log_bytes(), 0u);
  EXPECT_TRUE(end.has_started_at());
  EXPECT_TRUE(end.has_ended_at());
}

TEST_F(CommandTest, ScriptWithItsOwnInterpreterIsHonoured) {
  Start();
  v1::Handoff handoff = CommandHandoff("a", {});
  handoff.mutable_spec()->set_task("#!/bin/cat\nthis file\n");
  const AttemptKey key = pool_.Want(handoff);
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
  EXPECT_EQ(pool_.log(key), "#!/bin/cat\nthis file\n");
}

TEST_F(CommandTest, EnvironmentIsExplicit) {
  ::setenv("CLAUDECODE", "1", 1);
  ::setenv("SSH_AUTH_SOCK", "/nowhere", 1);
  ::setenv("SOME_SECRET", "s", 1);
  config_.agents["command"].env = {{"FROM_WORKER", "w"}};
  Start();
  v1::Handoff handoff = CommandHandoff("a", {"env"});
  (*handoff.mutable_spec()->mutable_env())["FROM_OWNER"] = "o";
  const AttemptKey key = pool_.Want(handoff);
  pool_.AwaitEnd(key);
  const std::string log = pool_.log(key);
  EXPECT_THAT(log, AllOf(HasSubstr("HANDOFF_ID=a\n"), HasSubstr("HANDOFF_ATTEMPT=a/101\n"),
                         HasSubstr("TERM=dumb\n"), HasSubstr("FROM_WORKER=w\n"),
                         HasSubstr("FROM_OWNER=o\n"),
                         HasSubstr(absl::StrCat("TMPDIR=", attempt_dir(key), "/tmp\n"))));
  EXPECT_THAT(log, AllOf(Not(HasSubstr("CLAUDECODE")), Not(HasSubstr("SSH_AUTH_SOCK")),
                         Not(HasSubstr("SOME_SECRET"))));
}

TEST_F(CommandTest, AStopEndsTheTreeAndSaysSo) {
  Start();
  const std::string begun = Gate("begun");
  const AttemptKey key =
      pool_.Want(Script("a", absl::StrCat("trap '' TERM; echo $$ > ", begun, "; sleep 1000")));
  pid_t pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(Await(begun), &pid));
  pool_.Stop(key, EndedBy::kCancel, absl::Milliseconds(50));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::CANCEL);
  EXPECT_EQ(end.failure(), v1::Failure::CANCELLED);
  EXPECT_EQ(end.signal(), SIGKILL);
  EXPECT_TRUE(IsGone(pid));
  AwaitOver(key);
  EXPECT_THAT(*ReadFile(handoff_file(key, "handoff.md")), HasSubstr("- Status: cancelled"));
}

TEST_F(CommandTest, AnAgentOutlivesItsDaemonAndIsAdopted) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = pool_.Want(
      Script("a", absl::StrCat("echo one; echo > ", begun, "; cat ", go, "; echo two; exit 5")));
  Await(begun);
  pool_.AwaitStage(key, Stage::kRunning);
  Stop();
  Start();
  const uint64_t start = pool_.requests().back().start;
  pool_.AwaitRequest([&](const SyncRequest& request) {
    return request.start >= 2 && request.start >= start && !request.attempts.empty() &&
           request.attempts[0].stage == Stage::kRunning;
  });
  Open(go);
  EXPECT_EQ(pool_.AwaitEnd(key).exit_code(), 5);
  EXPECT_EQ(pool_.log(key), "one\ngo\ntwo\n");
}

// What happened meanwhile is not known when a daemon begins: the clocks must not judge by it.
TEST_F(CommandTest, AnAdoptedAgentIsNotEndedForASilenceThatNobodySaw) {
  Start();
  const std::string begun = Gate("begun"), silent = Gate("silent"), go = Gate("go");
  v1::Handoff handoff = Script(
      "a", absl::StrCat("echo > ", begun, "; sleep 6; echo > ", silent, "; cat ", go, "; exit 4"));
  handoff.mutable_spec()->mutable_stall_timeout()->set_seconds(5);
  const AttemptKey key = pool_.Want(handoff);
  Await(begun);
  Stop();
  Await(silent);
  Start();
  Open(go);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::ITSELF);
  EXPECT_EQ(end.exit_code(), 4);
}

TEST_F(CommandTest, AnAgentThatEndedWhileNoDaemonWasThereIsReported) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go"), done = Gate("done");
  const AttemptKey key = pool_.Want(Script(
      "a", absl::StrCat("echo > ", begun, "; cat ", go, "; echo last; echo > ", done, "; exit 6")));
  Await(begun);
  Stop();
  Open(go);
  Await(done);
  Start();
  EXPECT_EQ(pool_.AwaitEnd(key).exit_code(), 6);
  EXPECT_EQ(pool_.log(key), "go\nlast\n");
}

// Trap 14: the link blinks.
TEST_F(CommandTest, Trap14ALogSurvivesBrokenStreamsWhole) {
  pool_.set_stream_bytes(300'000);
  Start();
  const AttemptKey key = pool_.Want(Script("a", "yes 0123456789 | head -c 3000000"));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.log_bytes(), 3'000'000u);
  EXPECT_EQ(Sha256Hex(pool_.log(key)), end.log_sha256());
}

TEST_F(CommandTest, ACoordinatorThatIsAwayCostsTimeNotWork) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go"), done = Gate("done");
  const AttemptKey key = pool_.Want(
      Script("a", absl::StrCat("echo > ", begun, "; cat ", go, "; echo night; echo > ", done)));
  Await(begun);
  pool_.set_away(true);
  Open(go);
  Await(done);
  pool_.set_away(false);
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
  EXPECT_EQ(pool_.log(key), "go\nnight\n");
}

TEST_F(CommandTest, AKilledShimIsSaidAndItsTreeEnded) {
  Start();
  const std::string begun = Gate("begun");
  const AttemptKey key =
      pool_.Want(Script("a", absl::StrCat("echo some; echo $$ > ", begun, "; sleep 1000")));
  pid_t pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(Await(begun), &pid));
  pool_.AwaitLog(key, "some\n");
  const auto started = DecodeShimStarted(*ReadFile(attempt_dir(key) + "/shim.pid"));
  ASSERT_TRUE(started.ok());
  ASSERT_EQ(::kill(static_cast<pid_t>(started->pid), SIGKILL), 0);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::SHIM_LOST);
  EXPECT_EQ(end.failure(), v1::Failure::WORKER_LOST);
  EXPECT_FALSE(end.has_exit_code());
  EXPECT_TRUE(end.log_tail_lost());
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(CommandTest, AnAttemptFindsTheLogOfOneThatRanOnAnotherHostAndItStaysTheSame) {
  pool_.PutLog({"a", 1}, "from elsewhere\n");
  Start();
  const AttemptKey second = pool_.Want(
      Script("a", "cd .cursor/agent-handoffs/a; cat attempt-1.log; echo mine >attempt-1.log"), 2);
  EXPECT_EQ(pool_.AwaitEnd(second).failure(), v1::Failure::NONE);
  EXPECT_EQ(pool_.log(second), "from elsewhere\n");
  AwaitOver(second);
  EXPECT_EQ(*ReadFile(handoff_file(second, "attempt-1.log")), "from elsewhere\n");
}

TEST_F(CommandTest, TheNextAttemptFindsTheLogOfTheLast) {
  Start();
  const AttemptKey first = pool_.Want(Script("a", "echo first"));
  AwaitOver(first);
  ASSERT_TRUE(RemoveTree(handoff_file(first, "attempt-1.log")).ok());
  const AttemptKey second =
      pool_.Want(Script("a", "cat .cursor/agent-handoffs/a/attempt-1.log"), 2);
  pool_.AwaitEnd(second);
  EXPECT_EQ(pool_.log(second), "first\n");
}

TEST_F(CommandTest, ADirectoryThatCannotBeUsedIsNotFollowed) {
  const std::string workspace = data() + "/workspaces/a/repo";
  ASSERT_TRUE(MakeDirectories(workspace).ok());
  ASSERT_TRUE(MakeDirectories(path("elsewhere")).ok());
  ASSERT_EQ(::symlink(path("elsewhere").c_str(), (workspace + "/.cursor").c_str()), 0);
  Start();
  const AttemptKey key = pool_.Want(Script("a", "true"));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::NONE);
  EXPECT_THAT(end.failure_message(), AllOf(HasSubstr(".cursor"), HasSubstr("/attempts/a/")));
  AwaitOver(key);
  EXPECT_THAT(*ReadFile(data() + "/attempts/a/handoff.md"), HasSubstr("- Status: succeeded"));
  EXPECT_THAT(*ListDirectory(path("elsewhere")), ::testing::IsEmpty());
}

TEST_F(CommandTest, ACommandThatCannotBeStartedIsSaid) {
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(CommandHandoff("a", {"/no/such/program"})));
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NOT_STARTED);
  EXPECT_NE(end.failure(), v1::Failure::NONE);
  EXPECT_THAT(end.failure_message(), HasSubstr("/no/such/program"));
}

TEST_F(CommandTest, AnUnknownAgentHoldsThisWorker) {
  Start();
  v1::Handoff handoff = Script("a", "true");
  handoff.mutable_spec()->set_agent("nobody");
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(handoff));
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_MISSING);
  EXPECT_TRUE(end.host_fault());
  EXPECT_EQ(end.hold_key(), "agent:nobody");
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NOT_STARTED);
}

TEST_F(CommandTest, ASilentCommandIsEndedOnlyWhenThatWasAskedFor) {
  Start();
  v1::Handoff handoff = Script("a", "sleep 1000");
  handoff.mutable_spec()->mutable_stall_timeout()->set_nanos(100'000'000);
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(handoff));
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::IDLE_CLOCK);
  EXPECT_EQ(end.failure(), v1::Failure::STALLED);
}

TEST_F(CommandTest, TheTimeLimitEndsIt) {
  Start();
  v1::Handoff handoff = Script("a", "sleep 1000");
  handoff.mutable_spec()->mutable_timeout()->set_nanos(100'000'000);
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(handoff));
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::HARD_CAP);
  EXPECT_EQ(end.failure(), v1::Failure::TIMED_OUT);
}

TEST_F(CommandTest, WithoutARenewalTheTreeIsFrozenAndThawsWithOne) {
  pool_.set_lease(absl::Seconds(5));  // within which an agent starts on any host
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key =
      pool_.Want(Script("a", absl::StrCat("echo > ", begun, "; cat ", go, "; exit 4")));
  Await(begun);
  // The fake answers a held Sync only when told to, so the lease runs out.
  pool_.AwaitStatus(key, [](const AttemptStatus& status) { return status.frozen; });
  pool_.set_lease(absl::Minutes(5));
  pool_.AnswerNow();
  Open(go);
  EXPECT_EQ(pool_.AwaitEnd(key).exit_code(), 4);
}

TEST_F(CommandTest, AnotherPoolIsRefusedAndWhatRunsGoesOn) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = pool_.Want(Script("a", absl::StrCat("echo > ", begun, "; cat ", go)));
  Await(begun);
  pool_.set_pool_id("pool-2");
  const AttemptKey other = pool_.Want(Script("b", "echo wrong pool"));
  pool_.Stop(key, EndedBy::kCancel);
  Open(go);
  // The report still goes to the pool that leased it.
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
  EXPECT_FALSE(PathExists(attempt_dir(other)));
}

// Trap 14: the report is lost.
TEST_F(CommandTest, Trap14AnEndThatOnlyTheJournalHasIsReported) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go"), done = Gate("done");
  const AttemptKey key = pool_.Want(
      Script("a", absl::StrCat("echo > ", begun, "; cat ", go, "; echo > ", done, "; exit 9")));
  Await(begun);
  pool_.set_away(true);
  Open(go);
  Await(done);
  // As long as the journal lacks it the daemon must not go.
  while (FileSize(data() + "/journal").value_or(0) == 0) ::sched_yield();
  Stop();
  ASSERT_TRUE(RemoveTree(attempt_dir(key)).ok());
  pool_.set_away(false);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.exit_code(), 9);
  EXPECT_TRUE(end.log_tail_lost());
}

TEST_F(CommandTest, NothingIsReportedOrSentBeforeThisStartWasTaken) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go"), done = Gate("done");
  const AttemptKey ended =
      pool_.Want(Script("a", absl::StrCat("echo > ", begun, "; cat ", go, "; echo > ", done)));
  Await(begun);
  const std::string waits = Gate("waits"), on = Gate("on");
  const AttemptKey runs =
      pool_.Want(Script("b", absl::StrCat("echo text; echo > ", waits, "; cat ", on)));
  Await(waits);
  Stop();
  Open(go);
  Await(done);
  const int streams = pool_.log_streams();
  pool_.set_refusing(true);
  Start();
  const auto stage = [](const SyncRequest& request, const AttemptKey& key) {
    for (const AttemptStatus& status : request.attempts) {
      if (status.key == key) return status.stage;
    }
    return Stage::kAdopting;
  };
  pool_.AwaitRequest([&](const SyncRequest& request) {
    return request.start == 2 && stage(request, ended) == Stage::kReporting &&
           stage(request, runs) == Stage::kRunning;
  });
  EXPECT_EQ(pool_.reports(ended), 0);
  EXPECT_EQ(pool_.log_streams(), streams);
  pool_.set_refusing(false);
  EXPECT_EQ(pool_.AwaitEnd(ended).failure(), v1::Failure::NONE);
  pool_.AwaitLog(runs, "text");
  Open(on);
  EXPECT_EQ(pool_.AwaitEnd(runs).failure(), v1::Failure::NONE);
}

TEST_F(CommandTest, ACopyOfADataDirectoryIsRefused) {
  Start();
  Stop();
  std::filesystem::copy(data(), path("copy"), std::filesystem::copy_options::recursive);
  WorkerConfig config = config_;
  config.data_dir = path("copy");
  const auto copy =
      Worker::Open(config, {HANDOFF_SHIM_PROGRAM, HANDOFF_REPO_PROGRAM},
                   [](const Identity&) { return std::unique_ptr<CoordinatorClient>(); });
  EXPECT_EQ(copy.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(copy.status().message()), HasSubstr("identity.json"));
}

TEST_F(CommandTest, ASecondDaemonOnOneDataDirectoryIsRefused) {
  Start();
  const auto second =
      Worker::Open(config_, {HANDOFF_SHIM_PROGRAM, HANDOFF_REPO_PROGRAM},
                   [](const Identity&) { return std::unique_ptr<CoordinatorClient>(); });
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--data-dir"));
}

TEST_F(CommandTest, SlotsAreUsedAndNeverMore) {
  config_.slots = 2;
  Start();
  std::vector<AttemptKey> keys;
  std::vector<std::string> gates;
  for (int i = 0; i < 3; ++i) {
    gates.push_back(Gate(absl::StrCat("go", i)));
    keys.push_back(pool_.Want(Script(absl::StrCat("h", i), "cat " + gates[i])));
  }
  const auto running = [](const SyncRequest& request) {
    int count = 0;
    for (const auto& status : request.attempts) count += status.stage == Stage::kRunning ? 1 : 0;
    return count;
  };
  pool_.AwaitRequest([&](const SyncRequest& request) { return running(request) == 2; });
  for (const SyncRequest& request : pool_.requests()) EXPECT_LE(request.attempts.size(), 2u);
  for (const std::string& gate : gates) Open(gate);
  for (const AttemptKey& key : keys) pool_.AwaitEnd(key);
}

}  // namespace
}  // namespace handoff::worker
