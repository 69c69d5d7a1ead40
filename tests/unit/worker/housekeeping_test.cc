#include "worker/housekeeping.h"

#include <sys/stat.h>

#include "common/file.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

// An attempt of "h" has ended here; its workspace holds one folder with a file.
class SweepTest : public ::testing::Test {
 protected:
  SweepTest() {
    EXPECT_TRUE(data_.Make().ok());
    EXPECT_TRUE(MakeDirectories(repository_ + "/.git/objects").ok());
    EXPECT_TRUE(MakeDirectories(repository_ + "/src").ok());
    Write("src/a.cc");
    Write(".git/index");
    EXPECT_TRUE(MakeDirectories(repository_ + "/.cursor/agent-handoffs/h").ok());
    EXPECT_TRUE(MakeDirectories(ended_).ok());
  }
  void Write(const std::string& name) {
    EXPECT_TRUE(WriteFileAtomically(repository_ + "/" + name, "x").ok());
  }
  static absl::Time Changed(const std::string& path) {
    struct stat info;
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return absl::TimeFromTimespec(info.st_ctim);
  }
  // Later than the end of the attempt, as the kernel's clock of files has it.
  void WriteLater(const std::string& name) {
    do Write(name);
    while (Changed(repository_ + "/" + name) <= Changed(ended_));
  }
  bool KeepsAfter(absl::Duration age) {
    Sweep(data_, absl::Now() + age, absl::Hours(24), [](const std::string&, const auto& action) {
      action();
      return true;
    });
    return PathExists(repository_);
  }

  const TempDir dir_ = *TempDir::Make("sweep");
  const DataDir data_{dir_.path()};
  const std::string repository_ = data_.repository("h");
  const std::string ended_ = data_.attempts("h") + "/1";
};

TEST_F(SweepTest, WhatNobodyTouchedSinceItsAttemptGoesInItsTime) {
  EXPECT_TRUE(KeepsAfter(absl::Hours(23)));
  EXPECT_FALSE(KeepsAfter(absl::Hours(25)));
  EXPECT_FALSE(PathExists(ended_));
}

TEST_F(SweepTest, WhatAPersonDidThereAfterwardsIsNeverRemoved) {
  WriteLater("src/a.cc");
  EXPECT_TRUE(KeepsAfter(absl::Hours(24 * 365)));
  EXPECT_TRUE(PathExists(ended_));
}

TEST_F(SweepTest, ALookByHandIsNoWork) {
  WriteLater(".git/index");  // as `git status` does
  EXPECT_FALSE(KeepsAfter(absl::Hours(25)));
}

TEST_F(SweepTest, WhatWeWriteAfterTheEndIsNoWork) {
  WriteLater(".cursor/agent-handoffs/h/handoff.md");  // its summary came
  EXPECT_FALSE(KeepsAfter(absl::Hours(25)));
}

TEST_F(SweepTest, AnObjectThatGitWroteIsWork) {
  WriteLater(".git/objects/ab");
  EXPECT_TRUE(KeepsAfter(absl::Hours(25)));
}

}  // namespace
}  // namespace handoff::worker
