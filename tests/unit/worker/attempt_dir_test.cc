#include "worker/attempt_dir.h"

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;

class AttemptDirTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }
  AttemptDir Of(const AttemptKey& key) const { return AttemptDir(dir_.path(), key); }

  TempDir dir_ = *TempDir::Make("attempts-");
};

TEST_F(AttemptDirTest, OnlyThoseThatHaveNotEndedAreLive) {
  ASSERT_TRUE(Of({"a", 1}).Create("spec", "boot").ok());
  ASSERT_TRUE(Of({"a", 2}).Create("spec", "boot").ok());
  ASSERT_TRUE(Of({"b", 1}).Create("spec", "boot").ok());
  ASSERT_TRUE(Of({"a", 1}).MarkEnded().ok());
  ASSERT_TRUE(WriteFileAtomically(path("stray"), "").ok());
  ASSERT_TRUE(WriteFileAtomically(path("b/handoff.md"), "").ok());
  EXPECT_THAT(LiveAttempts(dir_.path()).value(),
              ElementsAre(AttemptKey{"a", 2}, AttemptKey{"b", 1}));
}

TEST_F(AttemptDirTest, WhatCannotBeReadIsNotTakenForAbsent) {
  ASSERT_TRUE(Of({"a", 1}).Create("spec", "boot").ok());
  EXPECT_FALSE(LiveAttempts(path("missing")).ok());
  // Every look into it fails, also for root.
  ASSERT_EQ(::symlink("2", path("a/2").c_str()), 0);
  EXPECT_FALSE(LiveAttempts(dir_.path()).ok());
}

TEST_F(AttemptDirTest, WhatAnAgentPutInPlaceOfItsFileIsStillLive) {
  ASSERT_TRUE(MakeDirectories(path("a/1/attempt.pb")).ok());
  ASSERT_TRUE(MakeDirectories(path("a/2")).ok());
  ASSERT_EQ(::symlink("attempt.pb", path("a/2/attempt.pb").c_str()), 0);
  EXPECT_THAT(LiveAttempts(dir_.path()).value(),
              ElementsAre(AttemptKey{"a", 1}, AttemptKey{"a", 2}));
}

TEST_F(AttemptDirTest, ANumberThatIsLeasedAgainKnowsNothingOfItsOlderLife) {
  const AttemptDir dir = Of({"a", 1});
  ASSERT_TRUE(dir.Create("old", "boot").ok());
  ASSERT_TRUE(dir.MarkEnded().ok());
  for (const char* name : {"exit.json", "shim.pid", "shim.json", "launch.pb"}) {
    ASSERT_TRUE(WriteFileAtomically(absl::StrCat(dir.path(), "/", name), "old").ok());
  }
  ASSERT_TRUE(dir.Create("new", "boot-2").ok());
  EXPECT_THAT(ListDirectory(dir.path()).value(), ElementsAre("attempt.pb", "boot", "tmp"));
  EXPECT_EQ(dir.ReadDesired().value(), "new");
  EXPECT_EQ(ReadFile(dir.path() + "/boot").value(), "boot-2");
}

}  // namespace
}  // namespace handoff::worker
