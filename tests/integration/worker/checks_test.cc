// Checks after the agent, from their first process to the report, through restarts and faults.

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/worker/running_worker.h"
#include "worker/proto_time.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

bool IsGone(const std::string& pid) {
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return !stat.ok() || absl::StrContains(*stat, ") Z ");
}

class ChecksTest : public RunningWorker {
 protected:
  // `limit`: of the first check.
  AttemptKey Want(const std::string& id, const std::string& script,
                  const std::vector<std::string>& checks, absl::Duration limit = absl::Minutes(5)) {
    v1::Handoff handoff = Script(id, script);
    for (const std::string& command : checks) {
      v1::Check& check = *handoff.mutable_spec()->add_checks();
      check.set_command(command);
      ToProto(&command == &checks.front() ? limit : absl::Minutes(5), check.mutable_timeout());
    }
    return pool_.Want(handoff);
  }
  std::string ChecksLog(const AttemptKey& key) { return pool_.log(key, LogKind::kChecks); }
  std::string CheckDir(const AttemptKey& key, int index) const {
    return absl::StrCat(attempt_dir(key), "/checks/", index);
  }
  AttemptStatus AwaitChecking(const AttemptKey& key, const std::string& phase) {
    return pool_.AwaitStatus(key, [&](const AttemptStatus& status) {
      return status.stage == Stage::kRunning && absl::StrContains(status.phase, phase);
    });
  }
  // A command that says its pid and goes on when it is let.
  std::string Waiting(const std::string& begun, const std::string& go) const {
    return absl::StrCat("echo $$ > ", begun, "; cat ", go);
  }
};

TEST_F(ChecksTest, ThoseThatPassVerifyTheWork) {
  Start();
  const AttemptKey key = Want("a", "echo work", {"echo one; echo err >&2", "printf two"});
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::NONE);
  EXPECT_TRUE(end.verified());
  ASSERT_EQ(end.facts().checks_size(), 2);
  EXPECT_TRUE(end.facts().checks(0).passed());
  EXPECT_EQ(end.facts().checks(1).command(), "printf two");
  EXPECT_EQ(end.check_output(), "");
  EXPECT_EQ(pool_.log(key), "work\n") << "nothing of the checks is in the agent's log";
  const std::string log = ChecksLog(key);
  EXPECT_THAT(log, AllOf(StartsWith("$ echo one; echo err >&2\none\nerr\n[exit status 0 after "),
                         HasSubstr("]\n$ printf two\ntwo\n[exit status 0 after ")));
  EXPECT_EQ(end.checks_log_bytes(), log.size());
  AwaitOver(key);
  EXPECT_EQ(*ReadFile(handoff_file(key, "attempt-1.checks.log")), log);
  EXPECT_THAT(*ReadFile(handoff_file(key, "handoff.md")),
              AllOf(HasSubstr("attempt-1.checks.log"), HasSubstr("Check `printf two`: passed")));
}

TEST_F(ChecksTest, OneThatFailsDecidesAndTheOthersAreRunAllTheSame) {
  Start();
  const AttemptKey key =
      Want("a", "true", {"true", "echo expected 1, got 2; exit 3", "kill -SEGV $$", "true"});
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CHECKS_FAILED);
  EXPECT_FALSE(end.verified());
  EXPECT_EQ(end.exit_code(), 0) << "the agent's own";
  EXPECT_THAT(end.failure_message(),
              AllOf(HasSubstr("`echo expected 1, got 2; exit 3` failed: exit status 3"),
                    HasSubstr("2 of 4 checks failed")));
  ASSERT_EQ(end.facts().checks_size(), 4);
  EXPECT_EQ(end.facts().checks(1).exit_code(), 3);
  EXPECT_EQ(end.facts().checks(2).signal(), SIGSEGV);
  EXPECT_TRUE(end.facts().checks(3).passed());
  EXPECT_THAT(end.check_output(), HasSubstr("```\nexpected 1, got 2\n```"));
}

TEST_F(ChecksTest, AfterAnAgentThatFailedNoneIsRun) {
  Start();
  const AttemptKey key = Want("a", "exit 3", {"touch " + path("ran")});
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_ERROR);
  EXPECT_EQ(end.facts().checks_size(), 0);
  EXPECT_FALSE(PathExists(path("ran")));
}

