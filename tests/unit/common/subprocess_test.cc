#include "common/subprocess.h"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

SpawnOptions Shell(const std::string& script) {
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", script};
  options.env = {"PATH=/usr/bin:/bin", "MARK=here"};
  return options;
}
RunResult Sh(const std::string& script, const std::string& input = "") {
  return *RunProcess(Shell(script), input, absl::Minutes(1));
}

TEST(Subprocess, ExitStatusAndSignalAreToldApart) {
  EXPECT_EQ(Sh("exit 7").status.code, 7);
  EXPECT_FALSE(Sh("exit 7").status.ok());
  EXPECT_EQ(Sh("kill -9 $$").status.signal, SIGKILL);
  EXPECT_TRUE(Sh("exit 0").status.ok());
}

TEST(Subprocess, AMissingProgramIsAnErrorThatNamesIt) {
  SpawnOptions options;
  options.argv = {"/no/such/program"};
  const auto child = Subprocess::Spawn(options);
  EXPECT_EQ(child.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(child.status().message()), HasSubstr("/no/such/program"));
}

TEST(Subprocess, InputOutputAndErrorGoThroughWhole) {
  const std::string input(300'000, 'i');
  const RunResult run = Sh("cat; echo err >&2", input);
  EXPECT_EQ(run.out, input);
  EXPECT_EQ(run.err, "err\n");
}

TEST(Subprocess, OutputIsCutAtItsBoundWithoutBlockingTheChild) {
  const RunResult run = Sh("head -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2");
  EXPECT_EQ(run.out.size(), 1u << 20);
  EXPECT_EQ(run.err.size(), 64u << 10);
  EXPECT_TRUE(run.status.ok());
}

TEST(Subprocess, AChildThatDoesNotReadItsInputIsNoError) {
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(Sh("exit 3", std::string(1 << 20, 'x')).status.code, 3);
}

TEST(Subprocess, NothingIsInheritedButWhatIsGiven) {
  const UniqueFd leak(::open("/dev/null", O_RDONLY));  // not close-on-exec on purpose
  ASSERT_TRUE(leak.valid());
  EXPECT_EQ(Sh("for fd in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && echo $fd; done").out, "");
  EXPECT_EQ(Sh("tr '\\0' ' ' </proc/$$/environ").out, "PATH=/usr/bin:/bin MARK=here ");
  EXPECT_EQ(Sh("echo $MARK").out, "here\n");
}

TEST(Subprocess, DescriptorsMayCrossOver) {
  auto a = *MakePipe();
  auto b = *MakePipe();
  SpawnOptions options = Shell("echo one >&8; echo two >&9");
  // Targets that are sources of each other at the same time.
  const int low = ::fcntl(a.second.get(), F_DUPFD_CLOEXEC, 8);
  const int high = ::fcntl(b.second.get(), F_DUPFD_CLOEXEC, 9);
  const UniqueFd keep_low(low), keep_high(high);
  options.fds = {{8, high}, {9, low}};
  auto child = Subprocess::Spawn(options);
  ASSERT_TRUE(child.ok());
  EXPECT_TRUE(child->Wait()->ok());
  char buffer[8] = {};
  EXPECT_EQ(::read(b.first.get(), buffer, 8), 4);
  EXPECT_EQ(std::string(buffer, 4), "one\n");
  EXPECT_EQ(::read(a.first.get(), buffer, 8), 4);
  EXPECT_EQ(std::string(buffer, 4), "two\n");
}

TEST(Subprocess, SignalMasksAndIgnoredSignalsAreReset) {
  sigset_t block, before;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &block, &before);
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(Sh("kill -USR1 $$; echo alive").status.signal, SIGUSR1);
  EXPECT_EQ(Sh("kill -PIPE $$; echo alive").status.signal, SIGPIPE);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(Subprocess, ATimeoutEndsTheWholeGroup) {
  const TempDir dir = *TempDir::Make("subprocess-");
  SpawnOptions options = Shell("tail -f /dev/null & echo $! >" + dir.path() + "/pid; mkfifo " +
                               dir.path() + "/never; cat " + dir.path() + "/never");
  // The limit may hit at any point of the script: the answer is the same.
  const auto run = RunProcess(options, "", absl::Milliseconds(300));
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(run->timed_out);
  EXPECT_EQ(run->status.signal, SIGKILL);
}

TEST(Subprocess, AGrandchildThatHoldsThePipesDoesNotHoldUsUp) {
  const RunResult run = Sh("setsid tail -f /dev/null & echo $!; exit 4");
  EXPECT_EQ(run.status.code, 4);
  EXPECT_FALSE(run.timed_out);
  int pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(run.out), &pid));
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
}

// It is ended at the limit, not when it has nothing to say. Several write, so that the pipe is not
// empty; by themselves they end late.
TEST(Subprocess, AChildThatNeverStopsWritingIsEndedAtItsLimit) {
  constexpr char kMuch[] = "for i in 1 2 3 4; do timeout 5 cat /dev/zero & done; wait";
  const auto run = RunProcess(Shell(kMuch), "", absl::Milliseconds(300));
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(run->timed_out);
  EXPECT_EQ(run->status.signal, SIGKILL);
}

TEST(Subprocess, TheDestructorKillsAndReapsUnlessReleased) {
  pid_t pid;
  {
    const auto child = Subprocess::Spawn(Shell("exec tail -f /dev/null"));
    ASSERT_TRUE(child.ok());
    pid = child->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(FindInPath, FindsExecutableFilesOnly) {
  const TempDir dir = *TempDir::Make("path-");
  ASSERT_TRUE(WriteFileAtomically(dir.path() + "/tool", "x", 0644).ok());
  ASSERT_TRUE(MakeDirectories(dir.path() + "/folder").ok());
  EXPECT_FALSE(FindInPath("folder", dir.path()).ok());
  EXPECT_FALSE(FindInPath("tool", dir.path()).ok());
  ASSERT_TRUE(WriteFileAtomically(dir.path() + "/tool", "x", 0755).ok());
  EXPECT_EQ(*FindInPath("tool", "/nowhere::" + dir.path()), dir.path() + "/tool");
}

}  // namespace
}  // namespace handoff
