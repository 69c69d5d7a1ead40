#include "worker/disk_faults.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "worker/checkout.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

class DiskFaultsTest : public ::testing::Test {
 protected:
  absl::StatusOr<uint64_t> free_ = uint64_t{1} << 30;
  DiskFaults faults_{[this] { return free_; }};
};

TEST_F(DiskFaultsTest, OnlyMoreSpaceEndsAFault) {
  faults_.Note("repo:a");
  EXPECT_THAT(faults_.StillFull("repo:a").value_or(""), HasSubstr("Free some space"));
  free_ = (uint64_t{1} << 30) - 1;
  EXPECT_TRUE(faults_.StillFull("repo:a").has_value());
  free_ = (uint64_t{1} << 30) + 4096;  // a log was rotated
  EXPECT_TRUE(faults_.StillFull("repo:a").has_value());
  free_ = uint64_t{2} << 30;
  EXPECT_FALSE(faults_.StillFull("repo:a").has_value());
}

TEST_F(DiskFaultsTest, WhatNeverFailedIsNotFull) {
  faults_.Note("repo:a");
  EXPECT_FALSE(faults_.StillFull("repo:b").has_value());
}

TEST_F(DiskFaultsTest, ADiskThatCannotBeAskedIsStillFull) {
  faults_.Note("repo:a");
  free_ = absl::NotFoundError("gone");
  EXPECT_EQ(faults_.StillFull("repo:a"), "gone");
}

TEST(ClassifyCheckout, OnlyAFullDiskIsTheHostsFault) {
  v1::Repository repository;
  repository.set_key("k");
  for (const char* said : {"writing x: No space left on device", "x: Disk quota exceeded"}) {
    const PrepareFailure full = ClassifyCheckout(absl::ResourceExhaustedError(said), repository);
    EXPECT_EQ(full.failure, FailureClass::kCheckoutFailed) << said;
    EXPECT_TRUE(full.host_fault) << said;
    EXPECT_EQ(full.hold_key, "repo:k") << said;
  }
  for (const char* said : {"the repository has 600000 refs; at most 500000 are fetched",
                           ".gitmodules is larger than the allowed 1048576 bytes"}) {
    const PrepareFailure limit = ClassifyCheckout(absl::ResourceExhaustedError(said), repository);
    EXPECT_EQ(limit.failure, FailureClass::kCheckoutFailed) << said;
    EXPECT_FALSE(limit.host_fault) << said;
    EXPECT_EQ(limit.hold_key, "") << said;
    EXPECT_THAT(limit.message, HasSubstr(said));
  }
}

}  // namespace
}  // namespace handoff::worker
