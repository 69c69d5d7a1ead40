// Databases that earlier programs wrote, opened by this one.
#include "coordinator/store/migrations.h"

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "coordinator/store/sqlite_reader.h"
#include "coordinator/store/sqlite_store.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

class MigrationsTest : public ::testing::Test {
 protected:
  std::string Path() const { return dir_.path() + "/handoff.db"; }
  // Leaves a database of that schema with what `rows` inserts.
  void Write(int schema, const std::string& rows) const {
    auto db = Database::Open(Path(), Database::Access::kWriter);
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE(Migrate(*db, schema).ok());
    EXPECT_EQ(*db->QueryInt("PRAGMA user_version"), schema);
    const absl::Status written = db->Execute(rows);
    ASSERT_TRUE(written.ok()) << written;
  }

  static std::string RowOf(const std::string& table) {
    if (table == "users") return "('ada',1,'',1000,'',0)";
    if (table == "tokens") return "('t','h',1,'','',2000,1000,'',NULL,NULL,'','',0,'')";
    return "('5e',3,'ada','','5e',1,'','',1000,2000,NULL)";
  }

  TempDir dir_ = *TempDir::Make("migrations-test-");
};

// A running handoff with an attempt that failed before, one that has ended, a worker and a hold.
constexpr char kRowsOfSchema1[] = R"sql(
UPDATE meta SET pool_id='the-pool', term=7, incarnation=2, epoch_counter=5;
INSERT INTO handoffs VALUES
 (1,'20261101-run',1,1, 2,0,0,1, 'ada','cursor','big', 'key','https://example.org/r.git','main',
  'pack-1', x'0a613d620a','', 'w','',1, 3,2,1800000000000,9223372036854775807,
  'idem','hash', 1000,2000,NULL,NULL, 1,'','mend it','again'),
 (2,'20261101-done',2,9, 6,0,1,1, 'ada','command','', '','','', '', '','', '','',0,
  0,2,1800000000000,9223372036854775807, '','', 1000,2000,9000,NULL, 0,'','make','');
INSERT INTO specs VALUES (1,x'0102'),(2,x'03');
INSERT INTO attempts VALUES
 (1,1, 6,8589934593,'uuid','w',1000,1100, 's-0',1, 1,'',0, 1, 10,1,1,'agent:cursor',1,0,'s-1',1,
  'abc',3, 4,5,6, 77,'sum', 1200,1300,NULL, 'It broke',x'aabb'),
 (1,2, 2,8589934594,'uuid','w',2000,2100, 's-1',2, 1,'',0, 0, NULL,NULL,NULL,NULL,NULL,NULL,NULL,
  NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL),
 (2,1, 5,8589934595,'uuid','w',1000,1100, '',1, 1,'',0, 1, 0,1,0,'',1,1,'',0,
  '',0, 0,0,0, 3,'sum', 1200,1300,NULL, '',x'cc');
INSERT INTO workers VALUES ('uuid','w',500,1,'new disk',4,99);
INSERT INTO holds VALUES ('uuid','agent:cursor','','no login',600,700,2);
INSERT INTO events VALUES (12,2000,'20261101-run','leased',2,'w',2,'Attempt 2 goes to w.');
)sql";

