// What an agent can do to its own attempt: it knows the directory and is of the same user. It may
// lose itself its log or its exit status; it may not run twice, run on, or keep an attempt from
// ending.

#include <signal.h>
#include <sys/stat.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"
#include "worker/shim/shim_files.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

// Ended; whoever inherited it may not have reaped it yet.
bool IsGone(pid_t pid) {
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return !stat.ok() || absl::StrContains(*stat, ") Z ");
}

class HostileTest : public RunningWorker {
 protected:
  HostileTest() : begun_(Gate("begun")) {}
  // Runs `deed`, says that it did, and stays.
  AttemptKey Want(const std::string& deed, const std::string& then = "exec sleep 1000") {
    return pool_.Want(Script("a", absl::StrCat(deed, "\necho $$ > ", begun_, "\n", then)));
  }
  pid_t AwaitPid() {
    pid_t pid = 0;
    EXPECT_TRUE(absl::SimpleAtoi(Await(begun_), &pid));
    return pid;
  }
  void Restart() {
    Stop();
    Start();
  }
  static std::string Forgery() {
    ShimExit exit;
    exit.exit_code = 0;
    return absl::StrCat("printf '%s' '", Encode(exit), "' > $HANDOFF_ATTEMPT_DIR/exit.json");
  }

  const std::string begun_;
};

TEST_F(HostileTest, AnAgentThatRemovedItsDirectoryIsEndedBeforeTheCoordinatorHearsOfTheNextStart) {
  Start();
  const std::string once = path("once");
  const AttemptKey key =
      Want(absl::StrCat("mkdir ", once, " 2>/dev/null || exit 3\n", kRemoveOwnDirectory));
  const pid_t pid = AwaitPid();
  Stop();
  EXPECT_FALSE(IsGone(pid)) << "an agent outlives its daemon";
  pool_.set_away(true);
  Start();
  ASSERT_TRUE(started_.ok()) << started_;
  EXPECT_TRUE(IsGone(pid)) << "the coordinator would give its attempt to another worker";
  pool_.set_away(false);
  EXPECT_EQ(pool_.AwaitEnd(key).exit_code(), 3);
}

TEST_F(HostileTest, ARecordThatTheAgentForgedIsNotItsEnd) {
  Start();
  const std::string go = Gate("go");
  const AttemptKey key = Want(Forgery(), absl::StrCat("cat ", go, "; exit 7"));
  AwaitPid();
  Restart();
  pool_.AwaitRequest([&](const SyncRequest& request) {
    return request.start == 2 && !request.attempts.empty() &&
           request.attempts[0].stage == Stage::kRunning;
  });
  Open(go);
  EXPECT_EQ(pool_.AwaitEnd(key).exit_code(), 7);
}

TEST_F(HostileTest, AForgedRecordOfAKilledShimLeavesNoTree) {
  Start();
  const AttemptKey key = Want(Forgery(), "kill -9 $PPID; exec sleep 1000");
  const pid_t pid = AwaitPid();
  pool_.AwaitEnd(key);
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(HostileTest, AStopEndsATreeWhoseShimIsStopped) {
  Start();
  const AttemptKey key = Want("kill -STOP $PPID");
  const pid_t pid = AwaitPid();
  pool_.Stop(key, EndedBy::kCancel, absl::Milliseconds(50));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::CANCEL);
  EXPECT_EQ(end.failure(), v1::Failure::CANCELLED);
  EXPECT_TRUE(end.log_tail_lost());
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(HostileTest, TheEndOfTheLeaseEndsATreeWhoseShimIsStopped) {
  pool_.set_lease(absl::Seconds(5));  // within which an agent starts on any host
  Start();
  const AttemptKey key = Want("kill -STOP $PPID");
  const pid_t pid = AwaitPid();
  EXPECT_EQ(pool_.AwaitEnd(key).ended_by(), v1::AttemptEnd::SHIM_LOST);
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(HostileTest, AStopEndsATreeWhoseShimCannotBeReached) {
  Start();
  const AttemptKey key = Want("rm \"$HANDOFF_ATTEMPT_DIR/sock\"");
  const pid_t pid = AwaitPid();
  Restart();
  pool_.Stop(key, EndedBy::kCancel, absl::Milliseconds(50));
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::CANCELLED);
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(HostileTest, TheExitStatusOfAnAgentThatRemovedItsDirectoryIsKnown) {
  Start();
  const AttemptKey key = Want(kRemoveOwnDirectory, "exit 6");
  AwaitPid();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::ITSELF);
  EXPECT_EQ(end.exit_code(), 6);
}

TEST_F(HostileTest, ADirectoryThatBecameAFileKeepsNothingFromEnding) {
  Start();
  const AttemptKey key =
      Want(absl::StrCat(kRemoveOwnDirectory, "\ntouch \"$HANDOFF_ATTEMPT_DIR\""), "exit 6");
  AwaitPid();
  EXPECT_EQ(pool_.AwaitEnd(key).exit_code(), 6);
  uint64_t listed = 0;
  for (const SyncRequest& request : pool_.requests()) {
    if (!request.attempts.empty()) listed = request.seq;
  }
  pool_.AwaitRequest(
      [&](const SyncRequest& request) { return request.seq > listed && request.attempts.empty(); });
  EXPECT_EQ(pool_.reports(key), 1) << "it was begun again";
}

// Nobody writes to them, so whoever opens one to read it waits for ever.
TEST_F(HostileTest, AFifoInPlaceOfAFileHoldsNothingUp) {
  Start();
  for (const char* name : {"log", "exit.json", "stderr.tail"}) {
    const AttemptKey key =
        pool_.Want(Script(name, absl::StrCat("cd $HANDOFF_ATTEMPT_DIR; rm -f ", name, "; mkfifo ",
                                             name, "; echo x; kill -9 $PPID; exec sleep 1000")));
    EXPECT_EQ(pool_.AwaitEnd(key).ended_by(), v1::AttemptEnd::SHIM_LOST) << name;
  }
}

class SavingTest : public HostileTest {
 protected:
  SavingTest() : looks_(Gate("looks")) {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    commit_ = git_.CommitAll("origin", "first");
    // Says that it was asked what the agent changed, and never answers.
    repo_program_ = path("repo");
    EXPECT_TRUE(
        WriteFileAtomically(
            repo_program_,
            absl::StrCat("#!/bin/sh\nread -r line\ncase \"$line\" in\n*\\\"facts\\\"*) echo >",
                         looks_, "; exec sleep 1000 ;;\nesac\nprintf '%s\\n' \"$line\" | ",
                         HANDOFF_REPO_PROGRAM, "\n"),
            0700)
            .ok());
  }
  GitSandbox git_;
  std::string commit_;
  const std::string looks_;
};

TEST_F(SavingTest, AStopCutsALongLookAtTheWork) {
  Start();
  v1::Handoff handoff = Script("a", "exit 0");
  v1::Repository& repository = *handoff.mutable_spec()->mutable_repository();
  repository.set_url(git_.Path("origin"));
  repository.set_commit(commit_);
  repository.set_key("origin");
  repository.set_user_name("Ada");
  repository.set_user_email("ada@example.com");
  const AttemptKey key = pool_.Want(handoff);
  Await(looks_);
  pool_.Stop(key, EndedBy::kCancel, absl::Seconds(10));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_TRUE(end.work_unknown());
  EXPECT_TRUE(end.changed()) << "work that nobody saw is not to be lost";
}

}  // namespace
}  // namespace handoff::worker
