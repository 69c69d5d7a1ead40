#include "coordinator/core/refusal.h"

#include "absl/strings/str_cat.h"

namespace handoff::core {

absl::Status NoSuchHandoff(absl::string_view id) {
  return absl::NotFoundError(
      absl::StrCat("there is no handoff '", id, "'. `handoff list --all` shows those that are."));
}

absl::Status OtherPool(absl::string_view theirs, absl::string_view ours) {
  return absl::FailedPreconditionError(absl::StrCat(
      "this worker belongs to pool ", theirs, " and this coordinator serves pool ", ours,
      ". Nothing was stored: point the worker to its own coordinator, or start it with an empty "
      "data directory to join this one."));
}

absl::string_view StatusName(HandoffStatus status) {
  switch (status) {
    case HandoffStatus::kQueued:
      return "queued";
    case HandoffStatus::kRunning:
      return "running";
    case HandoffStatus::kStalled:
      return "stalled";
    case HandoffStatus::kWaiting:
      return "waiting";
    case HandoffStatus::kInteractive:
      return "interactive";
    case HandoffStatus::kSucceeded:
      return "succeeded";
    case HandoffStatus::kFailed:
      return "failed";
    case HandoffStatus::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace handoff::core
