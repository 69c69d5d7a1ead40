// The units of deploy/systemd: taken by systemd without a word, and such that a restart of the
// worker's never ends an agent.

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string Unit(const std::string& name) {
  return ReadFile(absl::StrCat(HANDOFF_UNITS, "/", name, ".service")).value();
}
std::vector<std::string> Lines(const std::string& name) { return absl::StrSplit(Unit(name), '\n'); }

// What systemd has to say of a unit whose programs are the ones that were built.
std::string Verify(const std::string& name, const std::vector<std::string>& flags) {
  const TempDir dir = *TempDir::Make("units-");
  const std::string file = absl::StrCat(dir.path(), "/unit-under-test.service");
  const std::string text =
      absl::StrReplaceAll(Unit(name), {{"/usr/bin/handoff-", HANDOFF_BIN_DIR "/handoff-"}});
  EXPECT_TRUE(WriteFileAtomically(file, text).ok());
  SpawnOptions options;
  options.argv = {"systemd-analyze"};
  options.argv.insert(options.argv.end(), flags.begin(), flags.end());
  options.argv.insert(options.argv.end(), {"verify", "--man=no", file});
  options.env = {"PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=" + dir.path(), "HOME=" + dir.path()};
  const auto result = RunProcess(options, "", absl::Minutes(1));
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(result->status.ok()) << result->err;
  return result->out + result->err;
}

bool HasSystemd() { return PathExists("/usr/bin/systemd-analyze"); }

TEST(Units, AreTakenBySystemdWithoutAWord) {
  if (!HasSystemd()) GTEST_SKIP() << "systemd-analyze is not installed";
  EXPECT_THAT(Verify("handoff-coordinator", {}), IsEmpty());
  EXPECT_THAT(Verify("handoff-worker", {}), IsEmpty());
  EXPECT_THAT(Verify("user/handoff-worker", {"--user"}), IsEmpty());
}

TEST(Units, ARestartOfTheWorkersEndsTheDaemonAlone) {
  for (const char* name : {"handoff-worker", "user/handoff-worker"}) {
    EXPECT_THAT(Lines(name), Contains("KillMode=process")) << name;
    EXPECT_THAT(Lines(name), Contains("Delegate=yes")) << name;
    EXPECT_THAT(Lines(name), Contains("OOMPolicy=continue")) << name;
    // Each of these is taken away, or made anew, when the unit is restarted.
    for (const char* word : {"PrivateTmp=yes", "RuntimeDirectory=", "DynamicUser=yes"}) {
      EXPECT_THAT(Lines(name), Not(Contains(StartsWith(word)))) << name;
    }
  }
}

// With something mounted over /proc no agent can make a sandbox; the others break builds.
TEST(Units, TheWorkersSetNothingThatAgentsBreakOn) {
  for (const char* word :
       {"ProtectKernelTunables=", "ProtectKernelLogs=", "ProtectProc=", "ProcSubset=",
        "ProtectControlGroups=", "RestrictNamespaces=", "SystemCallFilter=", "LockPersonality=",
        "MemoryDenyWriteExecute=", "RestrictSUIDSGID=", "PrivateDevices="}) {
    for (const char* name : {"handoff-worker", "user/handoff-worker"}) {
      EXPECT_THAT(Lines(name), Not(Contains(StartsWith(word)))) << name;
    }
  }
}

TEST(Units, TheSystemsRunAsAccountsOfTheirOwn) {
  const std::string accounts = ReadFile(HANDOFF_UNITS "/handoff.conf").value();
  for (const char* name : {"handoff-coordinator", "handoff-worker"}) {
    EXPECT_THAT(Lines(name), Contains(absl::StrCat("User=", name)));
    EXPECT_THAT(Lines(name), Contains(absl::StrCat("StateDirectory=", name)));
    EXPECT_THAT(Lines(name), Contains("NoNewPrivileges=yes"));
    EXPECT_THAT(accounts, HasSubstr(absl::StrCat("u     ", name)));
  }
}

// With a condition systemd says nothing at all; the daemon itself says what to do.
TEST(Units, AWorkerThatHasNotJoinedFailsAndIsNotTriedAgain) {
  for (const char* name : {"handoff-worker", "user/handoff-worker"}) {
    EXPECT_THAT(Lines(name), Contains("RestartPreventExitStatus=2")) << name;
    EXPECT_THAT(Unit(name), Not(HasSubstr("ConditionPath"))) << name;
  }
}

// Where people are told to join is where the unit looks.
TEST(Units, TheUsersWorkerHasItsDataWhereEveryTextSaysSo) {
  EXPECT_THAT(Unit("user/handoff-worker"), HasSubstr(" --data-dir %h/handoff-worker "));
  for (const char* file : {"README.md", "deploy/README.md", "cli/invite.cc",
                           "deploy/systemd/user/handoff-worker.service"}) {
    const std::string text = ReadFile(absl::StrCat(HANDOFF_SOURCE_DIR, "/", file)).value();
    EXPECT_THAT(text, HasSubstr("handoff-worker join --data-dir ~/handoff-worker")) << file;
  }
}

// README's [unix] socket is in a directory that the coordinator may write, and nobody else.
TEST(Units, TheCoordinatorHasADirectoryForItsSocket) {
  EXPECT_THAT(Lines("handoff-coordinator"), Contains("RuntimeDirectory=handoff"));
  EXPECT_THAT(ReadFile(HANDOFF_SOURCE_DIR "/README.md").value(),
              HasSubstr("socket = \"/run/handoff/login.sock\""));
}

TEST(Units, AllWaitUntilTheDaemonIsReady) {
  for (const char* name : {"handoff-coordinator", "handoff-worker", "user/handoff-worker"}) {
    EXPECT_THAT(Lines(name), Contains("Type=notify")) << name;
  }
}

}  // namespace
}  // namespace handoff