TEST_F(MigrationsTest, ADatabaseOfSchema1LoadsWithAllThatItHolds) {
  Write(1, kRowsOfSchema1);
  auto store = SqliteStore::Open(Path());
  ASSERT_TRUE(store.ok()) << store.status();
  const auto state = (*store)->Load(/*new_term=*/false);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->pool_id, "the-pool");
  EXPECT_EQ(state->term, 7u);
  EXPECT_EQ(state->epoch_counter, 5u);
  EXPECT_EQ(state->revision, 12u);
  state->CheckInvariants();
  ASSERT_EQ(state->handoffs().size(), 1u) << "what is live";
  const core::Handoff& run = *state->FindHandoff("20261101-run");
  EXPECT_EQ(run.owner, "ada");
  EXPECT_EQ(run.model, "big");
  EXPECT_EQ(run.pack_sha256, "pack-1");
  EXPECT_EQ(run.labels.at("a"), "b");
  EXPECT_EQ(run.lease, absl::Minutes(30));
  EXPECT_EQ(run.retries_used, 1);
  EXPECT_EQ(run.reason, "again");
  EXPECT_EQ(run.spec, std::string("\x01\x02"));
  EXPECT_EQ(run.go_on_from, 0);
  EXPECT_EQ(run.question, "");
  EXPECT_EQ(run.stored_bytes, 77u);
  EXPECT_EQ(state->owners().Of("ada"), (core::OwnerUse{0, 1, 0, 77 + 3}));
  EXPECT_TRUE(run.messages.empty());
  ASSERT_EQ(run.attempts.size(), 2u);
  const core::Attempt& first = run.attempts[0];
  EXPECT_EQ(first.state, core::AttemptState::kFailed);
  EXPECT_EQ(first.epoch, (uint64_t{2} << 32) + 1);
  EXPECT_EQ(first.session, "s-0");
  EXPECT_EQ(first.checkpoint, core::Checkpoint{});
  EXPECT_EQ(first.late_checkpoint, core::Checkpoint{});
  ASSERT_TRUE(first.end.has_value());
  EXPECT_EQ(first.end->hold_key, "agent:cursor");
  EXPECT_EQ(first.end->session, "s-1");
  EXPECT_EQ(first.end->exit_code, 3);
  EXPECT_EQ(first.end->lines_deleted, 6u);
  EXPECT_EQ(first.end->message, "It broke");
  EXPECT_EQ(first.end->bytes, "\xaa\xbb");
  EXPECT_EQ(run.attempts[1].session_kind, core::SessionKind::kSame);
  EXPECT_FALSE(run.attempts[1].end.has_value());
  EXPECT_EQ(state->FindWorker("uuid")->drain_reason, "new disk");
  EXPECT_EQ(state->FindHold("uuid", "agent:cursor")->failures, 2);
}

TEST_F(MigrationsTest, WhatSchema1HeldIsWrittenAndReadOnUnderTheNewest) {
  Write(1, kRowsOfSchema1);
  auto store = SqliteStore::Open(Path());
  ASSERT_TRUE(store.ok()) << store.status();
  core::Handoff done = *(*store)->Find("20261101-done");
  ASSERT_EQ(done.attempts.size(), 1u);
  done.attempts[0].checkpoint = {"c1", "s", {std::string(64, 'a')}, absl::UnixEpoch(), "sent"};
  core::Message message;
  message.number = 1;
  message.text = "go on";
  done.messages.push_back(message);
  ASSERT_TRUE((*store)->Commit({core::Edit{{core::PutHandoff{done}}}}).ok());
  EXPECT_TRUE(*(*store)->Find(done.id) == done);
  auto reader = SqliteReader::Open(Path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_TRUE(*(*reader)->NeedsObject(std::string(64, 'a')));
  EXPECT_TRUE(*(*reader)->NeedsObject("pack-1")) << "of the submission, as before";
}

// A handoff that waits for an answer, with a checkpoint, a message and what its packs are.
constexpr char kRowsOfSchema2[] = R"sql(
INSERT INTO handoffs (seq,id,rank,position,status,failure,verified,changed,owner,agent,model,
  repo_key,repo_url,repo_ref,pack_sha256,labels,require,on_worker,prefer_worker,exclusive,priority,
  retries,lease,deadline,idempotency_key,content_hash,created_at,updated_at,retries_used,avoid,
  task_line,reason,question,go_on_from)
 VALUES (1,'20261101-ask',0,1, 4,0,0,1,'ada','claude','', 'key','','main','','','','','',0,0,
  2,1800000000000,9223372036854775807,'','hash',1000,2000,1,'','ask it','It asks','Which?',1);
INSERT INTO specs VALUES (1,x'01');
INSERT INTO attempts (seq,number,state,epoch,worker_uuid,worker_name,created_at,leased_at,session,
  session_kind,stop_as,stop_reason,arrived_after_loss,has_end,checkpoint_commit,checkpoint_session,
  checkpoint_packs,checkpoint_bytes)
 VALUES (1,1, 5,4294967297,'uuid','w',1000,1100,'s-0',1,1,'',0,0,'c1','s-0','',x'aa');
INSERT INTO messages VALUES (1,1,1,'ada',1500,1,1,0,'go on');
)sql";

