#include "common/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  FileTest() : dir_(*TempDir::Make("file-")) {}
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  TempDir dir_;
};

TEST_F(FileTest, WholeFilesAreWrittenReplacedAndRead) {
  for (const bool durable : {false, true}) {
    const auto write = durable ? WriteFileDurably : WriteFileAtomically;
    ASSERT_TRUE(write(Path("f"), "one", 0644).ok());
    ASSERT_TRUE(write(Path("f"), std::string("t\0wo", 4), 0644).ok());
    EXPECT_EQ(*ReadFile(Path("f")), std::string("t\0wo", 4));
  }
  EXPECT_THAT(*ListDirectory(dir_.path()), ElementsAre("f"));
  struct stat info;
  ASSERT_EQ(::stat(Path("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u & ~::umask(022));
}

TEST_F(FileTest, AFailedWriteLeavesNothingAndNamesThePath) {
  ASSERT_TRUE(MakeDirectories(Path("taken")).ok());
  const absl::Status status = WriteFileAtomically(Path("taken"), "x");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(Path("taken")));
  EXPECT_THAT(*ListDirectory(dir_.path()), ElementsAre("taken"));
  EXPECT_FALSE(WriteFileAtomically(Path("absent/f"), "x").ok());
}

TEST_F(FileTest, ReadingHasABoundAndTellsAbsence) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), std::string(100'000, 'x')).ok());
  EXPECT_EQ(ReadFile(Path("f"), 100'000)->size(), 100'000u);
  EXPECT_EQ(ReadFile(Path("f"), 99'999).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(Path("g")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*FileSize(Path("f")), 100'000u);
}

TEST_F(FileTest, DirectoriesAreMadeListedAndRemoved) {
  ASSERT_TRUE(MakeDirectories(Path("a/b/c")).ok());
  ASSERT_TRUE(MakeDirectories(Path("a/b/c")).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("a/z"), "").ok());
  EXPECT_THAT(*ListDirectory(Path("a")), ElementsAre("b", "z"));
  EXPECT_FALSE(MakeDirectories(Path("a/z/y")).ok());
  EXPECT_TRUE(RemoveTree(Path("a")).ok());
  EXPECT_TRUE(RemoveTree(Path("a")).ok());
  EXPECT_FALSE(PathExists(Path("a")));
}

TEST_F(FileTest, RemovingDoesNotFollowLinks) {
  ASSERT_TRUE(MakeDirectories(Path("kept")).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("kept/f"), "x").ok());
  ASSERT_TRUE(MakeDirectories(Path("gone")).ok());
  ASSERT_EQ(::symlink(Path("kept").c_str(), Path("gone/link").c_str()), 0);
  EXPECT_TRUE(RemoveTree(Path("gone")).ok());
  EXPECT_EQ(*ReadFile(Path("kept/f")), "x");
}

TEST_F(FileTest, RemovingALinkLeavesWhatItNames) {
  ASSERT_TRUE(MakeDirectories(Path("kept")).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("kept/f"), "x").ok());
  for (const char* name : {"link", "link/"}) {
    ASSERT_EQ(::symlink(Path("kept").c_str(), Path("link").c_str()), 0);
    EXPECT_TRUE(RemoveTree(Path(name)).ok());
    EXPECT_THAT(*ListDirectory(dir_.path()), ElementsAre("kept")) << name;
  }
  EXPECT_EQ(*ReadFile(Path("kept/f")), "x");
  EXPECT_TRUE(RemoveTree(Path("kept/f")).ok());
  EXPECT_TRUE(RemoveTree(Path("kept/f")).ok());
  EXPECT_FALSE(PathExists(Path("kept/f")));
}

// Root is denied nothing, so for it this is a removal like any other.
TEST_F(FileTest, RemovingGoesThroughDirectoriesThatDenyIt) {
  for (const int mode : {0555, 0444, 0666, 0111, 0}) {
    const std::string closed = Path(absl::StrCat("top/", mode));
    ASSERT_TRUE(MakeDirectories(closed + "/below/empty").ok());
    ASSERT_TRUE(WriteFileAtomically(closed + "/f", "x").ok());
    ASSERT_TRUE(WriteFileAtomically(closed + "/below/f", "x", 0400).ok());
    ASSERT_EQ(::chmod((closed + "/below").c_str(), static_cast<mode_t>(mode)), 0);
    ASSERT_EQ(::chmod(closed.c_str(), static_cast<mode_t>(mode)), 0);
  }
  ASSERT_EQ(::chmod(Path("top").c_str(), 0500), 0);
  const absl::Status removed = RemoveTree(Path("top"));
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_FALSE(PathExists(Path("top")));
}

TEST_F(FileTest, RemovingNeedsFewDescriptorsAndNoShortPaths) {
  ASSERT_TRUE(MakeDirectories(Path("top")).ok());
  UniqueFd at = *OpenFile(Path("top"), O_RDONLY | O_DIRECTORY);
  const std::string one(20, 'a'), other(20, 'b');
  for (int depth = 0; depth < 300; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), one.c_str(), 0700), 0);
    ASSERT_EQ(::mkdirat(at.get(), other.c_str(), 0700), 0);
    UniqueFd below(::openat(at.get(), one.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(below.valid());
    at = std::move(below);
  }
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const absl::Status removed = RemoveTree(Path("top"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_FALSE(PathExists(Path("top")));
}

// A directory of /proc is one that nobody can remove anything from.
TEST_F(FileTest, WhatCannotBeRemovedIsNamed) {
  const absl::Status status = RemoveTree("/proc/self/fdinfo");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/self/fdinfo"));
}

TEST_F(FileTest, WritesGoWhereTheyAreSent) {
  const UniqueFd fd = *OpenFile(Path("f"), O_RDWR | O_CREAT);
  ASSERT_TRUE(WriteAll(fd.get(), "0123456789").ok());
  ASSERT_TRUE(PWriteAll(fd.get(), "ab", 4).ok());
  EXPECT_TRUE(SyncData(fd.get()).ok());
  EXPECT_EQ(*ReadFile(Path("f")), "0123ab6789");
}

TEST_F(FileTest, ALockIsHeldByOne) {
  {
    const auto lock = LockFile(Path("lock"));
    ASSERT_TRUE(lock.ok());
    EXPECT_EQ(LockFile(Path("lock")).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_TRUE(LockFile(Path("lock")).ok());
}

TEST_F(FileTest, ATempDirGoesAwayWithItsOwner) {
  std::string path;
  {
    TempDir first = *TempDir::Make("x-");
    TempDir second = std::move(first);
    path = second.path();
    EXPECT_TRUE(WriteFileAtomically(path + "/f", "x").ok());
  }
  EXPECT_FALSE(PathExists(path));
}

TEST_F(FileTest, FreeSpaceIsKnown) { EXPECT_GT(*FreeDiskBytes(dir_.path()), 0u); }

}  // namespace
}  // namespace handoff
