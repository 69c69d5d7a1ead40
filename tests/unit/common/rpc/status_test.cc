#include "common/rpc/status.h"

#include <string>

#include "common/text.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(RpcStatus, EveryCodeComesBack) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
  }
}

TEST(RpcStatus, LongMessagesAreCutAtACharacter) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "é";
  for (const std::string& message : {text, "a" + text}) {
    const grpc::Status cut = ToGrpc(absl::InternalError(message));
    EXPECT_LT(cut.error_message().size(), 2100u);
    EXPECT_GT(cut.error_message().size(), 1900u);
    EXPECT_TRUE(IsValidUtf8(cut.error_message()));
  }
}

}  // namespace
}  // namespace handoff
