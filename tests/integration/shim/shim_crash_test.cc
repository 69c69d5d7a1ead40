// Deaths of either side, at every step, and what the files then say.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/shim/isolation_param.h"
#include "tests/integration/shim/shim_attempt.h"
#include "worker/shim/shim_wire.h"

namespace handoff {
namespace {

class ShimCrash : public IsolationTest {
 protected:
  // Fate after a reboot.
  static ShimFate FateNextBoot(const ShimAttempt& attempt) {
    return ClassifyShim(attempt.dir(), "another boot").value();
  }
};
INSTANTIATE_ISOLATION(ShimCrash);

TEST_P(ShimCrash, ADaemonThatDiedBeforeTheSpawnLeftNothingThatRan) {
  ShimAttempt attempt(GetParam(), {"true"});
  EXPECT_EQ(attempt.Fate(), ShimFate::kNeverStarted);
  {
    const UniqueFd lock = LockFile(attempt.Path("lock")).value();
    ASSERT_TRUE(WriteFileAtomically(attempt.Path("shim.json"), Encode(attempt.spec)).ok());
    EXPECT_EQ(attempt.Fate(), ShimFate::kAlive);  // somebody is at it
  }
  EXPECT_EQ(attempt.Fate(), ShimFate::kNeverStarted);
  attempt.Launch();
  EXPECT_EQ(attempt.WaitForExit().exit_code, 0);
}

TEST_P(ShimCrash, AfterAPowerLossAMissingFileProvesNothing) {
  ShimAttempt attempt(GetParam(), {"true"});
  // The log came to the coordinator, and neither shim.json nor shim.pid to the disk.
  EXPECT_EQ(attempt.Fate(), ShimFate::kNeverStarted);
  EXPECT_EQ(FateNextBoot(attempt), ShimFate::kLost);
  ASSERT_EQ(::unlink(attempt.Path("boot").c_str()), 0);
  EXPECT_EQ(attempt.Fate(), ShimFate::kLost);
}

TEST_P(ShimCrash, AShimThatDiedBeforeItsRecordNeverStarted) {
  ShimAttempt attempt(GetParam(), {"true"});
  // It waits for its spec for ever, whenever it gets there.
  ASSERT_EQ(::mkfifo(attempt.Path("shim.json").c_str(), 0600), 0);
  Subprocess shim = attempt.SpawnShim(/*write_spec=*/false);
  EXPECT_FALSE(LockFile(attempt.Path("lock")).ok());
  shim.Signal(SIGKILL);
  ASSERT_TRUE(shim.Wait().ok());
  ASSERT_EQ(::unlink(attempt.Path("shim.json").c_str()), 0);
  EXPECT_EQ(attempt.Fate(), ShimFate::kNeverStarted);
}

TEST_P(ShimCrash, AShimThatDiedBetweenItsRecordAndTheAgentIsLost) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("touch ran"));
  // Opening this for reading waits for a writer: the shim has said that it starts, and has not.
  attempt.spec.stdin_path = attempt.Path("fifo");
  ASSERT_EQ(::mkfifo(attempt.spec.stdin_path.c_str(), 0600), 0);
  Subprocess shim = attempt.SpawnShim();
  EXPECT_TRUE(Eventually([&] { return PathExists(attempt.Path("shim.pid")); }));
  EXPECT_EQ(attempt.Fate(), ShimFate::kAlive);
  EXPECT_EQ(attempt.Started().agent_pid, 0);
  shim.Signal(SIGKILL);
  ASSERT_TRUE(shim.Wait().ok());
  EXPECT_EQ(attempt.Fate(), ShimFate::kLost);
  EXPECT_TRUE(EndLeftovers(attempt.Started(), attempt.dir()).ok());
  EXPECT_FALSE(attempt.CgroupExists());
  EXPECT_FALSE(PathExists(attempt.Path("ran")));
}

TEST_P(ShimCrash, AKilledShimIsLostAndItsTreeIsEnded) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"stubborn", "5", "MARK"}));
  attempt.Launch();
  attempt.WaitForLog("hold\n", 11);
  attempt.KillShim();
  EXPECT_EQ(attempt.Fate(), ShimFate::kLost);
  EXPECT_EQ(attempt.Processes().size(), 11u);
  ASSERT_TRUE(EndLeftovers(attempt.Started(), attempt.dir()).ok());
  EXPECT_TRUE(attempt.Processes().empty());
  EXPECT_FALSE(attempt.CgroupExists());
  EXPECT_TRUE(EndLeftovers(attempt.Started(), attempt.dir()).ok());  // again is fine
}

