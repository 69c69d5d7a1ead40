#include "common/identity/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;

class PrivateFileTest : public ::testing::Test {
 protected:
  PrivateFileTest() : dir_(*TempDir::Make("private-")), path_(dir_.path() + "/key") {}
  static unsigned ModeOf(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }
  TempDir dir_;
  std::string path_;
};

TEST_F(PrivateFileTest, IsForItsOwnerOnlyAndWhole) {
  ASSERT_TRUE(WriteFileAtomically(path_, "old", 0666).ok());
  ASSERT_TRUE(WritePrivateFile(path_, "new").ok());
  EXPECT_EQ(ModeOf(path_), 0600u);
  const auto read = ReadPrivateFile(path_, 3);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->Reveal(), "new");
  EXPECT_THAT(*ListDirectory(dir_.path()), ElementsAre("key"));
}

TEST_F(PrivateFileTest, CreatingNeverReplaces) {
  ASSERT_TRUE(CreatePrivateFile(path_, "first").ok());
  EXPECT_EQ(ModeOf(path_), 0600u);
  EXPECT_THAT(CreatePrivateFile(path_, "second"),
              Refuses(absl::StatusCode::kAlreadyExists, "it was not replaced"));
  EXPECT_EQ(*ReadFile(path_), "first");
  ASSERT_EQ(::symlink("nowhere", (dir_.path() + "/link").c_str()), 0);
  EXPECT_THAT(CreatePrivateFile(dir_.path() + "/link", "x"),
              Refuses(absl::StatusCode::kAlreadyExists, "it was not replaced"));
  EXPECT_THAT(*ListDirectory(dir_.path()), ElementsAre("key", "link"));
  EXPECT_FALSE(CreatePrivateFile(dir_.path() + "/absent/key", "x").ok());
}

TEST_F(PrivateFileTest, WhatAKilledCallLeftIsToldFromAllElse) {
  EXPECT_TRUE(IsHalfMade("key.tmp-0123456789abcdef", "key"));
  for (const char* other :
       {"key", "key.tmp-", "key.tmp-0123456789abcde", "key.tmp-0123456789abcdeg",
        "key2.tmp-0123456789abcdef", "xkey.tmp-0123456789abcdef"}) {
    EXPECT_FALSE(IsHalfMade(other, "key")) << other;
  }
}

TEST_F(PrivateFileTest, IsRefusedWhenOthersCouldHaveIt) {
  for (const unsigned mode : {0640u, 0620u, 0610u, 0604u, 0602u, 0601u, 0644u, 0666u, 0777u}) {
    ASSERT_TRUE(WritePrivateFile(path_, "key").ok());
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(ReadPrivateFile(path_, 100).status(),
                Refuses(absl::StatusCode::kFailedPrecondition, "is open to other users (mode 0"));
  }
  for (const unsigned mode : {0600u, 0400u}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_TRUE(ReadPrivateFile(path_, 100).ok());
  }
}

TEST_F(PrivateFileTest, IsRefusedWhenItIsAnothersOrNoFile) {
  const struct {
    const char* words;
    std::function<int()> make;
  } cases[] = {
      {"is a symbolic link",
       [&] {
         return WritePrivateFile(path_ + ".real", "key").ok()
                    ? ::symlink((path_ + ".real").c_str(), path_.c_str())
                    : -1;
       }},
      {"is a symbolic link", [&] { return ::symlink("nowhere", path_.c_str()); }},
      {"is no regular file", [&] { return ::mkfifo(path_.c_str(), 0600); }},
      {"is no regular file", [&] { return ::mkdir(path_.c_str(), 0700); }},
  };
  for (const auto& c : cases) {
    ASSERT_EQ(c.make(), 0);
    EXPECT_THAT(ReadPrivateFile(path_, 100).status(),
                Refuses(absl::StatusCode::kFailedPrecondition, c.words));
    ASSERT_TRUE(RemoveTree(path_).ok());
  }
  if (::geteuid() != 0) return;  // others cannot give a file away
  ASSERT_TRUE(WritePrivateFile(path_, "key").ok());
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_THAT(ReadPrivateFile(path_, 100).status(),
              Refuses(absl::StatusCode::kFailedPrecondition, "belongs to another user (uid 65534"));
}

TEST_F(PrivateFileTest, AbsentAndTooLargeAreTold) {
  EXPECT_EQ(ReadPrivateFile(path_, 100).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WritePrivateFile(path_, std::string(101, 'x')).ok());
  EXPECT_THAT(
      ReadPrivateFile(path_, 100).status(),
      Refuses(absl::StatusCode::kResourceExhausted, "is larger than the allowed 100 bytes"));
  EXPECT_EQ(ReadPrivateFile(path_, 101)->size(), 101u);
}

}  // namespace
}  // namespace handoff
