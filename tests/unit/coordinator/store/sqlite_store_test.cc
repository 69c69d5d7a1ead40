#include "coordinator/store/sqlite_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "coordinator/store/sqlite_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/coordinator/store/records.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() { Reopen(); }

  std::string Path() const { return dir_.path() + "/handoff.db"; }
  void Reopen(SqliteStoreOptions options = {}) {
    store_.reset();
    auto opened = SqliteStore::Open(Path(), options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  absl::Status Put(const core::Handoff& handoff) {
    return store_->Commit({core::Edit{{core::PutHandoff{handoff}}}});
  }

  TempDir dir_ = *TempDir::Make("store-test-");
  std::unique_ptr<SqliteStore> store_;
};

// What the store must give back, kept the simple way.
struct Expected {
  std::map<std::string, core::Handoff> handoffs;
  std::map<std::string, core::Worker> workers;
  std::map<std::pair<std::string, std::string>, core::Hold> holds;
  std::map<std::string, core::User> users;
  std::map<std::string, core::Token> tokens;
  std::map<std::string, core::Credential> credentials;
  core::AuditHead audit;
  uint64_t revision = 0, epoch_counter = 0, next_seq = 1;
};

void ExpectLoads(SqliteStore& store, const Expected& expected) {
  const absl::StatusOr<core::State> state = store.Load(/*new_term=*/false);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->revision, expected.revision);
  EXPECT_EQ(state->epoch_counter, expected.epoch_counter);
  EXPECT_EQ(state->next_seq, expected.next_seq);
  size_t live = 0;
  for (const auto& [id, handoff] : expected.handoffs) {
    const absl::StatusOr<core::Handoff> found = store.Find(id);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_TRUE(*found == core::DurablePart(handoff)) << id;
    if (core::IsAtRest(handoff.status)) continue;
    ++live;
    const core::Handoff* loaded = state->FindHandoff(id);
    ASSERT_NE(loaded, nullptr) << id;
    EXPECT_TRUE(*loaded == *found) << id;
  }
  EXPECT_EQ(state->handoffs().size(), live);
  core::OwnerIndex owners;  // at rest or not
  for (const auto& [id, handoff] : expected.handoffs) owners.Add(handoff);
  EXPECT_TRUE(state->owners() == owners);
  EXPECT_EQ(state->workers().size(), expected.workers.size());
  for (const auto& [uuid, worker] : expected.workers) {
    ASSERT_NE(state->FindWorker(uuid), nullptr);
    EXPECT_TRUE(*state->FindWorker(uuid) == core::DurablePart(worker));
  }
  EXPECT_EQ(state->holds().size(), expected.holds.size());
  for (const auto& [key, hold] : expected.holds) {
    ASSERT_NE(state->FindHold(key.first, key.second), nullptr);
    EXPECT_TRUE(*state->FindHold(key.first, key.second) == core::DurablePart(hold));
  }
  const core::IdentityRecords& identity = state->identity();
  EXPECT_EQ(identity.audit_head(), expected.audit);
  EXPECT_TRUE(std::ranges::equal(identity.users(), expected.users));
  EXPECT_TRUE(std::ranges::equal(identity.tokens(), expected.tokens));
  EXPECT_TRUE(std::ranges::equal(identity.credentials(), expected.credentials));
}

// The same for what is of identities.
core::Change RandomIdentity(RecordSource& source, Expected& expected) {
  switch (source.Below(6)) {
    case 0: {
      const core::User user = source.User(source.Below(3));
      return core::PutUser{expected.users[user.name] = user};
    }
    case 1: {
      const core::Token token = source.Token(source.Below(3));
      return core::PutToken{expected.tokens[token.id] = token};
    }
    case 2: {
      const core::Credential credential = source.Credential(source.Below(3));
      return core::PutCredential{expected.credentials[credential.serial] = credential};
    }
    case 3:
      if (source.Flip()) {
        expected.tokens.erase("token-1");
        return core::DropToken{"token-1"};
      }
      expected.credentials.erase("ab1");
      return core::DropCredential{"ab1"};
    default: {
      const core::AuditEntry entry = source.Audit(expected.audit);
      expected.audit = {entry.seq, entry.hash};
      return core::AddAudit{entry};
    }
  }
}

