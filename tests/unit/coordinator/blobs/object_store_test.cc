#include "coordinator/object_store.h"

#include <filesystem>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class ObjectStoreTest : public ::testing::Test {
 protected:
  ObjectStoreTest() { Reopen(); }

  void Reopen(ObjectStoreOptions options = {}) {
    store_.reset();
    store_ = *ObjectStore::Open(dir_.path() + "/objects", options);
  }
  std::unique_ptr<ObjectStore::Upload> Begin(const std::string& content) {
    auto upload = store_->Begin(Sha256Hex(content), content.size());
    EXPECT_TRUE(upload.ok()) << upload.status();
    return upload.ok() ? *std::move(upload) : nullptr;
  }
  void Put(const std::string& content) {
    auto upload = Begin(content);
    ASSERT_NE(upload, nullptr);
    ASSERT_TRUE(upload->Write(0, content).ok());
    ASSERT_TRUE(upload->Finish().ok());
  }

  TempDir dir_ = *TempDir::Make("objects-");
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(ObjectStoreTest, AnObjectIsThereWhenItsUploadIsFinished) {
  const std::string content = "a pack";
  const std::string sha = Sha256Hex(content);
  auto upload = Begin(content);
  ASSERT_TRUE(upload->Write(0, "a p").ok());
  ASSERT_TRUE(upload->Write(3, "ack").ok());
  EXPECT_FALSE(store_->Has(sha));
  EXPECT_TRUE(absl::IsNotFound(store_->Read(sha, 0, 10).status()));
  ASSERT_TRUE(upload->Finish().ok());
  upload.reset();
  EXPECT_TRUE(store_->Has(sha));
  EXPECT_EQ(*store_->Size(sha), 6u);
  EXPECT_EQ(*store_->Read(sha, 2, 3), "pac");
  EXPECT_EQ(*store_->Read(sha, 6, 3), "");
  EXPECT_EQ(Begin(content), nullptr) << "nothing to upload";
}

TEST_F(ObjectStoreTest, AnUnfinishedUploadIsContinuedAlsoByTheNextProcess) {
  const std::string content(3'000'000, 'q');
  auto upload = Begin(content);
  ASSERT_TRUE(upload->Write(0, content.substr(0, 2'000'000)).ok());
  upload.reset();
  Reopen();
  upload = Begin(content);
  ASSERT_EQ(upload->offset(), 2'000'000u);
  ASSERT_TRUE(upload->Write(2'000'000, content.substr(2'000'000)).ok());
  ASSERT_TRUE(upload->Finish().ok());
  EXPECT_EQ(*store_->Size(Sha256Hex(content)), content.size());
}

TEST_F(ObjectStoreTest, OtherBytesAreDroppedAndNeverShown) {
  const std::string content = "right";
  auto upload = Begin(content);
  ASSERT_TRUE(upload->Write(0, "wrong").ok());
  const absl::Status finished = upload->Finish();
  EXPECT_TRUE(absl::IsDataLoss(finished));
  EXPECT_THAT(std::string(finished.message()), HasSubstr("send all of it again"));
  upload.reset();
  EXPECT_FALSE(store_->Has(Sha256Hex(content)));
  Put(content);
}

TEST_F(ObjectStoreTest, AnObjectWhoseSyncFailedIsDroppedAndSentAgain) {
  int syncs = 0;
  ObjectStoreOptions options;
  options.sync = [&syncs](int fd) {
    return ++syncs == 1 ? absl::InternalError("the disk failed") : SyncData(fd);
  };
  Reopen(options);
  auto upload = Begin("content");
  ASSERT_TRUE(upload->Write(0, "content").ok());
  EXPECT_TRUE(absl::IsDataLoss(upload->Finish()));
  upload.reset();
  EXPECT_FALSE(store_->Has(Sha256Hex("content")));
  EXPECT_EQ(Begin("content")->offset(), 0u) << "what may be lost is not built upon";
  Put("content");
}

TEST_F(ObjectStoreTest, APartThatIsLongerThanTheObjectIsNotContinued) {
  const std::string content = "short";
  ASSERT_TRUE(WriteFileAtomically(
                  absl::StrCat(dir_.path(), "/objects/partial/", Sha256Hex(content)), "much longer")
                  .ok());
  EXPECT_EQ(Begin(content)->offset(), 0u);
  Put(content);
}