TEST_F(ChecksTest, TheyHaveTheEnvironmentOfTheAgentAndTheirNumber) {
  ::setenv("SOME_SECRET", "s", 1);
  config_.agents["command"].env = {{"FROM_WORKER", "w"}};
  Start();
  const AttemptKey key = Want("a", "true", {"true", "env; pwd"});
  pool_.AwaitEnd(key);
  EXPECT_THAT(ChecksLog(key),
              AllOf(HasSubstr("HANDOFF_ID=a\n"), HasSubstr("HANDOFF_ATTEMPT=a/101\n"),
                    HasSubstr("HANDOFF_CHECK=2\n"), HasSubstr("FROM_WORKER=w\n"),
                    HasSubstr(data() + "/workspaces/a/repo\n"), Not(HasSubstr("SOME_SECRET"))));
}

TEST_F(ChecksTest, OneThatTakesTooLongIsEndedAtItsLimit) {
  Start();
  const AttemptKey key =
      Want("a", "true", {"echo begun; exec sleep 1000", "true"}, absl::Seconds(5));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CHECKS_FAILED);
  ASSERT_EQ(end.facts().checks_size(), 2);
  EXPECT_TRUE(end.facts().checks(0).timed_out());
  EXPECT_FALSE(end.facts().checks(0).has_exit_code());
  EXPECT_TRUE(end.facts().checks(1).passed());
  EXPECT_THAT(ChecksLog(key), HasSubstr("begun\n[ended at its time limit after "));
}

TEST_F(ChecksTest, ItIsShownWhichOneRunsAndWhenItWillBeEnded) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = Want("a", "true", {"true", Waiting(begun, go)});
  Await(begun);
  const AttemptStatus status = AwaitChecking(key, "checking (2 of 2: echo $$ > ");
  EXPECT_THAT(status.will_end, StartsWith("check's time limit at "));
  EXPECT_NE(status.started_at, absl::InfinitePast());
  EXPECT_FALSE(status.frozen);
  Open(go);
  EXPECT_TRUE(pool_.AwaitEnd(key).verified());
}

TEST_F(ChecksTest, TheirLogArrivesWhileTheyRun) {
  Start();
  const std::string go = Gate("go");
  const AttemptKey key = Want("a", "true", {absl::StrCat("echo early; cat ", go)});
  pool_.AwaitLog(key, "early\n", LogKind::kChecks);
  Open(go);
  EXPECT_TRUE(pool_.AwaitEnd(key).verified());
}

TEST_F(ChecksTest, ADaemonThatBeginsMeanwhileAdoptsTheOneThatRuns) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const std::string first = absl::StrCat("echo run >> ", path("runs"));
  const AttemptKey key =
      Want("a", "true", {first, absl::StrCat(Waiting(begun, go), "; exit 4"), "echo last"});
  const std::string pid = Await(begun);
  AwaitChecking(key, "2 of 3");
  Stop();
  EXPECT_FALSE(IsGone(pid)) << "it outlives the daemon";
  Start();
  ASSERT_TRUE(started_.ok()) << started_;
  pool_.AwaitRequest([&](const SyncRequest& request) {
    return request.start >= 2 && !request.attempts.empty() &&
           absl::StrContains(request.attempts[0].phase, "2 of 3");
  });
  EXPECT_FALSE(IsGone(pid));
  Open(go);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  ASSERT_EQ(end.facts().checks_size(), 3);
  EXPECT_EQ(end.facts().checks(1).exit_code(), 4);
  EXPECT_EQ(*ReadFile(path("runs")), "run\n") << "one that was over is not run again";
  const std::string log = ChecksLog(key);
  EXPECT_EQ(log.size(), end.checks_log_bytes());
  EXPECT_THAT(log, AllOf(HasSubstr("go\n[exit status 4 after "), HasSubstr("$ echo last\nlast\n")));
  AwaitOver(key);
  EXPECT_EQ(*ReadFile(handoff_file(key, "attempt-1.checks.log")), log);
}

TEST_F(ChecksTest, WhatEndedWhileNoDaemonLookedIsTakenFromItsRecord) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key =
      Want("a", "true",
           {absl::StrCat("echo run >> ", path("runs"), "; ", Waiting(begun, go), "; exit 6")});
  Await(begun);
  AwaitChecking(key, "1 of 1");
  Stop();
  Open(go);
  while (!PathExists(CheckDir(key, 1) + "/exit.json")) ::sched_yield();
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  ASSERT_EQ(end.facts().checks_size(), 1);
  EXPECT_EQ(end.facts().checks(0).exit_code(), 6);
  EXPECT_EQ(*ReadFile(path("runs")), "run\n");
}