// One random change of anything, made in `expected` too.
core::Change RandomChange(RecordSource& source, Expected& expected) {
  switch (source.Below(12)) {
    case 9:
    case 10:
    case 11:
      return RandomIdentity(source, expected);
    case 0:
    case 1: {
      core::Handoff handoff = source.NewHandoff(expected.next_seq++);
      return core::PutHandoff{expected.handoffs[handoff.id] = handoff};
    }
    case 2:
    case 3:
    case 4: {
      if (expected.handoffs.empty()) return core::SetTicked{};
      auto any = expected.handoffs.begin();
      std::advance(any, source.Below(static_cast<int>(expected.handoffs.size())));
      source.Change(any->second);
      return core::PutHandoff{any->second};
    }
    case 5: {
      const core::Worker worker = source.Worker(source.Below(3));
      return core::PutWorker{expected.workers[worker.uuid] = worker};
    }
    case 6: {
      const core::Hold hold = source.Hold(source.Below(3));
      return core::PutHold{expected.holds[{hold.worker_uuid, hold.key}] = hold};
    }
    case 7: {
      if (source.Flip() && !expected.holds.empty()) {
        const auto key = expected.holds.begin()->first;
        expected.holds.erase(expected.holds.begin());
        return core::DropHold{key.first, key.second};
      }
      if (expected.workers.empty()) return core::SetEpochCounter{++expected.epoch_counter};
      const std::string uuid = expected.workers.begin()->first;
      expected.workers.erase(expected.workers.begin());
      return core::DropWorker{uuid};
    }
    default:
      return core::AddEvent{source.Event(++expected.revision, "20261120-task-1")};
  }
}

// Also in a directory that others may read, and for a file that an earlier version made.
TEST_F(SqliteStoreTest, IsReadByNobodyElse) {
  const auto is_private = [&](const char* suffix) {
    struct stat info = {};
    return ::stat((Path() + suffix).c_str(), &info) == 0 && (info.st_mode & 077) == 0;
  };
  RecordSource records(1);
  ASSERT_TRUE(Put(records.NewHandoff(1)).ok());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    EXPECT_TRUE(is_private(suffix)) << suffix;
    ASSERT_EQ(::chmod((Path() + suffix).c_str(), 0644), 0);
  }
  Reopen();
  ASSERT_TRUE(Put(records.NewHandoff(2)).ok());
  for (const char* suffix : {"", "-wal", "-shm"}) EXPECT_TRUE(is_private(suffix)) << suffix;
}

TEST_F(SqliteStoreTest, KeepsTheTermAndIncarnationThatRestoredRecordsGot) {
  const core::State before = *store_->Load(/*new_term=*/true);
  ASSERT_TRUE(store_->Commit({{{core::SetTerm{before.term + 40, before.incarnation + 1}}}}).ok());
  Reopen();
  const core::State after = *store_->Load(/*new_term=*/false);
  EXPECT_EQ(after.term, before.term + 40);
  EXPECT_EQ(after.incarnation, before.incarnation + 1);
}

TEST_F(SqliteStoreTest, GivesBackTheDurablePartOfAnySequenceOfEdits) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    dir_ = *TempDir::Make("store-test-");
    Reopen(SqliteStoreOptions{.checkpoint_pages = 20});
    RecordSource source(seed);
    Expected expected;
    for (int batch = 0; batch < 20; ++batch) {
      std::vector<core::Edit> edits;
      for (int e = source.Below(6); e >= 0; --e) {
        core::Edit edit;
        for (int c = source.Below(5); c > 0; --c) {
          edit.changes.push_back(RandomChange(source, expected));
        }
        edits.push_back(std::move(edit));
      }
      const absl::Status committed = store_->Commit(edits);
      ASSERT_TRUE(committed.ok()) << committed;
      if (source.Below(5) == 0) Reopen();
    }
    ExpectLoads(*store_, expected);
    if (HasFailure()) return;
  }
}