TEST_F(ObjectStoreTest, WritesMustFollowAndStayWithinTheSize) {
  auto upload = Begin("abc");
  EXPECT_TRUE(absl::IsOutOfRange(upload->Write(1, "b")));
  EXPECT_TRUE(absl::IsOutOfRange(upload->Write(0, "abcd")));
  ASSERT_TRUE(upload->Write(0, "ab").ok());
  EXPECT_TRUE(absl::IsOutOfRange(upload->Write(0, "ab")));
  EXPECT_TRUE(absl::IsFailedPrecondition(upload->Finish()));
  ASSERT_TRUE(upload->Write(2, "c").ok());
  EXPECT_TRUE(upload->Finish().ok());
}

TEST_F(ObjectStoreTest, OneUploadAtATime) {
  auto first = Begin("content");
  EXPECT_TRUE(absl::IsAborted(store_->Begin(Sha256Hex("content"), 7).status()));
  EXPECT_NE(Begin("another"), nullptr);
  first.reset();
  EXPECT_NE(Begin("content"), nullptr);
}

TEST_F(ObjectStoreTest, WrongNamesAndSizesAreRefused) {
  for (const std::string sha : {"", "../../etc/passwd", "ABCD"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Begin(sha, 1).status())) << sha;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Read(sha, 0, 1).status())) << sha;
    EXPECT_FALSE(store_->Has(sha)) << sha;
  }
  EXPECT_TRUE(
      absl::IsInvalidArgument(store_->Begin(Sha256Hex("x"), ObjectStore::kMaxBytes + 1).status()));
}

TEST_F(ObjectStoreTest, BelowTheReserveUploadsAreRefusedAndReadsGoOn) {
  Put("kept");
  ObjectStoreOptions options;
  options.reserve_bytes = uint64_t{1} << 60;
  Reopen(options);
  EXPECT_TRUE(absl::IsResourceExhausted(store_->Begin(Sha256Hex("new"), 3).status()));
  EXPECT_EQ(*store_->Read(Sha256Hex("kept"), 0, 10), "kept");
}

TEST_F(ObjectStoreTest, SweepRemovesWhatIsOldAndUnknownOnly) {
  Put("known");
  Put("unknown");
  Begin("part")->Write(0, "pa").IgnoreError();
  const auto running = Begin("running");
  const auto known = [](const std::string& sha) { return sha == Sha256Hex("known"); };

  ASSERT_TRUE(store_->Sweep(absl::Now() - absl::Hours(1), known).ok());
  EXPECT_TRUE(store_->Has(Sha256Hex("unknown"))) << "it may be in use in a moment";
  EXPECT_EQ(Begin("part")->offset(), 2u);

  ASSERT_TRUE(store_->Sweep(absl::Now() + absl::Hours(1), known).ok());
  EXPECT_TRUE(store_->Has(Sha256Hex("known")));
  EXPECT_FALSE(store_->Has(Sha256Hex("unknown")));
  EXPECT_EQ(Begin("part")->offset(), 0u);
  EXPECT_TRUE(running->Write(0, "running").ok());
  EXPECT_TRUE(running->Finish().ok()) << "an upload is not swept away while it runs";
}

TEST_F(ObjectStoreTest, ABeginThatFindsTheObjectKeepsItFromTheSweep) {
  Put("used again");
  const std::string sha = Sha256Hex("used again");
  const std::string path = absl::StrCat(dir_.path(), "/objects/", sha.substr(0, 2), "/", sha);
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(48));
  EXPECT_EQ(Begin("used again"), nullptr);
  const auto nobody = [](const std::string&) { return false; };
  ASSERT_TRUE(store_->Sweep(absl::Now() - absl::Hours(24), nobody).ok());
  EXPECT_TRUE(store_->Has(sha));
}

TEST_F(ObjectStoreTest, ManyThreadsUploadAndReadAndSweep) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int n = 0; n < 20; ++n) {
        const std::string content = absl::StrCat("object ", n, " of ", t % 2);
        auto upload = store_->Begin(Sha256Hex(content), content.size());
        if (absl::IsAborted(upload.status()) || *upload == nullptr) continue;
        ASSERT_TRUE((*upload)->Write((*upload)->offset(), content).ok());
        ASSERT_TRUE((*upload)->Finish().ok());
        EXPECT_EQ(*store_->Read(Sha256Hex(content), 0, 100), content);
      }
    });
  }
  for (int n = 0; n < 10; ++n) {
    ASSERT_TRUE(
        store_->Sweep(absl::Now() - absl::Hours(1), [](const std::string&) { return false; }).ok());
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace handoff