TEST_F(MigrationsTest, WhatSchema2HeldHasWhatIsNewAtItsDefaults) {
  Write(2, kRowsOfSchema2);
  auto store = SqliteStore::Open(Path());
  ASSERT_TRUE(store.ok()) << store.status();
  core::Handoff ask = *(*store)->Find("20261101-ask");
  EXPECT_EQ(ask.question, "Which?");
  EXPECT_EQ(ask.go_on_from, 1);
  EXPECT_EQ(ask.sessions_from, 1);
  EXPECT_EQ(ask.taken_by, "");
  EXPECT_EQ(ask.by_hand_on, "");
  EXPECT_EQ(ask.taken_at, absl::InfinitePast());
  EXPECT_EQ(ask.returned, core::Checkpoint{});
  EXPECT_FALSE(ask.deleted);
  EXPECT_TRUE(ask.edits.empty());
  ASSERT_EQ(ask.messages.size(), 1u);
  ASSERT_EQ(ask.attempts.size(), 1u);
  EXPECT_EQ(ask.attempts[0].checkpoint.commit, "c1");
  EXPECT_EQ(ask.attempts[0].checkpoint.bytes, "\xaa");
  EXPECT_EQ(ask.attempts[0].summary, "");
  EXPECT_FALSE(ask.attempts[0].only_checks);
  ask.returned = {"c2", "s", {std::string(64, 'b')}, absl::UnixEpoch(), "sent"};
  ask.edits.push_back({1, "Resume Prompt", "as I say", "ada", absl::UnixEpoch()});
  ask.attempts[0].summary = "made";
  ASSERT_TRUE((*store)->Commit({core::Edit{{core::PutHandoff{ask}}}}).ok());
  EXPECT_TRUE(*(*store)->Find(ask.id) == ask);
  auto reader = SqliteReader::Open(Path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_TRUE(*(*reader)->NeedsObject(std::string(64, 'b')));
  EXPECT_TRUE(*(*reader)->Get(ask.id) == ask);
}

// A handoff that was taken over, with an edit and what a purge left, and a worker.
constexpr char kRowsOfSchema3[] = R"sql(
UPDATE meta SET pool_id='the-pool', term=3, epoch_counter=9;
INSERT INTO handoffs (seq,id,rank,position,status,failure,verified,changed,owner,agent,model,
  repo_key,repo_url,repo_ref,pack_sha256,labels,require,on_worker,prefer_worker,exclusive,priority,
  retries,lease,deadline,idempotency_key,content_hash,created_at,updated_at,retries_used,avoid,
  task_line,reason,taken_by,taken_at,deleted)
 VALUES (1,'20261101-mine',0,1, 5,0,0,1,'ada','claude','', 'key','','main','','','','','',0,0,
  2,1800000000000,9223372036854775807,'','hash',1000,2000,0,'','do it','Taken','ada',3000,0);
INSERT INTO specs VALUES (1,x'01');
INSERT INTO attempts (seq,number,state,epoch,worker_uuid,worker_name,created_at,leased_at,session,
  session_kind,stop_as,stop_reason,arrived_after_loss,has_end,account,summary)
 VALUES (1,1, 7,4294967297,'uuid','w',1000,1100,'s-0',1,1,'',0,0,'team',x'bb');
INSERT INTO edits VALUES (1,1,'Resume Prompt','ada',2500,'as I say');
INSERT INTO purged VALUES ('20261101-gone',5000,'ada',x'0a757569640a');
INSERT INTO workers VALUES ('uuid','w',500,1,'new disk',4,99);
)sql";

TEST_F(MigrationsTest, WhatSchema3HeldHasNoIdentitiesAndIsPrivateToNobody) {
  Write(3, kRowsOfSchema3);
  auto store = SqliteStore::Open(Path());
  ASSERT_TRUE(store.ok()) << store.status();
  const auto state = (*store)->Load(/*new_term=*/false);
  ASSERT_TRUE(state.ok()) << state.status();
  state->CheckInvariants();
  EXPECT_EQ(state->pool_id, "the-pool");
  EXPECT_EQ(state->epoch_counter, 9u);
  const core::Worker* worker = state->FindWorker("uuid");
  ASSERT_NE(worker, nullptr);
  EXPECT_EQ(worker->nonce, 99u);
  EXPECT_EQ(worker->drain_reason, "new disk");
  EXPECT_EQ(worker->owner, "");
  EXPECT_FALSE(worker->shared);
  EXPECT_TRUE(worker->repos.empty());
  EXPECT_TRUE(state->purged().Has("20261101-gone"));
  EXPECT_TRUE(state->identity().users().empty());
  EXPECT_TRUE(state->identity().tokens().empty());
  EXPECT_TRUE(state->identity().credentials().empty());
  EXPECT_EQ(state->identity().audit_head(), core::AuditHead{});
  core::Handoff mine = *(*store)->Find("20261101-mine");
  EXPECT_EQ(mine.taken_by, "ada");
  EXPECT_EQ(mine.edits.at(0).text, "as I say");
  EXPECT_EQ(mine.attempts.at(0).summary, "\xbb");
  EXPECT_FALSE(mine.is_private);

  mine.is_private = true;
  core::Worker shared = *worker;
  shared.owner = "ada";
  shared.shared = true;
  shared.repos = {"h/*", "g/**"};
  ASSERT_TRUE(
      (*store)->Commit({core::Edit{{core::PutHandoff{mine}, core::PutWorker{shared}}}}).ok());
  EXPECT_TRUE(*(*store)->Find(mine.id) == mine);
  EXPECT_TRUE(*(*store)->Load(false)->FindWorker("uuid") == core::DurablePart(shared));
}

