// A record that was kept by hand: in a person's hands from the beginning, and goes on like any
// other.
#include <string>

#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class ImportTest : public ::testing::Test {
 protected:
  ImportTest() : a(pool, "a") { a.Call(); }
  absl::StatusOr<Submit::Reply> Import(int attempts) {
    Submit command;
    command.wished_id = "h";
    command.handoff = Pool::Wanted();
    command.imported =
        Imported{attempts, {{"Resume Prompt", "Mine."}, {"Latest Summary", "- So."}}};
    return pool.Do(command);
  }
  Pool pool;
  FakeWorker a;
};

TEST_F(ImportTest, APersonHasItAndNothingRuns) {
  const auto reply = Import(3);
  ASSERT_TRUE(reply.ok()) << reply.status();
  const Handoff& h = reply->handoff;
  EXPECT_EQ(h.status, HandoffStatus::kInteractive);
  EXPECT_EQ(h.taken_by, Pool::Wanted().owner);
  EXPECT_EQ(h.taken_at, pool.now);
  EXPECT_THAT(h.reason, HasSubstr("kept by hand"));
  ASSERT_EQ(h.attempts.size(), 3u);
  EXPECT_EQ(h.attempts[2].state, AttemptState::kCancelled);
  EXPECT_EQ(h.attempts[2].worker_uuid, "");
  ASSERT_EQ(h.edits.size(), 2u);
  EXPECT_EQ(h.edits[0].text, "Mine.");
  EXPECT_EQ(h.edits[1].version, 2);
  EXPECT_EQ(h.edits[1].author, h.owner);
  pool.state.CheckInvariants();
  EXPECT_THAT(pool.EventKinds(), Contains("imported"));
  EXPECT_THAT(pool.EventKinds(), Not(Contains("submitted")));
  a.Call();
  EXPECT_TRUE(a.runs.empty());
}

TEST_F(ImportTest, ItGoesOnWithTheNextNumberAndAConversationOfItsOwn) {
  ASSERT_TRUE(Import(2).ok());
  Return back;
  back.id = "h";
  back.actor = Pool::Wanted().owner;
  const auto returned = pool.Do(back);
  ASSERT_TRUE(returned.ok()) << returned.status();
  EXPECT_EQ(pool.Latest("h").number, 3);
  EXPECT_EQ(pool.Latest("h").session, "");
  EXPECT_NE(pool.Latest("h").session_kind, SessionKind::kSame);
  EXPECT_EQ(pool.Get("h").edits.size(), 2u);
  a.Call();
  a.Call();
  ASSERT_TRUE(a.Finish("h", 3, Success()).ok());
}

TEST_F(ImportTest, OrIsGivenUp) {
  ASSERT_TRUE(Import(1).ok());
  Cancel cancel;
  cancel.id = "h";
  const auto cancelled = pool.Do(cancel);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->handoff.status, HandoffStatus::kCancelled);
}

}  // namespace
}  // namespace handoff::core
