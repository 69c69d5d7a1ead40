#include "common/beneath.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BeneathTest : public ::testing::Test {
 protected:
  BeneathTest() : dir_(*TempDir::Make("beneath-")) {
    EXPECT_TRUE(MakeDirectories(Path("repo")).ok());
    EXPECT_TRUE(MakeDirectories(Path("outside")).ok());
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  Beneath Root() const { return *Beneath::Open(Path("repo")); }

  TempDir dir_;
};

TEST_F(BeneathTest, WhatIsWrittenIsReadAndNothingElseIsLeft) {
  const Beneath root = Root();
  ASSERT_TRUE(root.MakeDirectories(".cursor/agent-handoffs/x").ok());
  ASSERT_TRUE(root.MakeDirectories(".cursor/agent-handoffs/x").ok());
  ASSERT_TRUE(root.WriteAtomically(".cursor/agent-handoffs/x/handoff.md", "one").ok());
  ASSERT_TRUE(root.WriteAtomically(".cursor/agent-handoffs/x/handoff.md", "two").ok());
  EXPECT_EQ(*root.Read(".cursor/agent-handoffs/x/handoff.md", 100), "two");
  EXPECT_THAT(*ListDirectory(Path("repo/.cursor/agent-handoffs/x")), ElementsAre("handoff.md"));
}

TEST_F(BeneathTest, ASymlinkAsDirectoryIsNamedAndNotFollowed) {
  ASSERT_EQ(::symlink("../outside", Path("repo/.cursor").c_str()), 0);
  const Beneath root = Root();
  for (const absl::Status& status :
       {root.MakeDirectories(".cursor/agent-handoffs/x"), root.WriteAtomically(".cursor/f", "x"),
        root.Read(".cursor/f", 10).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(".cursor is a symbolic link"));
  }
  EXPECT_THAT(*ListDirectory(Path("outside")), ElementsAre());
}

