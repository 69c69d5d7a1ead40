#include "coordinator/store/sqlite_reader.h"

#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "coordinator/store/sqlite_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/coordinator/store/records.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Status = core::HandoffStatus;

template <typename... Set>
ListFilter Where(Set... set) {
  ListFilter filter;
  (set(filter), ...);
  return filter;
}
// Where(Limit(2), Owner("ann")): a filter with these fields set.
auto Limit(int n) {
  return [n](ListFilter& f) { f.limit = n; };
}
auto Cursor(std::string text) {
  return [text](ListFilter& f) { f.cursor = text; };
}
auto WithDeleted() {
  return [](ListFilter& f) { f.deleted = true; };
}
auto Owner(std::string name) {
  return [name](ListFilter& f) { f.owner = name; };
}
auto Repo(std::string part) {
  return [part](ListFilter& f) { f.repo = part; };
}
auto Worker(std::string name) {
  return [name](ListFilter& f) { f.worker = name; };
}
auto Label(std::string key, std::string value) {
  return [key, value](ListFilter& f) { f.labels[key] = value; };
}

class SqliteReaderTest : public ::testing::Test {
 protected:
  SqliteReaderTest() {
    store_ = *SqliteStore::Open(dir_.path() + "/handoff.db");
    reader_ = *SqliteReader::Open(dir_.path() + "/handoff.db");
  }

  // A plain handoff; seq counts up.
  core::Handoff Add(const std::string& id, Status status, absl::Duration ended = {}) {
    core::Handoff handoff;
    handoff.seq = ++seq_;
    handoff.id = id;
    handoff.owner = "ann";
    handoff.status = status;
    if (core::IsEnded(status)) handoff.ended_at = kDay + ended;
    Put(handoff);
    return handoff;
  }
  void Put(const core::Handoff& handoff) {
    ASSERT_TRUE(store_->Commit({core::Edit{{core::PutHandoff{handoff}}}}).ok());
  }
  std::vector<std::string> Ids(const ListFilter& filter) {
    const absl::StatusOr<ListPage> page = reader_->List(filter);
    EXPECT_TRUE(page.ok()) << page.status();
    std::vector<std::string> ids;
    for (const core::Handoff& handoff : page->handoffs) ids.push_back(handoff.id);
    return ids;
  }

  absl::StatusOr<std::string> Resolve(const std::string& part, IdRule rule = IdRule::kPreferLive) {
    return reader_->Resolve(part, rule, {});
  }

