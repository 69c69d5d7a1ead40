#include "worker/checks_log.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kAll = UINT64_MAX;

class ChecksLogTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string Put(const std::string& name, const std::string& bytes) const {
    EXPECT_TRUE(WriteFileAtomically(Path(name), bytes).ok());
    return Path(name);
  }
  std::string Content() const { return ReadFile(Path("checks.log")).value(); }
  TempDir dir_ = *TempDir::Make("checks-");
  ChecksLog log_{Path("checks.log")};
};

TEST_F(ChecksLogTest, EachCheckStandsBetweenItsCommandAndItsEnd) {
  ASSERT_TRUE(log_.Begin().ok());
  ASSERT_TRUE(log_.BeginCheck("make a", Put("a", "one\ntwo\n")).ok());
  EXPECT_FALSE(*log_.Copy(8, kAll));
  ASSERT_TRUE(log_.EndCheck("exit status 0 after 0.1 s").ok());
  ASSERT_TRUE(log_.BeginCheck("make b", Put("b", "no newline")).ok());
  EXPECT_FALSE(*log_.Copy(10, kAll));
  ASSERT_TRUE(log_.EndCheck("exit status 1 after 3.2 s").ok());
  ASSERT_TRUE(log_.BeginCheck("quiet", Put("c", "")).ok());
  ASSERT_TRUE(log_.EndCheck("exit status 2 after 0.0 s").ok());
  const std::string all =
      "$ make a\none\ntwo\n[exit status 0 after 0.1 s]\n"
      "$ make b\nno newline\n[exit status 1 after 3.2 s]\n"
      "$ quiet\n[exit status 2 after 0.0 s]\n";
  EXPECT_EQ(Content(), all);
  EXPECT_EQ(log_.size(), all.size());
}

TEST_F(ChecksLogTest, ItIsTheSameInHoweverManySteps) {
  std::string bytes;
  while (bytes.size() < 700'000) absl::StrAppend(&bytes, bytes.size(), "\n");
  const std::string source = Put("a", bytes);
  ASSERT_TRUE(log_.Begin().ok());
  ASSERT_TRUE(log_.BeginCheck("x", source).ok());
  EXPECT_TRUE(*log_.Copy(bytes.size(), 1)) << "there is more";
  EXPECT_FALSE(*log_.Copy(300'000, kAll));
  EXPECT_FALSE(*log_.Copy(200'000, kAll)) << "less than it had is nothing new";
  EXPECT_FALSE(*log_.Copy(bytes.size(), kAll));
  EXPECT_EQ(Content(), "$ x\n" + bytes);
  ASSERT_TRUE(log_.Begin().ok());
  EXPECT_EQ(Content(), "");
  EXPECT_EQ(log_.size(), 0u);
}

TEST_F(ChecksLogTest, ALinkInItsPlaceIsNotFollowed) {
  const std::string other = Put("other", "mine");
  ASSERT_EQ(::symlink(other.c_str(), Path("checks.log").c_str()), 0);
  ASSERT_TRUE(log_.Begin().ok());
  ASSERT_TRUE(log_.BeginCheck("x", other).ok());
  EXPECT_EQ(*ReadFile(other), "mine");
  EXPECT_EQ(Content(), "$ x\n");
}

TEST_F(ChecksLogTest, WhatCannotBeReadIsAnError) {
  ASSERT_TRUE(log_.Begin().ok());
  ASSERT_TRUE(log_.BeginCheck("x", Path("none")).ok());
  EXPECT_FALSE(log_.Copy(5, kAll).ok());
  EXPECT_FALSE(*log_.Copy(0, kAll)) << "nothing is asked of it";
  ASSERT_TRUE(log_.BeginCheck("y", Put("short", "abc")).ok());
  EXPECT_FALSE(log_.Copy(5, kAll).ok());
}

}  // namespace
}  // namespace handoff::worker
