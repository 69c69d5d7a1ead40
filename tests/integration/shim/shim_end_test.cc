// How an attempt ends: exit statuses, stop, finish, and that nobody outlives it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/shim/isolation_param.h"
#include "tests/integration/shim/shim_attempt.h"

namespace handoff {
namespace {

class ShimEnd : public IsolationTest {
 protected:
  static void ExpectNothingLeft(const ShimAttempt& attempt) {
    EXPECT_TRUE(attempt.Processes().empty());
    EXPECT_FALSE(attempt.CgroupExists());
    EXPECT_EQ(attempt.Fate(), ShimFate::kExited);
  }
};
INSTANTIATE_ISOLATION(ShimEnd);

TEST_P(ShimEnd, RecordsTheExitCode) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("exit 37"));
  attempt.Launch();
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.exit_code, 37);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(exit.ended_by, EndedBy::kItself);
  EXPECT_EQ(exit.spawn_error, "");
  ExpectNothingLeft(attempt);
}

TEST_P(ShimEnd, RecordsTheSignal) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("kill -SEGV $$"));
  attempt.Launch();
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.exit_code, std::nullopt);
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(exit.ended_by, EndedBy::kItself);
}

TEST_P(ShimEnd, RecordsWhyAnAgentCouldNotBeStarted) {
  for (const char* program : {"/no/such/program", "no-such-program-in-path", "/etc/passwd"}) {
    ShimAttempt attempt(GetParam(), {program});
    attempt.Launch();
    const ShimExit exit = attempt.WaitForExit();
    EXPECT_TRUE(absl::StrContains(exit.spawn_error, program)) << exit.spawn_error;
    EXPECT_EQ(exit.exit_code, std::nullopt);
    ExpectNothingLeft(attempt);
  }
}

TEST_P(ShimEnd, NamesAWorkingDirectoryThatIsMissing) {
  ShimAttempt attempt(GetParam(), {"true"});
  attempt.spec.cwd = "/no/such/directory";
  attempt.Launch();
  EXPECT_TRUE(absl::StrContains(attempt.WaitForExit().spawn_error, "/no/such/directory"));
}

TEST_P(ShimEnd, TheAgentHasItsInputEnvironmentAndDirectoryAndNothingElse) {
  ShimAttempt attempt(
      GetParam(), ShimAttempt::Shell("cat; env | grep -c .; pwd; ls /proc/self/fd | wc -l; "
                                     "grep SigBlk /proc/self/status; kill -TERM $$; echo alive"));
  attempt.spec.env = {"PATH=/usr/bin:/bin", "A=b c", "HANDOFF_ATTEMPT_DIR=" + attempt.dir()};
  attempt.spec.stdin_path = attempt.Path("prompt");
  ASSERT_TRUE(WriteFileAtomically(attempt.spec.stdin_path, "the prompt\n").ok());
  attempt.Launch();
  EXPECT_EQ(attempt.WaitForExit().signal, SIGTERM);  // which the shim itself ignores
  // sh adds PWD (and dash nothing more); ls itself has one descriptor open.
  const std::string log = attempt.Log();
  EXPECT_TRUE(absl::StartsWith(log, "the prompt\n4\n")) << log;
  EXPECT_TRUE(absl::StrContains(log, absl::StrCat(attempt.dir(), "\n4\n"))) << log;
  EXPECT_TRUE(absl::StrContains(log, "SigBlk:\t0000000000000000")) << log;
}

// Trap 1: print modes read stdin to its end, and that of a daemon may never come.
TEST_P(ShimEnd, Trap1AnAgentWithoutInputReadsEndOfFileWhateverTheDaemonHas) {
  auto open = MakePipe();
  const UniqueFd own(::dup(0));
  ASSERT_TRUE(open.ok() && own.valid());
  ASSERT_EQ(::dup2(open->first.get(), 0), 0);
  ShimAttempt attempt(GetParam(), {"cat"});
  attempt.Launch();
  ASSERT_EQ(::dup2(own.get(), 0), 0);
  EXPECT_EQ(attempt.WaitForExit().exit_code, 0);
  EXPECT_EQ(attempt.Log(), "");
}

TEST_P(ShimEnd, AnAgentThatHeedsTheStopEndsWithItsOwnStatus) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("trap 'echo bye; exit 5' TERM; echo up; "
                                                     "while :; do sleep 0.01; done"));
  attempt.Launch();
  attempt.WaitForLog("up\n");
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kCancel, "cancelled by ann", absl::Minutes(10)).ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.exit_code, 5);
  EXPECT_EQ(exit.ended_by, EndedBy::kCancel);
  EXPECT_EQ(exit.reason, "cancelled by ann");
  EXPECT_EQ(attempt.Stream(1), "up\nbye\n");
  ExpectNothingLeft(attempt);
}

