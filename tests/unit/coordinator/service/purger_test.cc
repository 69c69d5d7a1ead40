// What is purged by itself, and what a killed coordinator left of a purge.
#include "coordinator/purger.h"

#include <functional>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "coordinator/store/sqlite_reader.h"
#include "coordinator/store/sqlite_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"

namespace handoff {
namespace {

class PurgerTest : public ::testing::Test {
 protected:
  PurgerTest() {
    store_ = *SqliteStore::Open(Path());
    reader_ = *SqliteReader::Open(Path());
    logs_ = *LogStore::Open(dir_.path() + "/logs");
    EngineOptions options;
    options.on_commit = [this](uint64_t) {
      if (on_commit_) std::exchange(on_commit_, nullptr)();
    };
    engine_ = std::make_unique<Engine>(std::move(options), *store_, clock_);
    EXPECT_TRUE(engine_->Start().ok());
  }

  std::string Path() const { return dir_.path() + "/handoff.db"; }
  std::string LogPath(const std::string& id) const { return dir_.path() + "/logs/" + id; }

  template <typename C>
  absl::StatusOr<typename C::Reply> Ask(C command) {
    std::promise<absl::StatusOr<typename C::Reply>> promise;
    engine_->Post(std::move(command),
                  [&promise](auto reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }
  // With a log, as every one has that ran.
  void Submit(const std::string& id) {
    core::Submit submit;
    submit.wished_id = id;
    submit.handoff.agent = "command";
    submit.handoff.task_line = id;
    ASSERT_TRUE(Ask(submit).ok());
    std::promise<void> stored;
    logs_->Append({id, 1}, 0, "log", [&stored](const auto&) { stored.set_value(); });
    stored.get_future().wait();
  }
  void End(const std::string& id) {
    Submit(id);
    ASSERT_TRUE(Ask(core::Cancel{id, "", ""}).ok());
  }
  bool IsKept(const std::string& id) {
    const bool kept = reader_->Get(id).ok();
    EXPECT_EQ(PathExists(LogPath(id)), kept) << id;
    return kept;
  }
  std::unique_ptr<Purger> Start(absl::Duration ended) {
    return std::make_unique<Purger>(PurgerOptions{ended}, *engine_, *reader_, *logs_, clock_);
  }

  const TempDir dir_ = *TempDir::Make("purger-");
  FakeClock clock_;
  std::function<void()> on_commit_;  // once
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<SqliteReader> reader_;
  std::unique_ptr<LogStore> logs_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(PurgerTest, NothingGoesUnlessTheOwnerSaidAfterHowLong) {
  const auto purger = Start(absl::InfiniteDuration());
  End("old");
  clock_.Advance(absl::Hours(24) * 10000);
  EXPECT_EQ(purger->PurgeOld(), 0);
  EXPECT_TRUE(IsKept("old"));
}

TEST_F(PurgerTest, WhatEndedLongEnoughAgoGoesWithItsLogs) {
  const auto purger = Start(absl::Hours(24) * 90);
  for (int i = 0; i < 150; ++i) End(absl::StrCat("old-", i));  // more than one batch
  Submit("waits");
  clock_.Advance(absl::Hours(24) * 89);
  EXPECT_EQ(purger->PurgeOld(), 0);
  EXPECT_TRUE(IsKept("old-0"));
  End("new");
  clock_.Advance(absl::Hours(25));
  EXPECT_EQ(purger->PurgeOld(), 150);
  EXPECT_FALSE(IsKept("old-0"));
  EXPECT_FALSE(IsKept("old-149"));
  EXPECT_TRUE(IsKept("new"));
  EXPECT_TRUE(IsKept("waits")) << "it has not ended";
  const auto events = reader_->Events(0, "old-0", 100, {});
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->back().kind, "purged");
  EXPECT_EQ(events->back().message, "Purged by retention.");
}

TEST_F(PurgerTest, AClockThatIsSetAheadMakesNothingOld) {
  const auto purger = Start(absl::Hours(24) * 90);
  End("new");
  clock_.StepWall(absl::Hours(24) * 1000);
  EXPECT_EQ(purger->PurgeOld(), 0);
  EXPECT_TRUE(IsKept("new"));
}

TEST_F(PurgerTest, LogsThatAKilledCoordinatorLeftAreRemovedAtTheNextStart) {
  End("left");
  End("kept");
  ASSERT_TRUE(Ask(core::Delete{"left", /*purge=*/true, "ann"}).ok());
  ASSERT_TRUE(PathExists(LogPath("left"))) << "as if killed here";
  auto purger = Start(absl::InfiniteDuration());
  // What is asked for comes after what it does at its start.
  std::promise<absl::Status> done;
  purger->RemoveLogs("nobody", [&done](const absl::Status& removed) { done.set_value(removed); });
  EXPECT_TRUE(done.get_future().get().ok());
  EXPECT_FALSE(IsKept("left"));
  EXPECT_TRUE(IsKept("kept"));
}

TEST_F(PurgerTest, WhoWaitsIsServedBetweenTwoBatches) {
  for (int i = 0; i < 150; ++i) End(absl::StrCat("old-", i));
  clock_.Advance(absl::Hours(24) * 100);
  ASSERT_TRUE(Ask(core::Counts{}).ok());  // its last commit was told
  std::promise<size_t> left;
  std::unique_ptr<Purger> purger;
  std::promise<void> made;
  on_commit_ = [&] {
    made.get_future().wait();
    purger->Later([&] { left.set_value(reader_->EndedBefore(clock_.Now(), 1000)->size()); });
  };
  purger = Start(absl::Hours(24) * 90);  // begins at once
  made.set_value();
  EXPECT_GT(left.get_future().get(), 0u);
}

}  // namespace
}  // namespace handoff
