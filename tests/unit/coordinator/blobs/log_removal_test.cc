// The logs of a handoff that was purged, with readers and appenders at work.
#include <future>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/mutex.h"
#include "coordinator/log_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;

constexpr char kId[] = "20261120-task";

class LogRemovalTest : public ::testing::Test {
 protected:
  LogRemovalTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    LogStoreOptions options;
    options.sync = [this](int fd) {
      MutexLock lock(mutex_);
      ++syncs_;
      changed_.NotifyAll();
      while (held_) changed_.Wait(mutex_);
      return fail_ ? absl::InternalError("the disk failed") : SyncData(fd);
    };
    store_ = *LogStore::Open(dir_.path() + "/logs", options);
  }
  std::future<absl::StatusOr<uint64_t>> Begin(const LogKey& key, uint64_t offset,
                                              absl::string_view data) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<uint64_t>>>();
    store_->Append(key, offset, data, [promise](auto result) { promise->set_value(result); });
    return promise->get_future();
  }
  absl::StatusOr<uint64_t> Append(const LogKey& key, uint64_t offset, absl::string_view data) {
    return Begin(key, offset, data).get();
  }
  std::string Path(const std::string& name) const {
    return absl::StrCat(dir_.path(), "/logs/", name);
  }

  const TempDir dir_ = *TempDir::Make("logs-");
  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool fail_ ABSL_GUARDED_BY(mutex_) = false;
  int syncs_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<LogStore> store_;
};

TEST_F(LogRemovalTest, AllLogsOfOneHandoffGoAndNoOther) {
  ASSERT_TRUE(Append({kId, 1}, 0, "one").ok());
  ASSERT_TRUE(Append({kId, 2}, 0, "two").ok());
  ASSERT_TRUE(Append({kId, 2, /*checks=*/true}, 0, "checks").ok());
  ASSERT_TRUE(Append({"20261120-task-2", 1}, 0, "other").ok());
  ASSERT_TRUE(store_->Remove(kId).ok());
  EXPECT_FALSE(PathExists(Path(kId)));
  for (const LogKey& key : {LogKey{kId, 1}, LogKey{kId, 2}, LogKey{kId, 2, true}}) {
    EXPECT_EQ(*store_->Size(key), 0u);
    EXPECT_EQ(*store_->Read(key, 0, 100), "");
  }
  EXPECT_EQ(*store_->Read({"20261120-task-2", 1}, 0, 100), "other");
  EXPECT_THAT(*store_->Ids(), ElementsAre("20261120-task-2"));
  EXPECT_TRUE(store_->Remove(kId).ok()) << "again";
  EXPECT_TRUE(absl::IsInvalidArgument(store_->Remove("../objects")));
}

TEST_F(LogRemovalTest, WhoAppendsAfterwardsIsRefusedAndMakesNoFile) {
  ASSERT_TRUE(Append({kId, 1}, 0, "one").ok());
  ASSERT_TRUE(store_->Remove(kId).ok());
  EXPECT_TRUE(absl::IsNotFound(Append({kId, 1}, 3, "more").status()));
  EXPECT_TRUE(absl::IsNotFound(Append({kId, 7}, 0, "x").status()));
  EXPECT_FALSE(PathExists(Path(kId)));
}

// One append is being synced and another one waits for the next round.
TEST_F(LogRemovalTest, WhatIsBeingAppendedIsAnsweredAndLeavesNothing) {
  {
    MutexLock lock(mutex_);
    held_ = true;
  }
  auto first = Begin({kId, 1}, 0, "one");
  {
    MutexLock lock(mutex_);
    while (syncs_ == 0) changed_.Wait(mutex_);
  }
  auto second = Begin({kId, 1}, 3, "two");
  ASSERT_TRUE(store_->Remove(kId).ok());
  {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  first.get().IgnoreError();  // what it says of bytes that are gone does not matter
  EXPECT_TRUE(absl::IsNotFound(second.get().status()));
  EXPECT_FALSE(PathExists(Path(kId)));
  Reopen();
  EXPECT_EQ(*store_->Size({kId, 1}), 0u);
}

// A follower is told by the purge's event; what it reads then is the end.
TEST_F(LogRemovalTest, AFollowerReadsNoMoreAndMayGo) {
  ASSERT_TRUE(Append({kId, 1}, 0, "one").ok());
  const uint64_t token = store_->Follow({kId, 1}, [] {});
  ASSERT_TRUE(store_->Remove(kId).ok());
  EXPECT_EQ(*store_->Read({kId, 1}, 0, 100), "");
  store_->Unfollow(token);
}

TEST_F(LogRemovalTest, OneWhoseDiskFailedGoesToo) {
  ASSERT_TRUE(Append({kId, 1}, 0, "one").ok());
  {
    MutexLock lock(mutex_);
    fail_ = true;
  }
  EXPECT_FALSE(Append({kId, 1}, 3, "two").ok());
  ASSERT_TRUE(store_->Remove(kId).ok());
  EXPECT_FALSE(PathExists(Path(kId)));
  EXPECT_EQ(*store_->Size({kId, 1}), 0u);
}

}  // namespace
}  // namespace handoff
