#include "cli/text/exit_status.h"

#include "handoff/v1/types.pb.h"

namespace handoff {

Exit ExitFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return Exit::kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return Exit::kUsage;
    case absl::StatusCode::kNotFound:
      return Exit::kNotFound;
    case absl::StatusCode::kUnavailable:
      return Exit::kUnreachable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return Exit::kDenied;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return Exit::kConflict;
    case absl::StatusCode::kDeadlineExceeded:
      return Exit::kTimedOut;
    case absl::StatusCode::kCancelled:
      return Exit::kInterrupted;
    default:
      return Exit::kInternal;
  }
}

Exit ExitFor(const v1::Handoff& handoff) {
  switch (handoff.status()) {
    case v1::Handoff::FAILED:
      return handoff.failure() == v1::Failure::TIMED_OUT ? Exit::kTimedOut : Exit::kFailed;
    case v1::Handoff::CANCELLED:
      return Exit::kCancelled;
    case v1::Handoff::WAITING:
    case v1::Handoff::INTERACTIVE:
      return Exit::kPersonNeeded;
    default:
      return Exit::kDone;
  }
}

bool IsSettled(const v1::Handoff& handoff) {
  return handoff.status() == v1::Handoff::SUCCEEDED || ExitFor(handoff) != Exit::kDone;
}

}  // namespace handoff
