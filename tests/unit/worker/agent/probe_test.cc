#include "worker/agent/probe.h"

#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class ProbeTest : public ::testing::Test {
 protected:
  ProbeTest() : dir_(*TempDir::Make("probe-")) {
    settings_.env = {absl::StrCat("PATH=", dir_.path(), ":/usr/bin:/bin")};
    spec_.candidates = {{"first", {"--version"}, {}, "", {"status"}},
                        {"second", {"--version"}, {"--help"}, "The Banner", {"status"}}};
  }
  std::string Install(const std::string& name, const std::string& script) {
    const std::string path = dir_.path() + "/" + name;
    EXPECT_TRUE(WriteFileAtomically(path, "#!/bin/sh\n" + script, 0755).ok());
    return path;
  }

  TempDir dir_;
  ProbeSettings settings_;
  ProbeSpec spec_;
};

TEST_F(ProbeTest, NothingInstalledIsAbsent) {
  EXPECT_FALSE(RunProbe(spec_, settings_).has_value());
  EXPECT_FALSE(RunProbe({}, settings_).has_value());
}

TEST_F(ProbeTest, TheFirstCandidateThatExistsIsAsked) {
  const std::string path = Install(
      "first", "case $1 in --version) echo 1.2;; status) echo hello; echo oops >&2; exit 3;; esac");
  Install("second", "echo The Banner");
  const auto output = RunProbe(spec_, settings_);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->executable, path);
  EXPECT_EQ(output->version_out, "1.2\n");
  EXPECT_EQ(output->login_exit, 3);
  EXPECT_EQ(output->login_out, "hello\noops\n");
  EXPECT_FALSE(output->timed_out);
}

TEST_F(ProbeTest, ACandidateHasVariablesOfItsOwn) {
  Install("first", "echo $PROBED-$1");
  spec_.candidates[0].env["PROBED"] = "yes";
  settings_.env.emplace_back("PROBED=no");
  const auto output = RunProbe(spec_, settings_);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->version_out, "yes---version\n");
  EXPECT_EQ(output->login_out, "yes-status\n");
}

TEST_F(ProbeTest, AProgramOfAnotherMakerIsNotTaken) {
  Install("second", "echo Another agent");
  EXPECT_FALSE(RunProbe(spec_, settings_).has_value());
  Install("second", "echo Usage: The Banner");
  EXPECT_TRUE(RunProbe(spec_, settings_).has_value());
}

TEST_F(ProbeTest, AConfiguredBinaryIsTheOnlyCandidate) {
  Install("first", "echo 1");
  settings_.binary = Install("mine", "echo mine");
  EXPECT_EQ(RunProbe(spec_, settings_)->version_out, "mine\n");
  settings_.binary = dir_.path() + "/absent";
  EXPECT_FALSE(RunProbe(spec_, settings_).has_value());
}

TEST_F(ProbeTest, ASilentLoginCheckIsEndedAndSaysSo) {
  Install("first", "test \"$1\" = status && exec tail -f /dev/null; echo 1");
  settings_.limit = absl::Milliseconds(100);
  const auto output = RunProbe(spec_, settings_);
  ASSERT_TRUE(output.has_value());
  EXPECT_TRUE(output->timed_out);
}

TEST_F(ProbeTest, AProgramThatDoesNotEvenTellWhatItIsIsThere) {
  const std::string path = Install("second", "exec tail -f /dev/null");
  settings_.limit = absl::Milliseconds(100);
  const auto output = RunProbe(spec_, settings_);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->executable, path);
  EXPECT_TRUE(output->timed_out);
}

// That it is not there is said for 10 min; a host that is short of something is not for long.
TEST_F(ProbeTest, AProgramThatCannotBeRunJustNowIsThere) {
  const std::string path = Install("first", "echo 1");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto output = RunProbe(spec_, settings_);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->executable, path);
  EXPECT_TRUE(output->timed_out);
}

TEST_F(ProbeTest, AScriptWithoutItsInterpreterIsAbsent) {
  ASSERT_TRUE(WriteFileAtomically(dir_.path() + "/first", "#!/no/such/shell\n", 0755).ok());
  EXPECT_FALSE(RunProbe(spec_, settings_).has_value());
}

TEST_F(ProbeTest, AProgramOfAnotherProcessorSaysSoUnlessAnotherCandidateRuns) {
  const std::string path = dir_.path() + "/first";
  ASSERT_TRUE(WriteFileAtomically(path,
                                  "\x7f"
                                  "ELF, of another processor",
                                  0755)
                  .ok());
  auto output = RunProbe(spec_, settings_);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->executable, path);
  EXPECT_FALSE(output->timed_out);
  EXPECT_THAT(output->refused, HasSubstr("Exec format error"));
  const std::string silent = Install("second", "exec tail -f /dev/null");
  settings_.limit = absl::Milliseconds(100);
  output = RunProbe(spec_, settings_);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->executable, silent) << "which may be it after all";
  settings_.limit = absl::Seconds(15);
  const std::string second = Install("second", "echo The Banner");
  output = RunProbe(spec_, settings_);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->executable, second);
  EXPECT_EQ(output->refused, "");
}

TEST_F(ProbeTest, TheDoctorIsAskedOnlyWhenTheLoginCheckFails) {
  spec_.candidates[0].doctor_args = {"doctor"};
  const std::string script = "case $1 in doctor) echo well;; status) exit ";
  Install("first", script + "0;; esac");
  EXPECT_EQ(RunProbe(spec_, settings_)->doctor_out, "");
  Install("first", script + "1;; esac");
  EXPECT_EQ(RunProbe(spec_, settings_)->doctor_out, "well\n");
}

// Trap 4: a launcher's child would outlive it.
TEST_F(ProbeTest, Trap4TheNativeProgramIsTakenInPlaceOfItsLauncher) {
  ASSERT_TRUE(MakeDirectories(dir_.path() + "/pkg/bin").ok());
  ASSERT_TRUE(MakeDirectories(dir_.path() + "/native").ok());
  spec_.candidates[0].natives = {"../../absent/x", "../../native/x"};
  Install("pkg/bin/launcher.js", "echo launcher");
  ASSERT_EQ(::symlink("pkg/bin/launcher.js", (dir_.path() + "/first").c_str()), 0);
  EXPECT_EQ(RunProbe(spec_, settings_)->version_out, "launcher\n");
  const std::string native = Install("native/x", "echo native");
  const auto output = RunProbe(spec_, settings_);
  EXPECT_EQ(output->executable, native);
  EXPECT_EQ(output->version_out, "native\n");
}

}  // namespace
}  // namespace handoff