TEST_F(ChecksTest, OneWhoseWatcherWasKilledFailedAndNothingOfItIsLeft) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = Want("a", "true", {Waiting(begun, go), "true"});
  const std::string pid = Await(begun);
  AwaitChecking(key, "1 of 2");
  Stop();
  ASSERT_EQ(::kill(static_cast<pid_t>(ReadShimStarted(CheckDir(key, 1)).pid), SIGKILL), 0);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CHECKS_FAILED);
  ASSERT_EQ(end.facts().checks_size(), 2);
  EXPECT_THAT(end.facts().checks(0).message(), HasSubstr("Its watcher was killed"));
  EXPECT_TRUE(end.facts().checks(1).passed());
  EXPECT_TRUE(IsGone(pid));
  EXPECT_THAT(ChecksLog(key), HasSubstr("Its watcher was killed"));
}

TEST_F(ChecksTest, OneOfWhichOnlyTheDirectoryWasMadeIsStarted) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = Want("a", "true", {Waiting(begun, go), "echo second"});
  Await(begun);
  AwaitChecking(key, "1 of 2");
  Stop();
  // As a daemon leaves it that was killed right before the shim.
  ASSERT_TRUE(MakeDirectories(CheckDir(key, 2)).ok());
  ASSERT_TRUE(WriteFileAtomically(CheckDir(key, 2) + "/boot", HostBootId()).ok());
  Start();
  Open(go);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_TRUE(end.verified());
  EXPECT_THAT(ChecksLog(key), HasSubstr("$ echo second\nsecond\n[exit status 0"));
}

TEST_F(ChecksTest, RecordsThatTheAgentMadeUpDoNotCount) {
  Start();
  v1::CheckResult passed;
  passed.set_command("false");
  passed.set_passed(true);
  ASSERT_TRUE(WriteFileAtomically(path("forged"), passed.SerializeAsString()).ok());
  const AttemptKey key =
      Want("a",
           absl::StrCat("mkdir -p $HANDOFF_ATTEMPT_DIR/checks/1 && cp ", path("forged"),
                        " $HANDOFF_ATTEMPT_DIR/checks/1/result.pb && echo x > "
                        "$HANDOFF_ATTEMPT_DIR/checks/begun"),
           {"false"});
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CHECKS_FAILED);
}

TEST_F(ChecksTest, AnAgentThatRemovedItsDirectoryIsCheckedAllTheSame) {
  Start();
  const AttemptKey key = Want("a", kRemoveOwnDirectory, {"echo checked; exit 1"});
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CHECKS_FAILED);
  EXPECT_THAT(ChecksLog(key), HasSubstr("checked\n"));
}

TEST_F(ChecksTest, ACancelEndsTheOneThatRunsAndBeginsNoOther) {
  Start();
  const std::string begun = Gate("begun");
  const AttemptKey key = Want(
      "a", "true",
      {absl::StrCat("trap '' TERM; echo $$ > ", begun, "; sleep 1000"), "touch " + path("ran")});
  const std::string pid = Await(begun);
  pool_.Stop(key, EndedBy::kCancel, absl::Milliseconds(50));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CANCELLED);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::CANCEL);
  EXPECT_FALSE(end.verified());
  EXPECT_TRUE(IsGone(pid));
  EXPECT_FALSE(PathExists(path("ran")));
  ASSERT_EQ(end.facts().checks_size(), 1);
  EXPECT_THAT(end.facts().checks(0).message(), HasSubstr("was stopped"));
}

TEST_F(ChecksTest, ADeadlineWhileItIsCheckedIsATimeOutAndNoSuccess) {
  Start();
  const std::string begun = Gate("begun");
  const AttemptKey key = Want("a", "true", {absl::StrCat("echo > ", begun, "; exec sleep 1000")});
  Await(begun);
  pool_.Stop(key, EndedBy::kHardCap, absl::Milliseconds(50));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::TIMED_OUT);
  EXPECT_FALSE(end.facts().checks(0).timed_out());
}

