#include "cli/text/exit_status.h"

#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

TEST(ExitStatus, EveryErrorOfACallHasItsNumber) {
  using absl::StatusCode;
  const std::pair<StatusCode, int> table[] = {
      {StatusCode::kOk, 0},
      {StatusCode::kInvalidArgument, 2},
      {StatusCode::kOutOfRange, 2},
      {StatusCode::kNotFound, 3},
      {StatusCode::kUnavailable, 4},
      {StatusCode::kPermissionDenied, 5},
      {StatusCode::kUnauthenticated, 5},
      {StatusCode::kAlreadyExists, 6},
      {StatusCode::kFailedPrecondition, 6},
      {StatusCode::kAborted, 6},
      {StatusCode::kDeadlineExceeded, 8},
      {StatusCode::kResourceExhausted, 10},
      {StatusCode::kInternal, 10},
      {StatusCode::kUnknown, 10},
      {StatusCode::kUnimplemented, 10},
      {StatusCode::kDataLoss, 10},
      {StatusCode::kCancelled, 130},
  };
  for (const auto& [code, exit] : table) {
    EXPECT_EQ(static_cast<int>(ExitFor(absl::Status(code, "x"))), exit) << code;
  }
}

TEST(ExitStatus, EveryStatusOfAHandoffHasItsNumber) {
  const std::pair<v1::Handoff::Status, int> table[] = {
      {v1::Handoff::QUEUED, 0},    {v1::Handoff::RUNNING, 0},    {v1::Handoff::STALLED, 0},
      {v1::Handoff::SUCCEEDED, 0}, {v1::Handoff::FAILED, 1},     {v1::Handoff::CANCELLED, 7},
      {v1::Handoff::WAITING, 9},   {v1::Handoff::INTERACTIVE, 9}};
  for (const auto& [status, exit] : table) {
    v1::Handoff handoff;
    handoff.set_status(status);
    EXPECT_EQ(static_cast<int>(ExitFor(handoff)), exit) << v1::Handoff::Status_Name(status);
  }
}

TEST(ExitStatus, AHandoffThatTimedOutIsToldFromOneThatFailed) {
  v1::Handoff handoff;
  handoff.set_status(v1::Handoff::FAILED);
  handoff.set_failure(v1::Failure::TIMED_OUT);
  EXPECT_EQ(ExitFor(handoff), Exit::kTimedOut);
}

TEST(ExitStatus, OnlyWhatGoesOnWithoutAPersonIsNotSettled) {
  v1::Handoff handoff;
  for (const auto status : {v1::Handoff::QUEUED, v1::Handoff::RUNNING, v1::Handoff::STALLED}) {
    handoff.set_status(status);
    EXPECT_FALSE(IsSettled(handoff)) << v1::Handoff::Status_Name(status);
  }
  for (const auto status : {v1::Handoff::SUCCEEDED, v1::Handoff::FAILED, v1::Handoff::CANCELLED,
                            v1::Handoff::WAITING, v1::Handoff::INTERACTIVE}) {
    handoff.set_status(status);
    EXPECT_TRUE(IsSettled(handoff)) << v1::Handoff::Status_Name(status);
  }
}

}  // namespace
}  // namespace handoff
