// Files of sessions in a home that holds much else.

#include "worker/session_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/agent/registry.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kId[] = "11111111-2222-3333-4444-555555555555";

class SessionFilesTest : public ::testing::Test {
 protected:
  SessionPlace Place(const std::string& directory, const std::string& session = kId) const {
    return {home(), {}, directory, session};
  }
  std::string home() const { return dir_.path() + "/home"; }
  std::string root() const { return home() + "/.claude"; }
  std::string from() const { return dir_.path() + "/from"; }
  void Write(const std::string& path, const std::string& content) const {
    ASSERT_TRUE(MakeDirectories(path.substr(0, path.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  }
  std::vector<std::string> Find(const SessionPlace& place, bool running = false) const {
    return FindSession(SessionFilesOf(claude_, place), running).files;
  }
  absl::Status Put(const SessionPlace& place) const {
    return PlaceSession(claude_, place, from(), "h-2");
  }

  TempDir dir_ = *TempDir::Make("session-files-");
  const Agent& claude_ = *FindAgent("claude");
};

TEST(MatchesSessionPattern, AStarStaysWithinANameAndTwoMatchAnyDepth) {
  EXPECT_TRUE(MatchesSessionPattern("a/*/r-*-x.jsonl", "a/2026/r-1-x.jsonl"));
  EXPECT_FALSE(MatchesSessionPattern("a/*/r-*-x.jsonl", "a/2026/11/r-1-x.jsonl"));
  EXPECT_FALSE(MatchesSessionPattern("a/*.jsonl", "a/b/c.jsonl"));
  EXPECT_TRUE(MatchesSessionPattern("a/**", "a/b"));
  EXPECT_TRUE(MatchesSessionPattern("a/**", "a/b/c/d"));
  EXPECT_FALSE(MatchesSessionPattern("a/**", "a"));
  EXPECT_TRUE(MatchesSessionPattern("a/**/d", "a/d"));
  EXPECT_TRUE(MatchesSessionPattern("a/**/d", "a/b/c/d"));
  EXPECT_FALSE(MatchesSessionPattern("a/**/d", "b/d"));
}

TEST_F(SessionFilesTest, AllOfASessionAreFoundAndNothingElse) {
  const std::string folder = root() + "/projects/-w-repo/";
  Write(absl::StrCat(folder, kId, ".jsonl"), "a");
  Write(absl::StrCat(folder, kId, "/subagents/agent-1.jsonl"), "b");
  Write(absl::StrCat(folder, "99999999-2222-3333-4444-555555555555.jsonl"), "another session");
  Write(root() + "/settings.json", "{}");
  Write(dir_.path() + "/secret", "s");
  ASSERT_EQ(::symlink((dir_.path() + "/secret").c_str(), (folder + kId + "/link").c_str()), 0);
  EXPECT_THAT(Find(Place("/w/repo")),
              ElementsAre(absl::StrCat("projects/-w-repo/", kId, ".jsonl"),
                          absl::StrCat("projects/-w-repo/", kId, "/subagents/agent-1.jsonl")));
  EXPECT_THAT(Find(Place("/elsewhere")), IsEmpty());
}

TEST_F(SessionFilesTest, AStoreThatTheAgentWritesToIsLeftAloneWhileItRuns) {
  const std::string folder = absl::StrCat(root(), "/projects/-w/", kId);
  for (const char* name : {"log.jsonl", "s.db", "s.db-wal", "t.sqlite-shm", "t.sqlite"}) {
    Write(absl::StrCat(folder, "/", name), "x");
  }
  EXPECT_THAT(Find(Place("/w"), /*running=*/true),
              ElementsAre(absl::StrCat("projects/-w/", kId, "/log.jsonl")));
  EXPECT_EQ(Find(Place("/w")).size(), 5u);
}

TEST_F(SessionFilesTest, AnIdThatIsAPatternOrAPathNamesNothing) {
  Write(absl::StrCat(root(), "/projects/-w/", kId, ".jsonl"), "a");
  Write(root() + "/settings.jsonl", "{}");
  for (const char* id : {"*", "?", "../../settings", "..", ".", "", "a/b", "--help", "-1"}) {
    EXPECT_EQ(SessionFilesOf(claude_, Place("/w", id)).root, "") << id;
    EXPECT_THAT(Find(Place("/w", id)), IsEmpty()) << id;
    EXPECT_FALSE(Put(Place("/w", id)).ok()) << id;
  }
}

TEST_F(SessionFilesTest, WhatTooManyNamesLeaveOutIsSaid) {
  const std::string folder = absl::StrCat(root(), "/projects/-w/", kId);
  for (int i = 0; i < 400; ++i) Write(absl::StrCat(folder, "/", i, std::string(60, 'n')), "");
  Write(folder + ".jsonl", "the conversation");
  const FoundSession found = FindSession(SessionFilesOf(claude_, Place("/w")), false);
  EXPECT_EQ(found.files.at(0), absl::StrCat("projects/-w/", kId, ".jsonl"));
  EXPECT_LT(found.files.size(), 400u);
  EXPECT_THAT(found.left_out, HasSubstr("left out"));
}

TEST_F(SessionFilesTest, AreMovedToWhereTheAgentLooksOnThisHost) {
  Write(absl::StrCat(from(), "/projects/-there-repo/", kId, ".jsonl"), "talk");
  Write(absl::StrCat(from(), "/projects/-there-repo/", kId, "/tool-results/1.txt"), "r");
  ASSERT_TRUE(Put(Place("/here/repo")).ok());
  const std::string file = absl::StrCat(root(), "/projects/-here-repo/", kId, ".jsonl");
  EXPECT_EQ(ReadFile(file).value_or(""), "talk");
  EXPECT_EQ(Find(Place("/here/repo")).size(), 2u);
  struct stat info;
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((root() + "/projects/-here-repo").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(SessionFilesTest, WhatTheAgentWantsBesideThemIsWritten) {
  const Agent& qwen = *FindAgent("qwen");
  const std::string chats = "/projects/-here-repo/chats/";
  const std::string record = absl::StrCat(home(), "/.qwen", chats, kId, ".runtime.json");
  EXPECT_EQ(PlaceSession(qwen, Place("/here/repo"), from(), "h-2").code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(PathExists(record));
  Write(absl::StrCat(from(), "/projects/-there-repo/chats/", kId, ".jsonl"), "talk");
  ASSERT_TRUE(PlaceSession(qwen, Place("/here/repo"), from(), "h-2").ok());
  EXPECT_EQ(ReadFile(absl::StrCat(home(), "/.qwen", chats, kId, ".jsonl")).value_or(""), "talk");
  EXPECT_THAT(ReadFile(record).value_or(""), HasSubstr("\"work_dir\":\"/here/repo\""));
}

TEST_F(SessionFilesTest, NothingButThisSessionIsWritten) {
  Write(absl::StrCat(from(), "/projects/-w/", kId, ".jsonl"), "talk");
  Write(from() + "/settings.json", "{\"hooks\":1}");
  Write(from() + "/projects/-w/another.jsonl", "x");
  ASSERT_TRUE(Put(Place("/w")).ok());
  EXPECT_FALSE(PathExists(root() + "/settings.json"));
  EXPECT_FALSE(PathExists(root() + "/projects/-w/another.jsonl"));
}

TEST_F(SessionFilesTest, ALinkLeadsNowhere) {
  Write(absl::StrCat(from(), "/projects/-w/", kId, ".jsonl"), "talk");
  ASSERT_TRUE(MakeDirectories(dir_.path() + "/outside").ok());
  ASSERT_TRUE(MakeDirectories(root()).ok());
  ASSERT_EQ(::symlink((dir_.path() + "/outside").c_str(), (root() + "/projects").c_str()), 0);
  EXPECT_FALSE(Put(Place("/w")).ok());
  EXPECT_THAT(*ListDirectory(dir_.path() + "/outside"), IsEmpty());
}

TEST_F(SessionFilesTest, WhatIsThereGoesOnOrIsKeptAside) {
  const std::string file = absl::StrCat(root(), "/projects/-w/", kId, ".jsonl");
  const std::string fresh = absl::StrCat(from(), "/projects/-w/", kId, ".jsonl");
  const std::string aside = file + ".h-2.bak";
  Write(file, "one\n");
  Write(fresh, "one\ntwo\n");
  ASSERT_TRUE(Put(Place("/w")).ok());
  EXPECT_EQ(*ReadFile(file), "one\ntwo\n");
  EXPECT_FALSE(PathExists(aside)) << "it is the begin of the new one";
  Write(file, "one\ntwo\nthree\n");
  ASSERT_TRUE(Put(Place("/w")).ok());
  EXPECT_EQ(*ReadFile(file), "one\ntwo\n");
  EXPECT_EQ(ReadFile(aside).value_or(""), "one\ntwo\nthree\n");
  ASSERT_TRUE(Put(Place("/w")).ok());
  EXPECT_EQ(ReadFile(aside).value_or(""), "one\ntwo\nthree\n") << "done twice it is the same";
  EXPECT_THAT(Find(Place("/w")), ElementsAre(absl::StrCat("projects/-w/", kId, ".jsonl")));
}

TEST_F(SessionFilesTest, NoneIsAnError) {
  ASSERT_TRUE(MakeDirectories(from()).ok());
  EXPECT_TRUE(absl::IsNotFound(Put(Place("/w"))));
}

}  // namespace
}  // namespace handoff::worker
