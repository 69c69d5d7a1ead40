#include "worker/handoff_dir.h"

#include <unistd.h>

#include <string>

#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

class HandoffDirTest : public ::testing::Test {
 protected:
  HandoffDirTest()
      : temp_(*TempDir::Make("handoff-dir-test-")),
        ours_(temp_.path() + "/workspace/.cursor/agent-handoffs/x") {
    EXPECT_TRUE(MakeDirectories(temp_.path() + "/workspace").ok());
    EXPECT_TRUE(MakeDirectories(temp_.path() + "/attempt").ok());
  }
  HandoffDir Directory() {
    return HandoffDir(temp_.path() + "/workspace", "x", temp_.path() + "/attempt");
  }

  TempDir temp_;
  const std::string ours_;
};

// A .gitignore of the repository outranks .git/info/exclude, and this one outranks it.
TEST_F(HandoffDirTest, ItIsIgnoredWhateverTheRepositoryTakesBack) {
  HandoffDir directory = Directory();
  ASSERT_TRUE(directory.WriteDocument("text").ok());
  EXPECT_EQ(*ReadFile(ours_ + "/.gitignore", 100), "*\n");
  ASSERT_EQ(::unlink((ours_ + "/.gitignore").c_str()), 0);
  ASSERT_TRUE(directory.WriteDocument("text again").ok());
  EXPECT_EQ(*ReadFile(ours_ + "/.gitignore", 100), "*\n");
  EXPECT_EQ(*ReadFile(ours_ + "/handoff.md", 100), "text again");
}

TEST_F(HandoffDirTest, RulesThatAreThereAreKept) {
  ASSERT_TRUE(MakeDirectories(ours_).ok());
  ASSERT_TRUE(WriteFileAtomically(ours_ + "/.gitignore", "*.log\n").ok());
  HandoffDir directory = Directory();
  ASSERT_TRUE(directory.WriteDocument("text").ok());
  EXPECT_EQ(*ReadFile(ours_ + "/.gitignore", 100), "*.log\n");
}

}  // namespace
}  // namespace handoff::worker
