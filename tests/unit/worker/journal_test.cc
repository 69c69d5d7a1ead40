#include "worker/journal.h"

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using Map = std::map<std::string, std::string>;

class JournalTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.path() + "/journal"; }
  std::unique_ptr<Journal> Open() const {
    auto journal = Journal::Open(path());
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }
  Map Reopened() const { return Open()->Entries(); }

  TempDir dir_ = *TempDir::Make("journal-");
};

TEST_F(JournalTest, WhatWasPutIsThereAgain) {
  ASSERT_TRUE(Open()->Put("a/1", "end").ok());
  EXPECT_THAT(Reopened(), UnorderedElementsAre(Pair("a/1", "end")));
}

TEST_F(JournalTest, LastPutOfAKeyCounts) {
  auto journal = Open();
  ASSERT_TRUE(journal->Put("a/1", "first").ok());
  ASSERT_TRUE(journal->Put("a/1", "second").ok());
  EXPECT_THAT(Reopened(), UnorderedElementsAre(Pair("a/1", "second")));
}

TEST_F(JournalTest, RemovalIsWrittenWithTheNextPut) {
  auto journal = Open();
  ASSERT_TRUE(journal->Put("a/1", "end").ok());
  journal->Remove("a/1");
  EXPECT_THAT(journal->Entries(), IsEmpty());
  ASSERT_TRUE(journal->Put("b/1", "end").ok());
  EXPECT_THAT(Reopened(), UnorderedElementsAre(Pair("b/1", "end")));
}

TEST_F(JournalTest, AFileCutAnywhereKeepsAllWholeRecordsBefore) {
  std::vector<std::pair<size_t, Map>> whole = {{0, {}}};
  {
    auto journal = Open();
    Map expected;
    for (int i = 0; i < 5; ++i) {
      const std::string key = absl::StrCat("h/", i);
      expected[key] = std::string(i * 7, static_cast<char>('a' + i));
      ASSERT_TRUE(journal->Put(key, expected[key]).ok());
      whole.emplace_back(*FileSize(path()), expected);
    }
  }
  const std::string content = *ReadFile(path());
  for (size_t cut = 0; cut <= content.size(); ++cut) {
    ASSERT_TRUE(WriteFileAtomically(path(), content.substr(0, cut)).ok());
    Map expected;
    for (const auto& [size, entries] : whole) {
      if (size <= cut) expected = entries;
    }
    EXPECT_EQ(Reopened(), expected) << "cut at " << cut;
  }
}

TEST_F(JournalTest, AFlippedByteEndsTheFileThereAndNowhereEarlier) {
  size_t first = 0;
  {
    auto journal = Open();
    ASSERT_TRUE(journal->Put("a/1", "one").ok());
    first = *FileSize(path());
    ASSERT_TRUE(journal->Put("b/1", "two").ok());
  }
  const std::string content = *ReadFile(path());
  for (size_t at = 0; at < content.size(); ++at) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    ASSERT_TRUE(WriteFileAtomically(path(), damaged).ok());
    const Map expected = at < first ? Map{} : Map{{"a/1", "one"}};
    EXPECT_EQ(Reopened(), expected) << "byte " << at;
  }
}

TEST_F(JournalTest, PutsAfterATornTailAreKept) {
  ASSERT_TRUE(Open()->Put("a/1", "one").ok());
  const std::string content = *ReadFile(path());
  ASSERT_TRUE(WriteFileAtomically(path(), content + content.substr(0, 9)).ok());
  ASSERT_TRUE(Open()->Put("b/1", "two").ok());
  EXPECT_THAT(Reopened(), UnorderedElementsAre(Pair("a/1", "one"), Pair("b/1", "two")));
}

TEST_F(JournalTest, WhatCannotBeReadIsKeptForAPerson) {
  ASSERT_TRUE(Open()->Put("a/1", "one").ok());
  EXPECT_FALSE(PathExists(path() + ".damaged"));
  const std::string sound = *ReadFile(path());
  const std::string rest = "damaged" + sound;
  ASSERT_TRUE(WriteFileAtomically(path(), sound + rest).ok());
  EXPECT_THAT(Reopened(), UnorderedElementsAre(Pair("a/1", "one")));
  EXPECT_EQ(ReadFile(path() + ".damaged").value(), rest);
}

TEST_F(JournalTest, DeadRecordsDoNotFillTheDisk) {
  auto journal = Open();
  const std::string value(64 << 10, 'x');
  for (int i = 0; i < 200; ++i) {
    const std::string key = absl::StrCat("h/", i);
    ASSERT_TRUE(journal->Put(key, value).ok());
    if (i > 0) journal->Remove(absl::StrCat("h/", i - 1));
  }
  EXPECT_LT(*FileSize(path()), uint64_t{6} << 20);
  // The last removal waits for a put.
  const Map entries = Reopened();
  EXPECT_LE(entries.size(), 2u);
  EXPECT_EQ(entries.count("h/199"), 1u);
}

TEST_F(JournalTest, AllSlotsMayPutAtOnce) {
  {
    auto journal = Open();
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&journal, t] {
        for (int i = 0; i < 20; ++i) {
          EXPECT_TRUE(journal->Put(absl::StrCat(t, "/", i), absl::StrCat(i)).ok());
          if (i % 2 == 1) journal->Remove(absl::StrCat(t, "/", i - 1));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(journal->Put("last", "").ok());
  }
  EXPECT_EQ(Reopened().size(), 8u * 10 + 1);
}

}  // namespace
}  // namespace handoff::worker
