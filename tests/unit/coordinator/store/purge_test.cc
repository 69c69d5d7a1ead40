// What is left of a handoff when it was deleted, and when it was purged.
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "coordinator/store/sqlite_reader.h"
#include "coordinator/store/sqlite_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/coordinator/store/records.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PurgeTest : public ::testing::Test {
 protected:
  PurgeTest() { Reopen(); }

  std::string Path() const { return dir_.path() + "/handoff.db"; }
  void Reopen() {
    reader_.reset();
    store_.reset();
    store_ = *SqliteStore::Open(Path());
    reader_ = *SqliteReader::Open(Path());
  }
  // With rows in every table.
  core::Handoff Full(uint64_t seq) {
    RecordSource source(static_cast<uint32_t>(seq));
    core::Handoff handoff = source.NewHandoff(seq);
    while (handoff.messages.empty() || handoff.edits.empty() || handoff.attempts.empty())
      source.Change(handoff);
    handoff.id = absl::StrCat("20261120-secret-", seq);
    handoff.owner = "ann";
    handoff.idempotency_key = absl::StrCat("key-", seq);
    handoff.status = core::HandoffStatus::kFailed;
    handoff.ended_at = absl::FromUnixSeconds(1000 + static_cast<int64_t>(seq));
    handoff.deleted = false;
    handoff.attempts.back().checkpoint.packs = {std::string(64, 'a')};
    return handoff;
  }
  absl::Status Put(const core::Handoff& handoff) {
    return store_->Commit({core::Edit{{core::PutHandoff{handoff}}}});
  }
  static core::PurgeHandoff PurgeOf(const core::Handoff& handoff) {
    return {handoff.id, handoff.seq, absl::FromUnixSeconds(1'795'000'000), "ada", {"u-1", "u-2"}};
  }
  // Rows of all tables that say something of this handoff.
  int64_t RowsOf(const core::Handoff& handoff) {
    Database db = *Database::Open(Path(), Database::Access::kReader);
    int64_t rows = 0;
    for (const char* table :
         {"handoffs", "specs", "attempts", "messages", "edits", "objects_needed"}) {
      const int64_t count =
          *db.QueryInt(absl::StrCat("SELECT count(*) FROM ", table, " WHERE seq=", handoff.seq));
      if (rows_expected_) {
        EXPECT_GT(count, 0) << table;
      }
      rows += count;
    }
    return rows;
  }

  const TempDir dir_ = *TempDir::Make("purge-test-");
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<SqliteReader> reader_;
  bool rows_expected_ = true;
};

TEST_F(PurgeTest, EveryRowGoesAndThatItWasThereStays) {
  const core::Handoff handoff = Full(1), other = Full(2);
  RecordSource source(9);
  core::Event event = source.Event(1, handoff.id);
  event.message = "words of the task";
  ASSERT_TRUE(store_->Commit({core::Edit{{core::AddEvent{event}}}}).ok());
  ASSERT_TRUE(Put(handoff).ok());
  ASSERT_TRUE(Put(other).ok());
  EXPECT_GT(RowsOf(handoff), 0);
  core::Event purged = source.Event(2, handoff.id);
  purged.message = "Purged by ada.";
  ASSERT_TRUE(store_->Commit({core::Edit{{PurgeOf(handoff), core::AddEvent{purged}}}}).ok());
  rows_expected_ = false;
  EXPECT_EQ(RowsOf(handoff), 0);
  EXPECT_TRUE(*store_->Find(other.id) == core::DurablePart(other)) << "and nothing else";

  EXPECT_TRUE(*store_->WasPurged(handoff.id));
  EXPECT_FALSE(*store_->WasPurged(other.id));
  EXPECT_TRUE(*reader_->WasPurged(handoff.id, Eyes()));
  EXPECT_TRUE(absl::IsNotFound(store_->Find(handoff.id).status()));
  EXPECT_FALSE(store_->FindByIdempotencyKey("ann", "key-1")->has_value());
  const absl::Status gone = reader_->Resolve(handoff.id, IdRule::kPreferLive, {}).status();
  EXPECT_TRUE(absl::IsNotFound(gone));
  EXPECT_THAT(std::string(gone.message()), HasSubstr("was purged by ada on 2026-11-1"));
  EXPECT_THAT(std::string(reader_->Get(handoff.id).status().message()), HasSubstr("by ada"));

  const auto events = reader_->Events(0, handoff.id, 10, {});
  ASSERT_EQ(events->size(), 2u);
  EXPECT_EQ((*events)[0].message, "") << "it may hold words of the task";
  EXPECT_EQ((*events)[0].kind, event.kind);
  EXPECT_EQ((*events)[1].message, "Purged by ada.");
}

TEST_F(PurgeTest, ItsIdIsNeverGivenAgain) {
  const core::Handoff handoff = Full(1);
  ASSERT_TRUE(Put(handoff).ok());
  ASSERT_TRUE(store_->Commit({core::Edit{{PurgeOf(handoff)}}}).ok());
  Reopen();
  EXPECT_EQ(*store_->FreeId(handoff.id), handoff.id + "-2");
}

TEST_F(PurgeTest, WhatItsBatchWroteBeforeDoesNotComeBack) {
  const core::Handoff handoff = Full(1);
  ASSERT_TRUE(
      store_->Commit({core::Edit{{core::PutHandoff{handoff}}}, core::Edit{{PurgeOf(handoff)}}})
          .ok());
  rows_expected_ = false;
  EXPECT_EQ(RowsOf(handoff), 0);
}

TEST_F(PurgeTest, WhichWorkersHaveSomethingOfItIsLoaded) {
  const core::Handoff handoff = Full(1);
  ASSERT_TRUE(Put(handoff).ok());
  ASSERT_TRUE(store_->Commit({core::Edit{{PurgeOf(handoff)}}}).ok());
  ASSERT_TRUE(store_->Commit({core::Edit{{core::PurgedFrom{handoff.id, "u-1"}}}}).ok());
  Reopen();
  core::State state = *store_->Load(/*new_term=*/true);
  EXPECT_THAT(state.purged().ids().at(handoff.id), ElementsAre("u-2"));
  EXPECT_THAT(state.purged().Of("u-1"), IsEmpty());
  ASSERT_TRUE(store_->Commit({core::Edit{{core::PurgedFrom{handoff.id, "u-2"}}}}).ok());
  state = *store_->Load(/*new_term=*/true);
  EXPECT_THAT(state.purged().ids(), IsEmpty());
  EXPECT_TRUE(*store_->WasPurged(handoff.id));
}

TEST_F(PurgeTest, OnlyItsOwnObjectsAreNoLongerNeeded) {
  core::Handoff handoff = Full(1), other = Full(2);
  other.attempts.back().checkpoint.packs = {std::string(64, 'b')};
  ASSERT_TRUE(Put(handoff).ok());
  ASSERT_TRUE(Put(other).ok());
  ASSERT_TRUE(*reader_->NeedsObject(std::string(64, 'a')));
  ASSERT_TRUE(store_->Commit({core::Edit{{PurgeOf(handoff)}}}).ok());
  EXPECT_FALSE(*reader_->NeedsObject(std::string(64, 'a')));
  EXPECT_TRUE(*reader_->NeedsObject(std::string(64, 'b')));
}

TEST_F(PurgeTest, ADeletedOneIsListedWhenAskedForAndNamedInFull) {
  core::Handoff handoff = Full(1);
  handoff.deleted = true;
  ASSERT_TRUE(Put(handoff).ok());
  ListFilter filter;
  EXPECT_THAT(reader_->List(filter)->handoffs, IsEmpty());
  filter.deleted = true;
  ASSERT_EQ(reader_->List(filter)->handoffs.size(), 1u);
  EXPECT_EQ(*reader_->Resolve(handoff.id, IdRule::kOnlyOne, {}), handoff.id);
  EXPECT_TRUE(absl::IsNotFound(reader_->Resolve("secret", IdRule::kOnlyOne, {}).status()));
  EXPECT_TRUE(absl::IsNotFound(reader_->Resolve("secret", IdRule::kPreferLive, {}).status()));
}

TEST_F(PurgeTest, WhatEndedFirstIsOldest) {
  for (const uint64_t seq : {3, 1, 2}) ASSERT_TRUE(Put(Full(seq)).ok());
  core::Handoff runs = Full(4);
  runs.status = core::HandoffStatus::kQueued;
  runs.ended_at = absl::InfinitePast();
  ASSERT_TRUE(Put(runs).ok());
  const auto before = [&](int64_t seconds, int limit) {
    return *reader_->EndedBefore(absl::FromUnixSeconds(seconds), limit);
  };
  EXPECT_THAT(before(1003, 10), ElementsAre("20261120-secret-1", "20261120-secret-2"));
  EXPECT_THAT(before(5000, 1), ElementsAre("20261120-secret-1"));
  EXPECT_THAT(before(1001, 10), IsEmpty());
}

TEST_F(PurgeTest, NoTableIsReadThroughForIt) {
  Database db = *Database::Open(Path(), Database::Access::kReader);
  for (const char* table :
       {"handoffs", "specs", "attempts", "messages", "edits", "objects_needed"}) {
    Statement plan =
        *db.Prepare(absl::StrCat("EXPLAIN QUERY PLAN DELETE FROM ", table, " WHERE seq=1"));
    ASSERT_TRUE(*plan.Step());
    EXPECT_THAT(std::string(plan.Bytes(3)), HasSubstr("SEARCH")) << table;
  }
}

}  // namespace
}  // namespace handoff