TEST_P(ShimEnd, StopReachesWhatALauncherDoesNotPassItOnTo) {
  // The launcher survives the signal and waits for its child, as npm launchers do.
  ShimAttempt attempt(
      GetParam(), ShimAttempt::Shell("trap : TERM; setsid sh -c \"trap 'echo got; exit 0' TERM; "
                                     "echo up; while :; do sleep 0.01; done\" & p=$!; "
                                     "while kill -0 $p 2>/dev/null; do wait $p; done; exit 6"));
  attempt.Launch();
  attempt.WaitForLog("up\n");
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kCancel, "x", absl::Minutes(10)).ok());
  EXPECT_EQ(attempt.WaitForExit().exit_code, 6);
  EXPECT_EQ(attempt.Stream(1), "up\ngot\n");
}

TEST_P(ShimEnd, TheFirstReasonWins) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"stubborn", "1", "MARK"}));
  attempt.Launch();
  attempt.WaitForLog("hold\n", 3);
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kIdleClock, "idle", absl::Hours(1)).ok());
  attempt.WaitForState("stopping");
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kCancel, "cancelled", absl::ZeroDuration()).ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.ended_by, EndedBy::kIdleClock);
  EXPECT_EQ(exit.reason, "idle");
}

// Trap 4.
TEST_P(ShimEnd, Trap4GrandchildrenInSessionsOfTheirOwnThatIgnoreTheStopAreGone) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"stubborn", "10", "MARK"}));
  attempt.Launch();
  attempt.WaitForLog("hold\n", 21);
  EXPECT_EQ(attempt.Processes().size(), 21u);
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kCancel, "x", absl::Milliseconds(50)).ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(exit.ended_by, EndedBy::kCancel);
  ExpectNothingLeft(attempt);
}

// Trap 12: some CLIs leave what they started in the background behind.
TEST_P(ShimEnd, Trap12NobodyOutlivesTheAgentThoughTheyHoldItsOutput) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"leaves", "5", "MARK"}));
  attempt.Launch();
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.exit_code, 4);
  EXPECT_EQ(exit.ended_by, EndedBy::kItself);
  ExpectNothingLeft(attempt);
}

// Trap 2: after its final event there is nothing to wait for.
TEST_P(ShimEnd, Trap2FinishEndsAnAgentThatNeverExits) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  attempt.Launch();
  attempt.WaitForLog("hold\n", 5);
  ASSERT_TRUE(attempt.client->Finish(absl::Hours(1)).ok());
  ASSERT_TRUE(attempt.client->Finish(absl::ZeroDuration()).ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.ended_by, EndedBy::kAfterResult);
  EXPECT_EQ(exit.signal, SIGKILL);
  ExpectNothingLeft(attempt);
}

TEST_P(ShimEnd, FinishLeavesAnAgentThatExitsInTimeItsOwnStatus) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("read line < go; exit 3"));
  ASSERT_EQ(::mkfifo(attempt.Path("go").c_str(), 0600), 0);
  attempt.Launch();
  ASSERT_TRUE(attempt.client->Finish(absl::Hours(1)).ok());
  ASSERT_TRUE(WriteAll(OpenFile(attempt.Path("go"), O_WRONLY).value().get(), "x\n").ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_EQ(exit.ended_by, EndedBy::kItself);
}

TEST_P(ShimEnd, TheHardCapEndsTheAttempt) {
  ShimAttempt attempt(GetParam(), {"sleep", "1000"});
  attempt.spec.hard_cap_ns = (attempt.Now() + absl::Milliseconds(20)).ns;
  attempt.Launch();
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_EQ(exit.ended_by, EndedBy::kHardCap);
}

TEST_P(ShimEnd, SignalsDoNotEndTheShim) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("read line < go; exit 3"));
  ASSERT_EQ(::mkfifo(attempt.Path("go").c_str(), 0600), 0);
  attempt.Launch();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT, SIGUSR1}) {
    ASSERT_EQ(::kill(static_cast<pid_t>(attempt.Started().pid), signal), 0);
  }
  attempt.WaitForState("running");
  ASSERT_TRUE(WriteAll(OpenFile(attempt.Path("go"), O_WRONLY).value().get(), "x\n").ok());
  EXPECT_EQ(attempt.WaitForExit().exit_code, 3);
}

TEST_P(ShimEnd, CpuTimeOfTheWholeTreeIsCounted) {
  ShimAttempt attempt(GetParam(),
                      ShimAttempt::Shell("i=0; (while [ $i -lt 200000 ]; do i=$((i+1)); done); "
                                         "echo done; read line < go"));
  ASSERT_EQ(::mkfifo(attempt.Path("go").c_str(), 0600), 0);
  attempt.Launch();
  attempt.WaitForLog("done\n");
  const absl::StatusOr<TreeUsage> usage = UsageOf(attempt.Started());
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_GT(usage->cpu_ms, 0);
  EXPECT_GT(usage->io_bytes, 0u);
  ASSERT_TRUE(WriteAll(OpenFile(attempt.Path("go"), O_WRONLY).value().get(), "x\n").ok());
  EXPECT_GT(attempt.WaitForExit().cpu_ms, 0);
  EXPECT_TRUE(absl::IsNotFound(UsageOf(attempt.Started()).status()));
}

}  // namespace
}  // namespace handoff
