// The audit log as it is kept, and what is done to it by hand.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/store/audit_reader.h"
#include "coordinator/store/sqlite_audit_reader.h"
#include "coordinator/store/sqlite_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() { Open(); }

  std::string Path() const { return dir_.path() + "/handoff.db"; }
  void Open() {
    store_.reset();
    auto opened = SqliteStore::Open(Path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    auto reader = SqliteAuditReader::Open(Path());
    ASSERT_TRUE(reader.ok()) << reader.status();
    reader_ = *std::move(reader);
    state_ = *store_->Load(/*new_term=*/false);
  }
  // Entries by real decisions: each adds a user.
  void Write(int count) {
    std::vector<core::Edit> edits;
    for (int i = 0; i < count; ++i) {
      core::AddUser add{{"root", "a1", "10.0.0.1", true}, "", core::Role::kMember, {}};
      add.name = absl::StrCat("user-", state_.identity().users().size());
      auto decision = core::Decide(state_, add, absl::FromUnixSeconds(1'800'000'000 + i));
      ASSERT_TRUE(decision.ok() && decision->refusal.ok());
      state_.Apply(decision->edit);
      edits.push_back(std::move(decision->edit));
    }
    ASSERT_TRUE(store_->Commit(edits).ok());
  }
  // By hand, with another program.
  void Edit(const std::string& sql) {
    auto db = Database::Open(Path(), Database::Access::kWriter);
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::Status done = db->Execute(sql);
    ASSERT_TRUE(done.ok()) << done;
  }
  AuditVerdict Verify(const std::optional<core::AuditHead>& known = {}) {
    const auto verdict = VerifyAudit(*reader_, known);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict.ok() ? *verdict : AuditVerdict{};
  }

  TempDir dir_ = *TempDir::Make("audit-test-");
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<SqliteAuditReader> reader_;
  core::State state_;
};

TEST_F(AuditTest, AnEmptyLogIsWhole) {
  const AuditVerdict verdict = Verify();
  EXPECT_EQ(verdict.entries, 0u);
  EXPECT_EQ(verdict.wrong, 0u) << verdict.finding;
}

TEST_F(AuditTest, WhatWasWrittenIsReadInPagesAndWholeThroughRestarts) {
  Write(3);
  Open();
  Write(2);
  const auto all = reader_->Audit(0, 100);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 5u);
  EXPECT_EQ(all->at(0).action, "AddUser");
  EXPECT_EQ(all->at(0).actor, "coordinator");
  EXPECT_EQ(all->at(0).object, "user-0");
  EXPECT_EQ(all->at(0).address, "10.0.0.1");
  EXPECT_EQ(all->at(0).at, absl::FromUnixSeconds(1'800'000'000));
  const auto page = reader_->Audit(2, 2);
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ(page->at(0), all->at(2));
  EXPECT_EQ(page->at(1), all->at(3));
  EXPECT_TRUE(reader_->Audit(5, 10)->empty());
  const AuditVerdict verdict = Verify();
  EXPECT_EQ(verdict.entries, 5u);
  EXPECT_EQ(verdict.wrong, 0u) << verdict.finding;
  EXPECT_EQ(verdict.head, state_.identity().audit_head());
  EXPECT_EQ(verdict.head.hash, all->back().hash);
}

TEST_F(AuditTest, AnEditedEntryIsFound) {
  Write(5);
  for (const char* edit : {"actor='eve'", "serial='b2'", "address='x'", "action='x'", "object='x'",
                           "outcome=2", "detail='x'", "at=at+1", "at=NULL", "hash='x'"}) {
    SCOPED_TRACE(edit);
    Edit("CREATE TABLE saved AS SELECT * FROM audit");
    Edit(absl::StrCat("UPDATE audit SET ", edit, " WHERE seq=3"));
    const AuditVerdict verdict = Verify();
    EXPECT_EQ(verdict.wrong, 3u);
    EXPECT_EQ(verdict.entries, 2u);
    EXPECT_THAT(verdict.finding, HasSubstr("entry 3"));
    Edit("DELETE FROM audit; INSERT INTO audit SELECT * FROM saved; DROP TABLE saved");
    EXPECT_EQ(Verify().wrong, 0u);
  }
}

TEST_F(AuditTest, AnEntryThatWasGivenAFittingHashIsFoundByTheNext) {
  Write(5);
  core::AuditEntry third = reader_->Audit(2, 1)->at(0);
  third.object = "nobody";
  const std::string fits = core::AuditHash(reader_->Audit(1, 1)->at(0).hash, third);
  Edit(absl::StrCat("UPDATE audit SET object='nobody', hash='", fits, "' WHERE seq=3"));
  EXPECT_EQ(Verify().wrong, 4u);
  Edit("DELETE FROM audit WHERE seq>3");
  EXPECT_EQ(Verify().wrong, 4u) << "cut off there, the head still knows";
  Edit("UPDATE meta SET audit_seq=3");
  EXPECT_EQ(Verify().wrong, 3u) << "the head has another hash";
}

TEST_F(AuditTest, ARemovedEntryIsFoundAlsoWhenTheOthersMoveUp) {
  Write(5);
  Edit("DELETE FROM audit WHERE seq=3");
  EXPECT_EQ(Verify().wrong, 3u);
  EXPECT_THAT(Verify().finding, HasSubstr("removed"));
  Edit("UPDATE audit SET seq=seq-1 WHERE seq>3");
  EXPECT_EQ(Verify().wrong, 3u);
  Edit("DELETE FROM audit WHERE seq=1");
  EXPECT_EQ(Verify().wrong, 1u);
}

TEST_F(AuditTest, EntriesThatChangedPlacesAreFound) {
  Write(5);
  Edit(
      "UPDATE audit SET seq=99 WHERE seq=2; UPDATE audit SET seq=2 WHERE seq=4;"
      "UPDATE audit SET seq=4 WHERE seq=99");
  EXPECT_EQ(Verify().wrong, 2u);
}

TEST_F(AuditTest, WhatWasCutOffAtTheEndIsFoundAndStaysSo) {
  Write(5);
  Edit("DELETE FROM audit WHERE seq>3");
  EXPECT_EQ(Verify().wrong, 4u);
  EXPECT_THAT(Verify().finding, HasSubstr("entries 4 to 5"));
  Open();
  Write(2);
  EXPECT_EQ(Verify().wrong, 4u);
  EXPECT_EQ(reader_->Audit(3, 10)->size(), 2u) << "it goes on behind what is missing";
}

TEST_F(AuditTest, WhatWasAddedAtTheEndIsFoundAndStopsNobody) {
  Write(3);
  Edit(
      "INSERT INTO audit SELECT 4,at,actor,serial,address,action,object,outcome,detail,'x' "
      "FROM audit WHERE seq=3");
  EXPECT_EQ(Verify().wrong, 4u);
  EXPECT_THAT(Verify().finding, HasSubstr("added"));
  Open();
  Write(2);
  EXPECT_EQ(Verify().wrong, 4u);
}

TEST_F(AuditTest, ALogThatWasEmptiedIsFoundByItsHead) {
  Write(2);
  Edit("DELETE FROM audit");
  EXPECT_EQ(Verify().wrong, 1u);
  Edit("UPDATE meta SET audit_seq=0");
  EXPECT_EQ(Verify().wrong, 1u) << "it says what the last one was";
}

// Who can write the file can write all of it anew; who kept a head elsewhere sees it.
TEST_F(AuditTest, ALogThatWasWrittenAnewIsFoundByAHeadThatWasKept) {
  Write(3);
  const core::AuditHead kept = Verify().head;
  Write(2);
  EXPECT_EQ(Verify(kept).wrong, 0u);
  std::string hash;
  const auto entries = reader_->Audit(0, 10);
  for (core::AuditEntry entry : *entries) {
    if (entry.seq == 2) entry.object = "nobody";
    hash = core::AuditHash(hash, entry);
    Edit(absl::StrCat("UPDATE audit SET object='", entry.object, "', hash='", hash,
                      "' WHERE seq=", entry.seq));
  }
  Edit(absl::StrCat("UPDATE meta SET audit_hash='", hash, "'"));
  EXPECT_EQ(Verify().wrong, 0u) << "not to be seen in the file alone";
  const AuditVerdict verdict = Verify(kept);
  EXPECT_EQ(verdict.wrong, 3u);
  EXPECT_THAT(verdict.finding, HasSubstr("written anew"));
}

TEST_F(AuditTest, RecordsFromAnOlderCopyAreFoundByAHeadThatWasKept) {
  Write(5);
  const core::AuditHead kept = Verify().head;
  Edit(
      "DELETE FROM audit WHERE seq>3; UPDATE meta SET audit_seq=3,"
      "audit_hash=(SELECT hash FROM audit WHERE seq=3)");
  EXPECT_EQ(Verify().wrong, 0u);
  EXPECT_EQ(Verify(kept).wrong, 4u);
}

TEST_F(AuditTest, ALongLogIsWalkedInPages) {
  Write(2100);
  EXPECT_EQ(Verify().entries, 2100u);
  EXPECT_EQ(Verify().wrong, 0u);
  Edit("UPDATE audit SET detail='x' WHERE seq=2050");
  EXPECT_EQ(Verify().wrong, 2050u);
}

}  // namespace
}  // namespace handoff
