// A purge among the commands of its batch, which the store does not know of yet.
#include "tests/unit/coordinator/engine/engine_fixture.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EnginePurgeTest : public EngineFixture {
 protected:
  // Ended on that worker, whose next Sync is held.
  core::Sync::Desired EndOne(const std::string& worker) {
    const core::Sync::Desired run = RunOne(worker, "task");
    EXPECT_TRUE(Ask(EndOf(worker, run)).ok());
    return run;
  }
  core::Delete Purge(const std::string& id) { return {id, /*purge=*/true, "ann"}; }
};

TEST_F(EnginePurgeTest, NothingOfItsBatchFindsItAgain) {
  const std::string id = Ask(Task("task", "key"))->handoff.id;
  ASSERT_TRUE(Ask(core::Cancel{id, "", ""}).ok());
  const auto purge = Post(Purge(id));
  core::Resume of_it;
  of_it.id = id;
  const auto resume = Post(of_it);
  const auto again = Post(Purge(id));
  const auto submit = Post(Task("task", "key"));
  engine_->Step();
  EXPECT_TRUE((**purge).ok());
  EXPECT_TRUE(absl::IsNotFound((**resume).status()));
  EXPECT_TRUE(absl::IsNotFound((**again).status()));
  ASSERT_TRUE((**submit).ok()) << (**submit).status();
  EXPECT_FALSE((**submit)->existing);
  EXPECT_NE((**submit)->handoff.id, id);
  EXPECT_EQ(store_.handoffs().count(id), 0u);
}

TEST_F(EnginePurgeTest, WhatWasSubmittedCancelledAndPurgedInOneBatchIsGone) {
  core::Submit wish = Task("task", "key");
  wish.wished_id = "wished";
  const auto submit = Post(wish);
  const auto cancel = Post(core::Cancel{"wished", "", ""});
  const auto purge = Post(Purge("wished"));
  const auto again = Post(Task("task", "key"));
  engine_->Step();
  ASSERT_TRUE((**purge).ok()) << (**purge).status();
  ASSERT_TRUE((**again).ok()) << (**again).status();
  EXPECT_FALSE((**again)->existing);
  EXPECT_EQ(store_.handoffs().size(), 1u);
}

TEST_F(EnginePurgeTest, ItsWorkerIsToldAtOnceAndAsLongAsItHasSomething) {
  const core::Sync::Desired run = EndOne("a");
  core::Sync with = SyncOf("a");
  with.worker.workspaces = {run.handoff_id};
  const auto held = Post(with);
  engine_->Step();
  EXPECT_FALSE(held->has_value());
  ASSERT_TRUE(Ask(Purge(run.handoff_id)).ok());
  ASSERT_TRUE(held->has_value());
  EXPECT_THAT((**held)->reply.purge, ElementsAre(run.handoff_id));

  StartEngine();  // the next coordinator knows it, too
  with = SyncOf("a");
  with.worker.workspaces = {run.handoff_id};
  const auto told = Post(with);
  engine_->Step();
  ASSERT_TRUE(told->has_value());
  EXPECT_THAT((**told)->reply.purge, ElementsAre(run.handoff_id));
  core::Sync without = SyncOf("a");
  without.seen_term = (**told)->term;
  without.seen_revision = (**told)->revision;
  const auto done = Post(without);
  engine_->Step();
  EXPECT_FALSE(done->has_value()) << "there is nothing more to say";
  clock_.Advance(absl::Seconds(13));
  engine_->Step();
  ASSERT_TRUE(done->has_value());
  EXPECT_THAT((**done)->reply.purge, IsEmpty());
}

TEST_F(EnginePurgeTest, AReportThatAJournalBringsBackIsForgotten) {
  const core::Sync::Desired run = EndOne("a");
  ASSERT_TRUE(Ask(Purge(run.handoff_id)).ok());
  const auto told = Post(SyncOf("a"));
  engine_->Step();
  ASSERT_TRUE(told->has_value());
  core::Sync heard = SyncOf("a");
  heard.seen_term = (**told)->term;
  heard.seen_revision = (**told)->revision;
  Post(heard);
  engine_->Step();  // its worker has nothing of it
  core::Sync sync = SyncOf("a", 1, {run});
  sync.attempts[0].running = false;
  sync.attempts[0].reporting = true;
  const auto answer = Post(sync);
  engine_->Step();
  clock_.Advance(absl::Seconds(2));
  engine_->Step();
  ASSERT_TRUE(answer->has_value());
  ASSERT_TRUE((**answer).ok()) << (**answer).status();
  EXPECT_THAT((**answer)->reply.forget, ElementsAre(std::make_pair(run.handoff_id, run.number)));
  EXPECT_TRUE(absl::IsNotFound(Ask(EndOf("a", run)).status()));
}

}  // namespace
}  // namespace handoff