TEST_P(ShimCrash, AFrozenTreeOfAKilledShimIsEnded) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  attempt.Launch();
  attempt.WaitForLog("hold\n", 5);
  ASSERT_TRUE(attempt.client->Renew(attempt.Now()).ok());
  attempt.WaitForState("frozen");
  attempt.KillShim();
  ASSERT_TRUE(EndLeftovers(attempt.Started(), attempt.dir()).ok());
  EXPECT_TRUE(attempt.Processes().empty());
}

TEST_P(ShimCrash, LeftoversOfOneAttemptAreNotThoseOfAnother) {
  ShimAttempt lost(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  ShimAttempt other(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  lost.Launch();
  other.Launch();
  lost.WaitForLog("hold\n", 5);
  other.WaitForLog("hold\n", 5);
  lost.KillShim();
  ASSERT_TRUE(EndLeftovers(lost.Started(), lost.dir()).ok());
  EXPECT_TRUE(lost.Processes().empty());
  EXPECT_EQ(other.Processes().size(), 5u);
}

TEST_P(ShimCrash, ACopiedDirectoryEndsNothingOfTheOriginal) {
  ShimAttempt original(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  ShimAttempt copy(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  original.Launch();
  original.WaitForLog("hold\n", 5);
  // shim.pid came along with its cgroup, and the copy's lock is free.
  ASSERT_TRUE(EndLeftovers(original.Started(), copy.dir()).ok());
  EXPECT_EQ(original.Processes().size(), 5u);
  EXPECT_EQ(original.Fate(), ShimFate::kAlive);
}

// A plain directory that looks like a cgroup, for hosts where none can be made.
TEST(EndLeftovers, KnowsTheCgroupThoughTheAgentRemovedOrReplacedItsDirectory) {
  const TempDir temp = TempDir::Make("cgroup-").value();
  ShimStarted started;
  started.cgroup = temp.path() + "/cgroup";
  ASSERT_TRUE(MakeDirectories(started.cgroup).ok());
  ASSERT_TRUE(WriteFileAtomically(temp.path() + "/file", "").ok());
  for (const char* place : {"/gone", "/file"}) {
    SpawnOptions options;
    options.argv = {"/bin/sleep", "1000"};
    const Subprocess member = Subprocess::Spawn(options).value();
    ASSERT_TRUE(
        WriteFileAtomically(started.cgroup + "/cgroup.procs", absl::StrCat(member.pid())).ok());
    EndLeftovers(started, temp.path() + place).IgnoreError();  // it is not removed as a cgroup is
    pollfd ended{member.pidfd(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 0), 1) << place;
  }
}

TEST_P(ShimCrash, AnAgentNeverRanWhereTheFilesSayThatItDidNot) {
  // The shim is killed at any moment of its start; in every other round just when it starts the
  // agent.
  for (int i = 0; i < 100; ++i) {
    ShimAttempt attempt(GetParam(), ShimAttempt::Shell("echo > ran; exec sleep 1000"));
    Subprocess shim = attempt.SpawnShim();
    while (i % 2 == 1 && !PathExists(attempt.Path("shim.pid"))) {
    }
    volatile int spin = i % 2 == 1 ? i * 2'000 : i * 50'000;
    while (spin > 0) spin = spin - 1;
    shim.Signal(SIGKILL);
    ASSERT_TRUE(shim.Wait().ok());
    // Killed while it started the agent, its child holds the lock up to exec.
    ASSERT_TRUE(Eventually([&] { return attempt.Fate() != ShimFate::kAlive; }));
    if (attempt.Fate() == ShimFate::kNeverStarted) {
      EXPECT_EQ(i % 2, 0);
      EXPECT_FALSE(PathExists(attempt.Path("ran")));
      continue;
    }
    EXPECT_EQ(attempt.Fate(), ShimFate::kLost);
    ASSERT_TRUE(EndLeftovers(attempt.Started(), attempt.dir()).ok());
    for (const ProcessInfo& p : attempt.Processes()) {
      ADD_FAILURE() << "round " << i << " left " << p.pid << " " << p.state << " "
                    << ReadFile(absl::StrCat("/proc/", p.pid, "/cmdline")).value_or("")
                    << ", agent " << attempt.Started().agent_pid;
    }
    EXPECT_FALSE(attempt.CgroupExists());
  }
}

TEST_P(ShimCrash, AShimWhoseDaemonDiedIsAdoptedWithItsLogAndExitStatus) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("echo one; read line < go; echo two; exit 7"));
  ASSERT_EQ(::mkfifo(attempt.Path("go").c_str(), 0600), 0);
  attempt.SpawnShim().Release();  // between the spawn and the first word
  EXPECT_EQ(attempt.Fate(), ShimFate::kAlive);
  attempt.Adopt();
  attempt.WaitForState("running");
  attempt.WaitForLog("one\n");
  attempt.Adopt();  // and once more
  EXPECT_EQ(attempt.Fate(), ShimFate::kAlive);
  ASSERT_TRUE(WriteAll(OpenFile(attempt.Path("go"), O_WRONLY).value().get(), "x\n").ok());
  EXPECT_EQ(attempt.WaitForExit().exit_code, 7);
  EXPECT_EQ(attempt.Log(), "one\ntwo\n");
  // It lets go of the socket a moment before it ends.
  EXPECT_TRUE(Eventually([&] { return attempt.Fate() == ShimFate::kExited; }));
}

TEST_P(ShimCrash, TheLastRequestOfADaemonThatReadNothingCounts) {
  ShimAttempt attempt(GetParam(), {"sleep", "1000"});
  attempt.Launch();
  pollfd told{attempt.client->fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&told, 1, 60'000), 1);
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kDrained, "x", absl::ZeroDuration()).ok());
  attempt.client.reset();
  EXPECT_TRUE(Eventually([&] { return attempt.Fate() == ShimFate::kExited; }));
}

TEST_P(ShimCrash, AShimThatEndedUnattendedHasItsRecord) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("echo done; exit 8"));
  Subprocess shim = attempt.SpawnShim();
  EXPECT_TRUE(shim.Wait().value().ok());
  EXPECT_EQ(attempt.Fate(), ShimFate::kExited);
  attempt.Adopt();
  EXPECT_EQ(attempt.WaitForExit().exit_code, 8);
}

