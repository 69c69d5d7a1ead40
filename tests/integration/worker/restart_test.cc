// What a daemon finds at its start, and what it does when its files or its coordinator are not what
// they were.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/worker/running_worker.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

class RestartTest : public RunningWorker {
 protected:
  // An attempt that says its pid and waits at a gate, under a daemon that is gone.
  AttemptKey LeaveRunning(const std::string& id, std::string* pid, std::string* go) {
    Start();
    const std::string begun = Gate(id + "-begun");
    *go = Gate(id + "-go");
    const AttemptKey key = pool_.Want(Script(id, absl::StrCat("echo $$ > ", begun, "; cat ", *go)));
    *pid = Await(begun);
    pool_.AwaitStage(key, Stage::kRunning);
    Stop();
    return key;
  }
  static bool IsGone(const std::string& pid) {
    const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
    return !stat.ok() || absl::StrContains(*stat, ") Z ");
  }
};

TEST_F(RestartTest, WhatCannotBeListedRefusesTheStart) {
  std::string pid, go;
  const AttemptKey key = LeaveRunning("a", &pid, &go);
  ASSERT_EQ(::symlink("9", (data() + "/attempts/a/9").c_str()), 0);
  const size_t requests = pool_.requests().size();
  Start();
  EXPECT_FALSE(started_.ok());
  EXPECT_THAT(std::string(started_.message()), HasSubstr("attempts/a/9"));
  EXPECT_EQ(pool_.requests().size(), requests) << "it would have said that nothing runs";
  EXPECT_FALSE(IsGone(pid));
  Stop();
  ASSERT_EQ(::unlink((data() + "/attempts/a/9").c_str()), 0);
  Start();
  ASSERT_TRUE(started_.ok()) << started_;
  Open(go);
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
}

// What an agent can put in place of a file of its attempt.
class SpoiltTest : public RestartTest, public ::testing::WithParamInterface<std::string> {
 protected:
  static bool Spoil(const std::string& file) {
    const std::string& with = GetParam();
    if (with == "Garbage") return WriteFileAtomically(file, "half").ok();
    if (with == "Hugeness") return ::truncate(file.c_str(), 1 << 30) == 0;
    if (::unlink(file.c_str()) != 0) return false;
    if (with == "Directory") return ::mkdir(file.c_str(), 0700) == 0;
    if (with == "Fifo") return ::mkfifo(file.c_str(), 0600) == 0;
    return ::symlink(file.c_str(), file.c_str()) == 0;
  }
};
INSTANTIATE_TEST_SUITE_P(With, SpoiltTest,
                         ::testing::Values("Garbage", "Hugeness", "Directory", "Fifo", "Circle"),
                         [](const auto& test) { return test.param; });

TEST_P(SpoiltTest, WhatRunsAndCannotBeUnderstoodIsEndedBeforeTheFirstRequest) {
  std::string pid, go;
  const AttemptKey key = LeaveRunning("a", &pid, &go);
  ASSERT_TRUE(Spoil(attempt_dir(key) + "/attempt.pb"));
  pool_.set_away(true);
  Start();
  ASSERT_TRUE(started_.ok()) << started_;
  EXPECT_TRUE(IsGone(pid));
}