  const absl::Time kDay = absl::FromUnixSeconds(1'795'000'000);
  TempDir dir_ = *TempDir::Make("reader-test-");
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<SqliteReader> reader_;
  uint64_t seq_ = 0;
};

TEST_F(SqliteReaderTest, ListsWhatNeedsAPersonThenLiveThenWhatEndedLast) {
  Add("old", Status::kSucceeded, absl::Hours(1));
  Add("asks", Status::kWaiting);
  Add("first", Status::kRunning);
  Add("ended-last", Status::kFailed, absl::Hours(3));
  Add("second", Status::kQueued);
  Add("ended", Status::kCancelled, absl::Hours(2));
  EXPECT_THAT(Ids({}), ElementsAre("asks", "second", "first", "ended-last", "ended", "old"));
}

TEST_F(SqliteReaderTest, PagesJoinToTheWholeListForEveryPageSize) {
  RecordSource source(4);
  for (uint64_t seq = 1; seq <= 60; ++seq) {
    core::Handoff handoff = source.NewHandoff(seq);
    Put(handoff);
  }
  const std::vector<std::string> whole = Ids(Where(Limit(1000), WithDeleted()));
  ASSERT_EQ(whole.size(), 60u);
  for (const int limit : {1, 2, 7, 59, 60, 61}) {
    std::vector<std::string> joined;
    ListFilter filter = Where(Limit(limit), WithDeleted());
    do {
      const absl::StatusOr<ListPage> page = reader_->List(filter);
      ASSERT_TRUE(page.ok()) << page.status();
      ASSERT_LE(page->handoffs.size(), static_cast<size_t>(limit));
      for (const core::Handoff& handoff : page->handoffs) joined.push_back(handoff.id);
      filter.cursor = page->next_cursor;
    } while (!filter.cursor.empty() && joined.size() < 100);
    EXPECT_EQ(joined, whole) << limit;
  }
}

TEST_F(SqliteReaderTest, APageIsNotDisturbedByNewHandoffs) {
  for (int n = 1; n <= 4; ++n) Add(absl::StrCat("h-", n), Status::kQueued);
  const ListPage first = *reader_->List(Where(Limit(2)));
  Add("newer", Status::kQueued);
  EXPECT_THAT(Ids(Where(Limit(2), Cursor(first.next_cursor))), ElementsAre("h-2", "h-1"));
}

TEST_F(SqliteReaderTest, EachFilterKeepsWhatMatches) {
  core::Handoff other = Add("other", Status::kRunning);
  other.owner = "bob";
  other.seq = ++seq_;
  other.id = "bobs";
  other.repo_url = "https://example.org/tools.git";
  other.labels = {{"team", "a"}, {"x", "1"}};
  core::Attempt attempt;
  attempt.number = 1;
  attempt.state = core::AttemptState::kLeased;
  attempt.worker_name = "build-7";
  other.attempts = {attempt};
  Put(other);
  Add("old", Status::kFailed, absl::Hours(1));
  Add("fresh", Status::kFailed, absl::Hours(5));

  EXPECT_THAT(Ids(Where(Owner("bob"))), ElementsAre("bobs"));
  EXPECT_THAT(Ids(Where([](ListFilter& f) { f.statuses = {Status::kFailed}; })),
              ElementsAre("fresh", "old"));
  EXPECT_THAT(Ids(Where(Repo("tools"))), ElementsAre("bobs"));
  EXPECT_THAT(Ids(Where(Worker("build-7"))), ElementsAre("bobs"));
  EXPECT_THAT(Ids(Where(Worker("build"))), IsEmpty());
  EXPECT_THAT(Ids(Where(Label("team", "a"))), ElementsAre("bobs"));
  EXPECT_THAT(Ids(Where(Label("team", "a"), Label("x", "2"))), IsEmpty());
  EXPECT_THAT(Ids(Where(Label("eam", "a"))), IsEmpty());
  EXPECT_THAT(Ids(Where([this](ListFilter& f) { f.ended_since = kDay + absl::Hours(2); })),
              ElementsAre("bobs", "other", "fresh"));
}

TEST_F(SqliteReaderTest, WhatIsPrivateIsListedForWhomItIsAndNotByWhatIsHidden) {
  core::Handoff hidden = Add("open", Status::kQueued);
  hidden.seq = ++seq_;
  hidden.id = "hidden";
  hidden.is_private = true;
  hidden.repo_url = "https://example.org/tools.git";
  hidden.labels = {{"team", "a"}};
  Put(hidden);
  const Eyes all = {"bob", true, true, true}, member = {"bob", true, true, false};
  const Eyes viewer = {"bob", true, false, false}, ci = {"bob", false, false, false};
  const auto as = [](Eyes eyes) { return [eyes](ListFilter& f) { f.eyes = eyes; }; };
  EXPECT_THAT(Ids(Where(as(all))), ElementsAre("hidden", "open"));
  EXPECT_THAT(Ids(Where(as(member))), ElementsAre("hidden", "open"));
  EXPECT_THAT(Ids(Where(as(viewer))), ElementsAre("open"));
  EXPECT_THAT(Ids(Where(as(ci))), IsEmpty());
  EXPECT_THAT(Ids(Where(as(all), Repo("tools"))), ElementsAre("hidden"));
  EXPECT_THAT(Ids(Where(as(member), Repo("tools"))), IsEmpty());
  EXPECT_THAT(Ids(Where(as(member), Label("team", "a"))), IsEmpty());
  for (const Eyes& own : {Eyes{"ann", true, true, false}, Eyes{"ann", true, false, false},
                          Eyes{"ann", false, false, false}}) {
    EXPECT_THAT(Ids(Where(as(own), Repo("tools"), Label("team", "a"))), ElementsAre("hidden"));
  }
}

TEST_F(SqliteReaderTest, RefusesACursorThatNobodyGave) {
  EXPECT_TRUE(absl::IsInvalidArgument(reader_->List(Where(Cursor("1.2"))).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(reader_->List(Where(Cursor("x.1.1"))).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(reader_->List(Where(Cursor("-9000000000000000000.1.1"))).status()));
}

TEST_F(SqliteReaderTest, GetGivesAllAndListLeavesOutWhatIsLong) {
  RecordSource source(11);
  core::Handoff handoff = source.NewHandoff(1);
  handoff.spec = "spec";
  handoff.status = Status::kFailed;
  for (core::Attempt& attempt : handoff.attempts) {
    attempt.state = core::AttemptState::kFailed;
    attempt.end.emplace().bytes = "bytes";
  }
  const core::Checkpoint taken = {"c1", "s-1", {std::string(64, 'a')}, kDay, "as sent"};
  handoff.attempts[0].checkpoint = handoff.attempts[0].late_checkpoint = taken;
  handoff.messages = {core::Message()};
  Put(handoff);
  core::Handoff durable = core::DurablePart(handoff);
  EXPECT_TRUE(*reader_->Get(handoff.id) == durable);
  durable.spec.clear();
  durable.messages.clear();
  durable.edits.clear();
  for (core::Attempt& attempt : durable.attempts) {
    attempt.end->bytes.clear();
    attempt.summary.clear();
    attempt.push.clear();
    for (core::Checkpoint* checkpoint : {&attempt.checkpoint, &attempt.late_checkpoint}) {
      checkpoint->packs.clear();
      checkpoint->bytes.clear();
    }
  }
  EXPECT_TRUE(reader_->List(Where(WithDeleted()))->handoffs[0] == durable);
  EXPECT_TRUE(absl::IsNotFound(reader_->Get("absent").status()));
}

TEST_F(SqliteReaderTest, ResolvesAnyPartThatNamesOneAndPrefersTheLive) {
  Add("20261119-fix-login", Status::kSucceeded, absl::Hours(1));
  Add("20261120-fix-login", Status::kRunning);
  Add("20261120-fix-tests", Status::kFailed, absl::Hours(1));
  Add("20261120-fix-tests-2", Status::kFailed, absl::Hours(1));
  EXPECT_EQ(*Resolve("20261119-fix-login"), "20261119-fix-login");
  EXPECT_EQ(*Resolve("login"), "20261120-fix-login");
  EXPECT_EQ(*Resolve("tests-2"), "20261120-fix-tests-2");
  EXPECT_EQ(*Resolve("20261120-fix-tests"), "20261120-fix-tests");
  const absl::Status several = Resolve("fix-tests").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(several));
  EXPECT_THAT(std::string(several.message()), HasSubstr("20261120-fix-tests-2"));
  EXPECT_TRUE(absl::IsNotFound(Resolve("nothing").status()));
  EXPECT_TRUE(absl::IsNotFound(Resolve("%").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Resolve("").status()));
}

TEST_F(SqliteReaderTest, ToActOnItAPartMustNameOneOfAllHandoffs) {
  Add("20261119-fix-login", Status::kSucceeded, absl::Hours(1));
  Add("20261119-fix-login-2", Status::kRunning);
  EXPECT_EQ(*Resolve("login"), "20261119-fix-login-2");
  const absl::Status several = Resolve("login", IdRule::kOnlyOne).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(several));
  EXPECT_EQ(several.message(),
            "login names more than one handoff: 20261119-fix-login-2, 20261119-fix-login; give "
            "more of the id");
  EXPECT_EQ(*Resolve("login-2", IdRule::kOnlyOne), "20261119-fix-login-2");
  EXPECT_EQ(*Resolve("20261119-fix-login", IdRule::kOnlyOne), "20261119-fix-login");
}

TEST_F(SqliteReaderTest, EventsGoOnFromARevisionAndFollowOneHandoff) {
  RecordSource source(2);
  core::Edit edit;
  for (uint64_t revision = 1; revision <= 6; ++revision) {
    edit.changes.emplace_back(
        core::AddEvent{source.Event(revision, revision % 2 == 0 ? "even" : "odd")});
  }
  ASSERT_TRUE(store_->Commit({edit}).ok());
  const auto revisions = [&](uint64_t after, const std::string& id, int limit) {
    std::vector<uint64_t> out;
    const auto events = reader_->Events(after, id, limit, {});
    EXPECT_TRUE(events.ok()) << events.status();
    for (const core::Event& event : *events) {
      EXPECT_TRUE(event == std::get<core::AddEvent>(edit.changes[event.revision - 1]).event);
      out.push_back(event.revision);
    }
    return out;
  };
  EXPECT_THAT(revisions(0, "", 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(revisions(3, "", 100), ElementsAre(4, 5, 6));
  EXPECT_THAT(revisions(2, "even", 100), ElementsAre(4, 6));
  EXPECT_THAT(revisions(6, "", 100), IsEmpty());
  EXPECT_EQ(*reader_->LastRevision(), 6u);
}

TEST_F(SqliteReaderTest, AWalkBeyondItsBoundEndsWithASentence) {
  auto db = Database::Open(dir_.path() + "/handoff.db", Database::Access::kReader);
  ASSERT_TRUE(db.ok());
  db->LimitWork(10'000);
  const std::string long_walk =
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<100000)"
      " SELECT count(*) FROM c";
  const absl::Status status = db->QueryInt(long_walk).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("narrow it"));
  db->LimitWork(0);
  EXPECT_EQ(*db->QueryInt(long_walk), 100'000);
}

TEST_F(SqliteReaderTest, AReaderCannotWrite) {
  auto db = Database::Open(dir_.path() + "/handoff.db", Database::Access::kReader);
  ASSERT_TRUE(db.ok());
  EXPECT_FALSE(db->Execute("DELETE FROM events").ok());
}

// More callers than connections, while the store commits.
TEST_F(SqliteReaderTest, ManyThreadsReadWhileTheStoreWrites) {
  Add("one", Status::kQueued);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this] {
      for (int n = 0; n < 50; ++n) EXPECT_FALSE(Ids(Where(Limit(5))).empty());
    });
  }
  for (int n = 0; n < 50; ++n) Add(absl::StrCat("h-", n), Status::kQueued);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Ids(Where(Limit(100))).size(), 51u);
}

