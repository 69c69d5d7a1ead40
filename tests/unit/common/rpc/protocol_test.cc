#include "common/rpc/protocol.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// As gRPC puts its own words after ours.
std::string Said(const std::string& ours) { return ours + " grpc-c++/1.51.1 grpc-c/29.0.0"; }

TEST(Protocol, OursIsUnderstood) {
  EXPECT_EQ(CheckProtocol(Said(UserAgent())), absl::OkStatus());
  EXPECT_THAT(UserAgent(), HasSubstr(kVersion));
}

TEST(Protocol, AnotherVersionThatSpeaksTheSameIsUnderstood) {
  EXPECT_EQ(CheckProtocol(Said(absl::StrCat("handoff/9.9 handoff-protocol/", kProtocol))),
            absl::OkStatus());
}

TEST(Protocol, WhatIsNoProgramOfOursSaysNothingOfIt) {
  EXPECT_EQ(CheckProtocol(""), absl::OkStatus());
  EXPECT_EQ(CheckProtocol("grpcurl/1.8 grpc-go/1.50"), absl::OkStatus());
}

TEST(Protocol, AnotherOneIsRefusedWithBothVersionsAndWhatToDo) {
  for (const int other : {0, kProtocol + 1, -1}) {
    const absl::Status refused =
        CheckProtocol(Said(absl::StrCat("handoff/9.9 handoff-protocol/", other)));
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnimplemented) << other;
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr(absl::StrCat("handoff ", kVersion, " and speaks protocol 1")),
                      HasSubstr(absl::StrCat("handoff 9.9 and speaks protocol ", other, ".")),
                      HasSubstr("Nothing was done: install the same version")));
  }
}

TEST(Protocol, NonsenseIsRefusedAndShownShortAndClean) {
  for (const std::string words : {"", "1x", "0x1", "99999999999999999999", "\x1b[2J"}) {
    EXPECT_FALSE(CheckProtocol("handoff-protocol/" + words).ok()) << words;
  }
  const absl::Status refused = CheckProtocol(
      absl::StrCat("handoff/\x1b[31m", std::string(5000, 'x'), " handoff-protocol/2"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("\x1b")));
  EXPECT_LT(refused.message().size(), 300u);
}

}  // namespace
}  // namespace handoff