TEST_P(ShimCrash, ARecordWhileTheLockIsHeldIsNotTheShims) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("read line < go; exit 7"));
  ASSERT_EQ(::mkfifo(attempt.Path("go").c_str(), 0600), 0);
  attempt.Launch();
  ASSERT_TRUE(WriteFileAtomically(attempt.Path("exit.json"), Encode(ShimExit{})).ok());
  EXPECT_EQ(attempt.Fate(), ShimFate::kAlive);
  ASSERT_EQ(::unlink(attempt.Path("sock").c_str()), 0);
  EXPECT_FALSE(ShimClient::Adopt(attempt.dir()).ok()) << "it would pass for ended";
  ASSERT_TRUE(WriteAll(OpenFile(attempt.Path("go"), O_WRONLY).value().get(), "x\n").ok());
  EXPECT_EQ(attempt.WaitForExit().exit_code, 7);
}

TEST_P(ShimCrash, AStoppedShimIsKilledWithoutItsPidFile) {
  ShimAttempt attempt(GetParam(), {"sleep", "1000"});
  attempt.Launch();
  const ShimStarted started = attempt.Started();
  ASSERT_EQ(::kill(static_cast<pid_t>(started.pid), SIGSTOP), 0);
  ShimStarted forged = started;
  forged.pid = ::getpid();
  ASSERT_TRUE(WriteFileAtomically(attempt.Path("shim.pid"), Encode(forged)).ok());
  attempt.client->Kill();
  EXPECT_TRUE(Eventually([&] { return attempt.Fate() == ShimFate::kLost; }));
  ASSERT_TRUE(WriteFileAtomically(attempt.Path("shim.pid"), Encode(started)).ok());
}