TEST_F(BeneathTest, AFifoOrAFileAsDirectoryIsNamed) {
  ASSERT_EQ(::mkfifo(Path("repo/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(WriteFileAtomically(Path("repo/file"), "x").ok());
  const absl::Status fifo = Root().MakeDirectories("fifo/agent-handoffs");
  EXPECT_EQ(fifo.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(fifo.message()), HasSubstr("fifo is a FIFO"));
  const absl::Status file = Root().MakeDirectories("file");
  EXPECT_EQ(file.code(), absl::StatusCode::kFailedPrecondition) << file;
  EXPECT_THAT(std::string(file.message()), HasSubstr("file"));
  const absl::Status deeper = Root().MakeDirectories("file/x");
  EXPECT_EQ(deeper.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(deeper.message()), HasSubstr("file is a regular file"));
}

TEST_F(BeneathTest, OnlyRegularFilesWithOneLinkAreReadAndAFifoDoesNotHang) {
  ASSERT_EQ(::mkfifo(Path("repo/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(WriteFileAtomically(Path("outside/secret"), "s").ok());
  ASSERT_EQ(::symlink(Path("outside/secret").c_str(), Path("repo/link").c_str()), 0);
  ASSERT_EQ(::link(Path("outside/secret").c_str(), Path("repo/hard").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/self/environ", Path("repo/magic").c_str()), 0);
  const Beneath root = Root();
  for (const char* name : {"fifo", "link", "hard", "magic"}) {
    EXPECT_EQ(root.Read(name, 100).status().code(), absl::StatusCode::kFailedPrecondition) << name;
  }
  EXPECT_EQ(root.Read("absent", 100).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BeneathTest, PathsThatAreNotPlainAreRefused) {
  const Beneath root = Root();
  for (const char* path : {"", "/etc/passwd", "../outside/x", "a/../b", "a//b", "./a", "a/"}) {
    EXPECT_EQ(root.WriteAtomically(path, "x").code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_EQ(root.Read(path, 9).status().code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_EQ(root.MakeDirectories(path).code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST_F(BeneathTest, TheSizeCapHolds) {
  ASSERT_TRUE(WriteFileAtomically(Path("repo/f"), std::string(1000, 'x')).ok());
  EXPECT_EQ(Root().Read("f", 1000)->size(), 1000u);
  EXPECT_EQ(Root().Read("f", 999).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(BeneathTest, AWriteReplacesALinkOrFifoInsteadOfWritingThroughIt) {
  ASSERT_TRUE(WriteFileAtomically(Path("outside/victim"), "untouched").ok());
  ASSERT_EQ(::symlink(Path("outside/victim").c_str(), Path("repo/handoff.md").c_str()), 0);
  ASSERT_EQ(::mkfifo(Path("repo/fifo").c_str(), 0600), 0);
  const Beneath root = Root();
  EXPECT_TRUE(root.WriteAtomically("handoff.md", "ours").ok());
  EXPECT_TRUE(root.WriteAtomically("fifo", "ours").ok());
  EXPECT_EQ(*ReadFile(Path("outside/victim")), "untouched");
  EXPECT_EQ(*root.Read("handoff.md", 10), "ours");
  EXPECT_EQ(*root.Read("fifo", 10), "ours");
}

TEST_F(BeneathTest, AWriteOverADirectoryFailsAndLeavesNoTemporaryFile) {
  ASSERT_TRUE(MakeDirectories(Path("repo/handoff.md")).ok());
  EXPECT_EQ(Root().WriteAtomically("handoff.md", "x").code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(*ListDirectory(Path("repo")), ElementsAre("handoff.md"));
}

TEST_F(BeneathTest, ALinkIsRemovedAndWhatItLeadsToStays) {
  ASSERT_TRUE(WriteFileAtomically(Path("outside/f"), "kept").ok());
  ASSERT_EQ(::symlink("../outside/f", Path("repo/link").c_str()), 0);
  ASSERT_EQ(::symlink("../outside", Path("repo/dir").c_str()), 0);
  ASSERT_TRUE(MakeDirectories(Path("repo/real")).ok());
  EXPECT_TRUE(Root().Remove("link").ok());
  EXPECT_TRUE(absl::IsNotFound(Root().Remove("link")));
  EXPECT_TRUE(absl::IsFailedPrecondition(Root().Remove("dir/f")));
  EXPECT_TRUE(absl::IsFailedPrecondition(Root().Remove("real")));
  EXPECT_FALSE(Root().Remove("../outside/f").ok());
  EXPECT_EQ(*ReadFile(Path("outside/f")), "kept");
}

TEST_F(BeneathTest, CopyTakesTheFirstBytesOnly) {
  const std::string content(700'000, 'c');
  ASSERT_TRUE(WriteFileAtomically(Path("log"), content).ok());
  const UniqueFd source = *OpenFile(Path("log"), O_RDONLY);
  EXPECT_TRUE(Root().CopyFrom(source.get(), 600'001, "attempt-1.log").ok());
  EXPECT_EQ(*ReadFile(Path("repo/attempt-1.log")), content.substr(0, 600'001));
  EXPECT_EQ(Root().CopyFrom(source.get(), 800'000, "attempt-2.log").code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_THAT(*ListDirectory(Path("repo")), ElementsAre("attempt-1.log"));
}

TEST_F(BeneathTest, AppendingGoesToTheEndOfARegularFileAndThroughNoLink) {
  ASSERT_TRUE(WriteFileAtomically(Path("outside/f"), "kept").ok());
  ASSERT_EQ(::symlink("../outside/f", Path("repo/link").c_str()), 0);
  ASSERT_EQ(::symlink("../outside/new", Path("repo/dangling").c_str()), 0);
  ASSERT_EQ(::mkfifo(Path("repo/fifo").c_str(), 0600), 0);
  const Beneath root = Root();
  for (const char* text : {"one", "two"}) {
    const auto fd = root.OpenForAppend("log");
    ASSERT_TRUE(fd.ok()) << fd.status();
    EXPECT_TRUE(WriteAll(fd->get(), text).ok());
  }
  EXPECT_EQ(*root.Read("log", 10), "onetwo");
  for (const char* name : {"link", "dangling", "fifo"})
    EXPECT_TRUE(absl::IsFailedPrecondition(root.OpenForAppend(name).status())) << name;
  EXPECT_EQ(root.OpenForAppend("../outside/f").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*ReadFile(Path("outside/f")), "kept");
  EXPECT_FALSE(PathExists(Path("outside/new")));
}

}  // namespace
}  // namespace handoff