// A killed process leaves the files as they are: a copy made between commits is what the next
// process finds.
TEST_F(SqliteStoreTest, LosesNoCommitWhenTheProcessEndsBetweenCommits) {
  RecordSource source(7);
  Expected expected;
  for (int batch = 0; batch < 12; ++batch) {
    std::vector<core::Edit> edits(1);
    for (int c = 0; c < 10; ++c) edits[0].changes.push_back(RandomChange(source, expected));
    ASSERT_TRUE(store_->Commit(edits).ok());

    const TempDir left = *TempDir::Make("store-left-");
    std::filesystem::copy(dir_.path(), left.path(), std::filesystem::copy_options::recursive);
    auto next = SqliteStore::Open(left.path() + "/handoff.db");
    ASSERT_TRUE(next.ok()) << next.status();
    ExpectLoads(**next, expected);
    if (HasFailure()) return;
  }
}

TEST_F(SqliteStoreTest, RaisesTheTermWithEachStartAndKeepsThePool) {
  const core::State first = *store_->Load(/*new_term=*/true);
  EXPECT_EQ(first.pool_id.size(), 32u);
  EXPECT_EQ(first.incarnation, 1u);
  EXPECT_EQ(store_->Load(/*new_term=*/false)->term, first.term);
  Reopen();
  const core::State second = *store_->Load(/*new_term=*/true);
  EXPECT_EQ(second.term, first.term + 1);
  EXPECT_EQ(second.pool_id, first.pool_id);
}

TEST_F(SqliteStoreTest, FindsAHandoffByItsOwnersKeyOnly) {
  core::Handoff handoff = RecordSource(1).NewHandoff(1);
  handoff.owner = "ann";
  handoff.idempotency_key = "k";
  ASSERT_TRUE(Put(handoff).ok());
  EXPECT_EQ((*store_->FindByIdempotencyKey("ann", "k"))->id, handoff.id);
  EXPECT_FALSE(store_->FindByIdempotencyKey("bob", "k")->has_value());
  EXPECT_FALSE(store_->FindByIdempotencyKey("ann", "")->has_value());
  EXPECT_TRUE(absl::IsNotFound(store_->Find("20261120-absent").status()));
}

TEST_F(SqliteStoreTest, FreeIdIsTheFirstNumberThatNobodyHas) {
  const std::string id = "20261120-fix";
  EXPECT_EQ(*store_->FreeId(id), id);
  core::Handoff handoff = RecordSource(1).NewHandoff(1);
  handoff.idempotency_key.clear();
  for (int n = 1; n <= 70; ++n) {
    handoff.seq = static_cast<uint64_t>(n);
    handoff.id = n == 1 ? id : absl::StrCat(id, "-", n);
    ASSERT_TRUE(Put(handoff).ok());
    ASSERT_EQ(*store_->FreeId(id), absl::StrCat(id, "-", n + 1));
  }
}