// A pool that had identities before its authority was noted, and one that had none yet.
TEST_F(MigrationsTest, OfSchema5TheAuthorityIsNotNotedYet) {
  Write(5,
        "UPDATE meta SET pool_id='the-pool'; INSERT INTO workers VALUES "
        "('uuid','w',500,0,'',4,99,'',0,'');");
  auto store = SqliteStore::Open(Path());
  ASSERT_TRUE(store.ok()) << store.status();
  auto known = (*store)->Authority();
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->fingerprint, "");
  EXPECT_FALSE(known->has_identities) << "a worker of a time without them";
  EXPECT_EQ((*store)->Load(false)->pool_id, "the-pool");
}

TEST_F(MigrationsTest, OfSchema5EachKindOfIdentityCounts) {
  Write(5, "");
  for (const char* table : {"users", "tokens", "credentials"}) {
    SCOPED_TRACE(table);
    auto store = SqliteStore::Open(Path());
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_FALSE((*store)->Authority()->has_identities);
    store->reset();
    Write(NewestSchema(), absl::StrCat("INSERT INTO ", table, " VALUES ", RowOf(table)));
    store = SqliteStore::Open(Path());
    EXPECT_TRUE((*store)->Authority()->has_identities);
    store->reset();
    Write(NewestSchema(), absl::StrCat("DELETE FROM ", table));
  }
}

TEST_F(MigrationsTest, ATokenOfSchema6IsReadWithoutWhatItBought) {
  Write(6, "INSERT INTO tokens VALUES ('t','h',1,'','',2000,1000,'',1500,NULL,'','',0)");
  auto store = SqliteStore::Open(Path());
  ASSERT_TRUE(store.ok()) << store.status();
  const auto state = (*store)->Load(false);
  ASSERT_TRUE(state.ok()) << state.status();
  const core::Token* const token = state->identity().FindToken("t");
  ASSERT_NE(token, nullptr);
  EXPECT_NE(token->used_at, absl::InfinitePast());
  EXPECT_EQ(token->line, "");
}

TEST_F(MigrationsTest, WhatWasNotedOfTheAuthorityStays) {
  for (const bool first : {true, false}) {
    auto store = SqliteStore::Open(Path());
    ASSERT_TRUE(store.ok()) << store.status();
    if (first) {
      ASSERT_TRUE((*store)->NoteAuthority("5ha").ok());
    }
    EXPECT_EQ((*store)->Authority()->fingerprint, "5ha");
  }
}

TEST_F(MigrationsTest, OfSchema6NobodySaidThatItWasRestored) {
  Write(6, "UPDATE meta SET pool_id='the-pool'; INSERT INTO users VALUES ('ada',1,'',1000,'',0);");
  auto store = SqliteStore::Open(Path());
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Load(false)->identity().restored_at(), absl::InfinitePast());
  EXPECT_TRUE((*store)->NoteRestored(absl::FromUnixSeconds(1'800'000'000)).ok());
  EXPECT_EQ((*store)->Load(false)->identity().restored_at(), absl::FromUnixSeconds(1'800'000'000));
}

TEST_F(MigrationsTest, TheNewestSchemaIsLeftAsItIs) {
  Write(NewestSchema(), "UPDATE meta SET pool_id='the-pool'");
  ASSERT_TRUE(SqliteStore::Open(Path()).ok());
  auto db = Database::Open(Path(), Database::Access::kWriter);
  EXPECT_EQ(*db->QueryInt("PRAGMA user_version"), NewestSchema());
}

}  // namespace
}  // namespace handoff