TEST_P(SpoiltTest, AShimWhoseSpecificationCannotBeReadComesToAnEnd) {
  std::string pid, go;
  const AttemptKey key = LeaveRunning("a", &pid, &go);
  ASSERT_TRUE(Spoil(attempt_dir(key) + "/shim.json"));
  Start();
  ASSERT_TRUE(started_.ok()) << started_;
  pool_.Stop(key, EndedBy::kCancel, absl::ZeroDuration());
  pool_.AwaitEnd(key);
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(RestartTest, AShimWhoseSpecificationBecameADirectoryIsLost) {
  std::string pid, go;
  const AttemptKey key = LeaveRunning("a", &pid, &go);
  const std::string file = attempt_dir(key) + "/shim.json";
  ASSERT_EQ(::unlink(file.c_str()) | ::mkdir(file.c_str(), 0700), 0);
  Start();
  EXPECT_EQ(pool_.AwaitEnd(key).ended_by(), v1::AttemptEnd::SHIM_LOST);
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(RestartTest, AnAttemptThatAPowerLossTookIsNotRunAgain) {
  std::string pid, go;
  const AttemptKey key = LeaveRunning("a", &pid, &go);
  const ShimStarted shim = ReadShimStarted(attempt_dir(key));
  ASSERT_EQ(::kill(static_cast<pid_t>(shim.pid), SIGKILL), 0);  // it would leave a record
  ASSERT_TRUE(EndLeftovers(shim, attempt_dir(key)).ok());
  // Of what was not synced only the first files are there, from another boot.
  for (const char* name : {"/shim.json", "/shim.pid", "/launch.pb"}) {
    ASSERT_EQ(::unlink((attempt_dir(key) + name).c_str()), 0);
  }
  ASSERT_TRUE(WriteFileAtomically(attempt_dir(key) + "/boot", "an earlier boot").ok());
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::HOST_REBOOTED);
  EXPECT_TRUE(end.log_tail_lost());
  EXPECT_FALSE(end.has_started_at()) << "nobody knows when";
  EXPECT_FALSE(PathExists(attempt_dir(key) + "/shim.json"));
}

TEST_F(RestartTest, ALogThatCannotBeReadDoesNotHoldUpItsReport) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go"), done = Gate("done");
  const AttemptKey key = pool_.Want(Script(
      "a", absl::StrCat("echo early; echo > ", begun, "; cat ", go, "; echo late; echo > ", done)));
  Await(begun);
  pool_.AwaitLog(key, "early\n");
  pool_.set_away(true);
  Open(go);
  Await(done);
  // As long as the journal lacks it the daemon must not go.
  while (FileSize(data() + "/journal").value_or(0) == 0) ::sched_yield();
  Stop();
  // Every read of it fails.
  ASSERT_EQ(::unlink((attempt_dir(key) + "/log").c_str()), 0);
  ASSERT_TRUE(MakeDirectories(attempt_dir(key) + "/log").ok());
  pool_.set_away(false);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_TRUE(end.log_tail_lost());
  EXPECT_EQ(end.log_bytes(), 6u);
  EXPECT_EQ(end.log_sha256(), "");
}

TEST_F(RestartTest, ALogThatLostItsTailSaysSo) {
  Start();
  const std::string begun = Gate("begun"), go = Gate("go"), done = Gate("done");
  const AttemptKey key = pool_.Want(
      Script("a", absl::StrCat("echo > ", begun, "; cat ", go, "; echo 12345678; echo > ", done)));
  Await(begun);
  pool_.set_away(true);
  Open(go);
  Await(done);
  while (FileSize(data() + "/journal").value_or(0) == 0) ::sched_yield();
  Stop();
  ASSERT_EQ(::truncate((attempt_dir(key) + "/log").c_str(), 5), 0);
  pool_.set_away(false);
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_TRUE(end.log_tail_lost());
  EXPECT_EQ(end.log_bytes(), 5u);
  EXPECT_EQ(pool_.log(key), "go\n12");
}

TEST_F(RestartTest, TheNextAttemptBeginsAfterTheLastFilesOfTheOneBefore) {
  const std::string go = Gate("go");
  AttemptKey second;
  bool began = true;
  // The answer with the next attempt overtakes that of the report.
  pool_.set_on_report([&] {
    uint64_t seen = 0;
    for (const SyncRequest& request : pool_.requests())
      seen = std::max(seen, request.seen_revision);
    second = pool_.Want(Script("a", "cat " + go), 2);
    const SyncRequest next = pool_.AwaitRequest(
        [&](const SyncRequest& request) { return request.seen_revision > seen; });
    began = std::any_of(next.attempts.begin(), next.attempts.end(),
                        [&](const AttemptStatus& status) { return status.key == second; });
  });
  Start();
  AwaitOver(pool_.Want(Script("a", "true")));
  EXPECT_FALSE(began);
  pool_.AwaitStage(second, Stage::kRunning);
  Open(go);
  EXPECT_EQ(pool_.AwaitEnd(second).failure(), v1::Failure::NONE);
}

}  // namespace
}  // namespace handoff::worker