TEST_F(SqliteStoreTest, ReadersSeeCommitsAndNothingElse) {
  auto reader = SqliteReader::Open(Path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(*(*reader)->LastRevision(), 0u);
  RecordSource source(3);
  ASSERT_TRUE(store_->Commit({core::Edit{{core::AddEvent{source.Event(1, "a")}}}}).ok());
  EXPECT_EQ(*(*reader)->LastRevision(), 1u);
}

TEST_F(SqliteStoreTest, AFullDiskRollsBackAndTheStoreGoesOn) {
  RecordSource source(5);
  Expected expected;
  core::Handoff kept = source.NewHandoff(expected.next_seq++);
  kept.spec = "small";
  ASSERT_TRUE(Put(expected.handoffs[kept.id] = kept).ok());
  // SQLite's own bound on the size of the file is told by the same error as a full disk.
  auto full = Database::Open(Path(), Database::Access::kWriter);
  ASSERT_TRUE(full.ok());
  store_.reset();
  auto limited =
      SqliteStore::Open(Path(), {.max_pages = *full->QueryInt("PRAGMA page_count") + 20});
  ASSERT_TRUE(limited.ok());
  store_ = *std::move(limited);

  core::Handoff large = source.NewHandoff(expected.next_seq);
  large.spec = std::string(1 << 20, 'x');
  EXPECT_TRUE(absl::IsResourceExhausted(Put(large)));
  EXPECT_TRUE(absl::IsNotFound(store_->Find(large.id).status()));
  core::Handoff small = source.NewHandoff(expected.next_seq++);
  small.spec = "small";
  ASSERT_TRUE(Put(expected.handoffs[small.id] = small).ok());
  ExpectLoads(*store_, expected);
}

TEST_F(SqliteStoreTest, BelowTheReserveThereIsNoRoomForAnythingNew) {
  EXPECT_TRUE(store_->HasRoom().ok());
  Reopen(SqliteStoreOptions{.reserve_bytes = uint64_t{1} << 60});
  const absl::Status status = store_->HasRoom();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("nothing new was stored"));
  // What runs may still end.
  EXPECT_TRUE(Put(RecordSource(1).NewHandoff(1)).ok());
}

TEST_F(SqliteStoreTest, RefusesADatabaseOfANewerProgram) {
  store_.reset();
  {
    auto db = Database::Open(Path(), Database::Access::kWriter);
    ASSERT_TRUE(db->Execute("PRAGMA user_version=1000").ok());
  }
  const absl::Status status = SqliteStore::Open(Path()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("a newer version wrote it"));
}

TEST_F(SqliteStoreTest, RefusesAFileThatIsNoDatabase) {
  store_.reset();
  std::filesystem::remove(Path() + "-wal");
  ASSERT_TRUE(WriteFileAtomically(Path(), std::string(8192, 'x')).ok());
  EXPECT_TRUE(absl::IsDataLoss(SqliteStore::Open(Path()).status()));
}

TEST_F(SqliteStoreTest, TheLogStartsOverAfterACheckpoint) {
  Reopen(SqliteStoreOptions{.checkpoint_pages = 50});
  RecordSource source(9);
  for (uint64_t seq = 1; seq <= 400; ++seq) ASSERT_TRUE(Put(source.NewHandoff(seq)).ok());
  EXPECT_LT(*FileSize(Path() + "-wal"), 50u * 4096u * 4u);
}

// The time is the newest of what is recorded, and a second word changes nothing until there is
// more.
TEST_F(SqliteStoreTest, ThatItWasRestoredIsNotedOnce) {
  const absl::Time start = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(store_->Load(false)->identity().restored_at(), absl::InfinitePast());
  EXPECT_EQ(store_->NoteRestored(start)->newest, absl::InfinitePast());
  core::Credential credential;
  credential.serial = "5e";
  credential.subject = "uuid";
  credential.line = "5e";
  credential.issued_at = start + absl::Hours(1);
  credential.not_after = start + absl::Hours(25);
  ASSERT_TRUE(store_->Commit({core::Edit{{core::PutCredential{credential}}}}).ok());
  const auto noted = store_->NoteRestored(start + absl::Hours(2));
  ASSERT_TRUE(noted.ok()) << noted.status();
  EXPECT_EQ(noted->newest, credential.issued_at);
  EXPECT_EQ(noted->noted, start + absl::Hours(2));
  Reopen();
  EXPECT_EQ(store_->NoteRestored(start + absl::Hours(3))->noted, start + absl::Hours(2));
  EXPECT_EQ(store_->Load(false)->identity().restored_at(), start + absl::Hours(2));
  credential.serial = "5f";
  credential.issued_at = start + absl::Hours(4);
  ASSERT_TRUE(store_->Commit({core::Edit{{core::PutCredential{credential}}}}).ok());
  EXPECT_EQ(store_->NoteRestored(start + absl::Hours(5))->noted, start + absl::Hours(5));
}

}  // namespace
}  // namespace handoff