TEST_P(ShimCrash, AttemptsWhoseDirectoriesAreGoneAreEndedAndNoOthers) {
  ShimAttempt gone(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  ShimAttempt other(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  gone.Launch();
  other.Launch();
  gone.WaitForLog("hold\n", 5);
  other.WaitForLog("hold\n", 5);
  const std::string parent = gone.dir().substr(0, gone.dir().rfind('/'));
  ASSERT_TRUE(EndStrays(parent, {gone.dir()}).ok());
  EXPECT_EQ(gone.Processes().size(), 5u) << "it is kept";
  ASSERT_TRUE(EndStrays(parent, {}).ok());
  EXPECT_TRUE(gone.Processes().empty());
  EXPECT_NE(gone.Fate(), ShimFate::kAlive) << "its shim is ended too";
  EXPECT_EQ(other.Processes().size(), 5u);
}

TEST_P(ShimCrash, AdoptOfAKilledShimAsksToClassifyAgain) {
  ShimAttempt attempt(GetParam(), {"sleep", "1000"});
  attempt.Launch();
  attempt.KillShim();
  EXPECT_TRUE(absl::IsAborted(ShimClient::Adopt(attempt.dir()).status()));
}

TEST_P(ShimCrash, ASecondLaunchIsRefusedWhileTheFirstLives) {
  ShimAttempt attempt(GetParam(), {"sleep", "1000"});
  attempt.Launch();
  const auto second = ShimClient::Launch(HANDOFF_SHIM, attempt.dir(), attempt.spec);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_EQ(attempt.Fate(), ShimFate::kAlive);
}

TEST_P(ShimCrash, TheNewestConnectionWins) {
  ShimAttempt attempt(GetParam(), {"sleep", "1000"});
  attempt.Launch();
  attempt.WaitForState("running");
  auto second = ShimClient::Adopt(attempt.dir());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(Eventually([&] {
    for (const ShimClient::Event& event : attempt.client->Receive()) {
      if (std::holds_alternative<ShimClient::Gone>(event)) return true;
    }
    return false;
  }));
  ASSERT_TRUE((*second)->Stop(EndedBy::kCancel, "x", absl::ZeroDuration()).ok());
  EXPECT_TRUE(Eventually([&] { return attempt.Fate() == ShimFate::kExited; }));
}

TEST_P(ShimCrash, AfterARebootOnlyACompleteEndCounts) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("echo hello"));
  attempt.Launch();
  attempt.WaitForExit();
  EXPECT_EQ(FateNextBoot(attempt), ShimFate::kExited);
  ASSERT_EQ(::truncate(attempt.Path("log").c_str(), 3), 0);
  EXPECT_EQ(FateNextBoot(attempt), ShimFate::kLost);
  // A lost shim.pid proves nothing either.
  ASSERT_EQ(::unlink(attempt.Path("exit.json").c_str()), 0);
  const ShimStarted started = attempt.Started();
  ASSERT_EQ(::unlink(attempt.Path("shim.pid").c_str()), 0);
  EXPECT_EQ(FateNextBoot(attempt), ShimFate::kLost);
  EXPECT_EQ(attempt.Fate(), ShimFate::kNeverStarted);
}

TEST_P(ShimCrash, NonsenseOnTheSocketChangesNothing) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("read line < go; exit 2"));
  ASSERT_EQ(::mkfifo(attempt.Path("go").c_str(), 0600), 0);
  attempt.Launch();
  for (const std::string& packet :
       {std::string("{"), std::string("{\"op\":\"explode\"}"), std::string("{\"op\":\"stop\"}"),
        std::string(40'000, 'x'), std::string("\xff\xfe"), std::string("{\"op\":3}")}) {
    ::send(attempt.client->fd(), packet.data(), packet.size(), MSG_NOSIGNAL);
  }
  attempt.WaitForState("running");
  ASSERT_TRUE(WriteAll(OpenFile(attempt.Path("go"), O_WRONLY).value().get(), "x\n").ok());
  EXPECT_EQ(attempt.WaitForExit().exit_code, 2);
}

TEST_P(ShimCrash, AShimWithoutTheLockDoesNothing) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("touch ran"));
  ASSERT_TRUE(WriteFileAtomically(attempt.Path("shim.json"), Encode(attempt.spec)).ok());
  ASSERT_TRUE(WriteFileAtomically(attempt.Path("lock"), "").ok());
  SpawnOptions options;
  options.argv = {HANDOFF_SHIM, attempt.dir(), "0"};
  const RunResult result = RunProcess(options, "", absl::Minutes(1)).value();
  EXPECT_EQ(result.status.code, 1);
  EXPECT_TRUE(absl::StrContains(result.out, "is not")) << result.out;
  EXPECT_EQ(attempt.Fate(), ShimFate::kNeverStarted);
}

TEST_P(ShimCrash, ALaunchWithoutAProgramSaysSo) {
  ShimAttempt attempt(GetParam(), {});
  const auto launched = ShimClient::Launch(HANDOFF_SHIM, attempt.dir(), attempt.spec);
  EXPECT_TRUE(absl::StrContains(launched.status().message(), "names no program"))
      << launched.status();
  EXPECT_EQ(attempt.Fate(), ShimFate::kNeverStarted);
}

}  // namespace
}  // namespace handoff