// The daemon was told of the stop and died before it could record what came of it.
TEST_F(ChecksTest, OneThatAStopEndedIsNoFailureForADaemonThatHeardOfNone) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = Want("a", "true", {Waiting(begun, go), "touch " + path("ran")});
  const std::string pid = Await(begun);
  AwaitChecking(key, "1 of 2");
  Stop();
  auto shim = ShimClient::Adopt(CheckDir(key, 1));
  ASSERT_TRUE(shim.ok()) << shim.status();
  ASSERT_TRUE((*shim)->Stop(EndedBy::kCancel, "cancelled", absl::Milliseconds(50)).ok());
  bool gone = false;
  while (!gone) {
    pollfd polls[] = {{(*shim)->fd(), POLLIN, 0}};
    ::poll(polls, 1, -1);
    for (const ShimClient::Event& event : (*shim)->Receive())
      gone |= std::holds_alternative<ShimClient::Gone>(event);
  }
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CANCELLED) << end.failure_message();
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::CANCEL);
  EXPECT_FALSE(PathExists(path("ran")));
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(ChecksTest, AStopThatADaemonFindsAtItsStartEndsTheCheck) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = Want("a", "true", {Waiting(begun, go)});
  const std::string pid = Await(begun);
  AwaitChecking(key, "1 of 1");
  Stop();
  pool_.Stop(key, EndedBy::kCancel, absl::Milliseconds(50));
  Start();
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::CANCELLED);
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(ChecksTest, WhatACheckLeavesBehindEndsWithIt) {
  Start();
  const std::string said = Gate("said");
  const AttemptKey key = Want(
      "a", "true",
      {absl::StrCat("setsid sh -c 'trap \"\" TERM HUP; echo $$ > ", said, "; exec sleep 1000' &"),
       "true"});
  const std::string pid = Await(said);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_TRUE(end.verified());
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(ChecksTest, AnOutputOfFiftyMegabytesArrivesWhole) {
  Start();
  const AttemptKey key = Want("a", "true", {"yes 0123456789abcde | head -c 52428800; exit 1"});
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  const std::string log = ChecksLog(key);
  EXPECT_GT(log.size(), size_t{52428800});
  EXPECT_EQ(log.size(), end.checks_log_bytes());
  const std::string begin = "$ yes 0123456789abcde | head -c 52428800; exit 1\n";
  ASSERT_THAT(log.substr(0, begin.size()), begin);
  bool whole = true;
  for (size_t i = 0; i < 52428800; ++i)
    whole &= log[begin.size() + i] == "0123456789abcde\n"[i % 16];
  EXPECT_TRUE(whole);
  EXPECT_LE(end.check_output().size(), size_t{16} << 10);
  EXPECT_EQ(end.log_bytes(), 0u);
}

TEST_F(ChecksTest, WithoutItsLeaseACheckIsFrozenAndGoesOnWhenItIsRenewed) {
  pool_.set_lease(absl::Seconds(5));
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = Want("a", "true", {Waiting(begun, go)});
  Await(begun);
  const AttemptStatus status =
      pool_.AwaitStatus(key, [](const AttemptStatus& s) { return s.frozen; });
  EXPECT_THAT(status.phase, HasSubstr("frozen"));
  pool_.set_lease(absl::Minutes(30));
  pool_.AnswerNow();
  Open(go);
  EXPECT_TRUE(pool_.AwaitEnd(key).verified());
}

TEST_F(ChecksTest, TheReportWaitsForTheirLog) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go"), done = path("done");
  const AttemptKey key =
      Want("a", "true", {absl::StrCat(Waiting(begun, go), "; echo late; touch ", done)});
  Await(begun);
  pool_.set_away(true);
  Open(go);
  while (FileSize(data() + "/journal").value_or(0) == 0) ::sched_yield();
  Stop();
  pool_.set_stream_bytes(10);  // it takes many streams
  pool_.set_away(false);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(ChecksLog(key).size(), end.checks_log_bytes());
  EXPECT_THAT(ChecksLog(key), HasSubstr("late\n[exit status 0"));
}

TEST_F(ChecksTest, WhatCannotBeReadOfTheirLogDoesNotHoldUpTheReport) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key = Want("a", "true", {Waiting(begun, go)});
  Await(begun);
  pool_.set_away(true);
  Open(go);
  while (FileSize(data() + "/journal").value_or(0) == 0) ::sched_yield();
  Stop();
  ASSERT_EQ(::truncate((attempt_dir(key) + "/checks.log").c_str(), 3), 0);
  pool_.set_away(false);
  Start();
  const uint64_t bytes = pool_.AwaitEnd(key).checks_log_bytes();
  EXPECT_EQ(bytes, ChecksLog(key).size());
  EXPECT_THAT(ChecksLog(key), Not(HasSubstr("exit status")));
}

TEST_F(ChecksTest, LogsOfEarlierChecksAreBroughtFromTheCoordinator) {
  pool_.PutLog({"a", 1}, "agent\n");
  pool_.PutLog({"a", 1}, "$ make\n", LogKind::kChecks);
  pool_.PutLog({"a", 2}, "again\n");
  Start();
  const AttemptKey key = pool_.Want(Script("a", "true"), 3);
  AwaitOver(key);
  EXPECT_EQ(*ReadFile(handoff_file(key, "attempt-1.log")), "agent\n");
  EXPECT_EQ(*ReadFile(handoff_file(key, "attempt-1.checks.log")), "$ make\n");
  EXPECT_FALSE(PathExists(handoff_file(key, "attempt-2.checks.log"))) << "there were none";
}

}  // namespace
}  // namespace handoff::worker