TEST_F(SqliteReaderTest, KnowsWhichObjectsAreNeeded) {
  core::Handoff handoff = Add("20261120-with-pack", Status::kQueued);
  handoff.pack_sha256 = std::string(64, 'a');
  handoff.inputs = {std::string(64, 'c')};
  ASSERT_TRUE(store_->Commit({core::Edit{{core::PutHandoff{handoff}}}}).ok());
  EXPECT_TRUE(*reader_->NeedsObject(std::string(64, 'a')));
  EXPECT_TRUE(*reader_->NeedsObject(std::string(64, 'c')));
  EXPECT_FALSE(*reader_->NeedsObject(std::string(64, 'b')));
  EXPECT_FALSE(*reader_->NeedsObject(""));
}

TEST_F(SqliteReaderTest, PacksOfEveryCheckpointAreNeededAlsoOfOneThatWasReplaced) {
  core::Handoff handoff = Add("20261120-with-checkpoints", Status::kSucceeded);
  handoff.attempts.resize(1);
  core::Attempt& attempt = handoff.attempts[0];
  attempt.number = 1;
  attempt.checkpoint = {"c1", "", {std::string(64, 'a'), std::string(64, 'b')}, {}, "one"};
  attempt.late_checkpoint = {"c2", "", {std::string(64, 'c')}, {}, "late"};
  const auto put = [&] { return store_->Commit({core::Edit{{core::PutHandoff{handoff}}}}); };
  ASSERT_TRUE(put().ok());
  // The late one of an attempt, or somebody who fetches, may need what the head needs no more.
  attempt.checkpoint = {"c3", "", {std::string(64, 'b'), std::string(64, 'd')}, {}, "two"};
  ASSERT_TRUE(put().ok());
  for (const char c : {'a', 'b', 'c', 'd'}) {
    EXPECT_TRUE(*reader_->NeedsObject(std::string(64, c))) << c;
  }
  EXPECT_FALSE(*reader_->NeedsObject(std::string(64, 'e')));
}

TEST_F(SqliteReaderTest, NamesThePool) {
  EXPECT_EQ(*reader_->PoolId(), store_->Load(false)->pool_id);
}

}  // namespace
}  // namespace handoff
