#include "worker/identity.h"

#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() { EXPECT_TRUE(MakeDirectories(data()).ok()); }
  std::string path(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }
  std::string data() const { return path("data"); }
  static absl::StatusOr<Identity> Begin(const std::string& data) {
    return BeginStart(data + "/identity.json", data);
  }
  std::string Mark(const std::string& directory, const std::string& machine_id) const {
    const std::string file = path("machine-id");
    EXPECT_TRUE(WriteFileAtomically(file, machine_id + "\n").ok());
    return DirectoryMark(directory, file).value();
  }

  TempDir dir_ = *TempDir::Make("identity-");
};

TEST_F(IdentityTest, EveryStartCountsAndKeepsTheRest) {
  Identity first = Begin(data()).value();
  first.pool_id = "pool";
  ASSERT_TRUE(SaveIdentity(data() + "/identity.json", first).ok());
  const Identity second = Begin(data()).value();
  EXPECT_EQ(first.start, 1u);
  EXPECT_EQ(second.start, 2u);
  EXPECT_EQ(second.uuid, first.uuid);
  EXPECT_EQ(second.pool_id, "pool");
  EXPECT_NE(second.nonce, first.nonce);
}

TEST_F(IdentityTest, AFurtherStartWritesNoNewFile) {
  ASSERT_TRUE(Begin(data()).ok());
  const auto written = std::filesystem::last_write_time(data() + "/identity.json");
  EXPECT_EQ(Begin(data()).value().start, 2u);
  EXPECT_EQ(Begin(data()).value().start, 3u);
  EXPECT_EQ(std::filesystem::last_write_time(data() + "/identity.json"), written)
      << "on a full disk the daemon could not start";
}

TEST_F(IdentityTest, ALostCounterGoesOnFromTheIdentity) {
  Identity identity = Begin(data()).value();
  identity.start = 7;
  ASSERT_TRUE(SaveIdentity(data() + "/identity.json", identity).ok());
  ASSERT_TRUE(RemoveTree(data() + "/start").ok());
  EXPECT_EQ(Begin(data()).value().start, 8u);
}

TEST_F(IdentityTest, ACopiedDirectoryIsRefusedAndLeftAsItIs) {
  ASSERT_TRUE(Begin(data()).ok());
  std::filesystem::copy(data(), path("copy"), std::filesystem::copy_options::recursive);
  const std::string before = *ReadFile(path("copy/identity.json"));
  const absl::Status refused = Begin(path("copy")).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("remove \"directory\""));
  EXPECT_EQ(*ReadFile(path("copy/identity.json")), before);
  EXPECT_TRUE(Begin(data()).ok()) << "the original must not suffer";
}

TEST_F(IdentityTest, ADirectoryWithAnotherNameIsTheSameOne) {
  const Identity before = Begin(data()).value();
  ASSERT_EQ(std::rename(data().c_str(), path("renamed").c_str()), 0);
  EXPECT_EQ(Begin(path("renamed")).value().uuid, before.uuid);
}

TEST_F(IdentityTest, WithoutItsMarkACopyGoesOnAsTheSameWorker) {
  const Identity before = Begin(data()).value();
  std::filesystem::copy(data(), path("copy"), std::filesystem::copy_options::recursive);
  const std::string text = absl::StrReplaceAll(*ReadFile(path("copy/identity.json")),
                                               {{"\"directory\"", "\"removed\""}});
  ASSERT_TRUE(WriteFileAtomically(path("copy/identity.json"), text).ok());
  EXPECT_EQ(Begin(path("copy")).value().uuid, before.uuid);
  EXPECT_EQ(Begin(path("copy")).value().start, before.start + 2);  // and it has a mark of its own
}

TEST_F(IdentityTest, AnotherHostOrDirectoryHasAnotherMark) {
  ASSERT_TRUE(MakeDirectories(path("other")).ok());
  EXPECT_EQ(Mark(data(), "host-1"), Mark(data(), "host-1"));
  EXPECT_NE(Mark(data(), "host-1"), Mark(data(), "host-2"));
  EXPECT_NE(Mark(data(), "host-1"), Mark(path("other"), "host-1"));
}

TEST_F(IdentityTest, WhatIsNotKnownOfAHostRefusesNobody) {
  Identity identity = Begin(data()).value();
  const std::string mark = DirectoryMark(data()).value();
  identity.directory = "-" + mark.substr(mark.find('/'));
  ASSERT_TRUE(SaveIdentity(data() + "/identity.json", identity).ok());
  EXPECT_TRUE(Begin(data()).ok());
}

TEST_F(IdentityTest, AnUnreadableFileIsNotReplaced) {
  ASSERT_TRUE(WriteFileAtomically(data() + "/identity.json", "{\"uuid\":").ok());
  EXPECT_EQ(Begin(data()).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*ReadFile(data() + "/identity.json"), "{\"uuid\":");
}

TEST_F(IdentityTest, AJoinCountsNoStartAndTheFirstStartGoesOnWithIt) {
  const std::string file = data() + "/identity.json";
  const Identity joined = IdentityToJoin(file, data()).value();
  EXPECT_EQ(joined.start, 0u);
  EXPECT_EQ(ReadIdentity(file)->uuid, joined.uuid);
  EXPECT_NE(IdentityToJoin(file, data())->uuid, joined.uuid) << "that one never started";
  const Identity last = ReadIdentity(file).value();
  const Identity started = Begin(data()).value();
  EXPECT_EQ(started.uuid, last.uuid);
  EXPECT_EQ(started.start, 1u);
  EXPECT_EQ(IdentityToJoin(file, data())->uuid, last.uuid) << "what it ran is known by that one";
}

}  // namespace
}  // namespace handoff::worker
