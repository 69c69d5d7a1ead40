#include "coordinator/core/attempt_state.h"

namespace handoff::core {
namespace {

std::optional<AttemptState> NextOfLive(AttemptState state, AttemptEvent event) {
  switch (event) {
    case AttemptEvent::kEndSucceeded:
      return AttemptState::kSucceeded;
    case AttemptEvent::kEndFailed:
      return AttemptState::kFailed;
    case AttemptEvent::kLose:
      return AttemptState::kLost;
    case AttemptEvent::kStarted:
      if (state == AttemptState::kLeased) return AttemptState::kRunning;
      return std::nullopt;
    case AttemptEvent::kStop:
      if (state != AttemptState::kStopping) return AttemptState::kStopping;
      return std::nullopt;
    case AttemptEvent::kEndCancelled:
      // Only an attempt that the coordinator stopped can end as cancelled.
      if (state == AttemptState::kStopping) return AttemptState::kCancelled;
      return std::nullopt;
    case AttemptEvent::kLease:
    case AttemptEvent::kCancelQueued:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<AttemptState> Next(AttemptState state, AttemptEvent event) {
  if (IsLive(state)) return NextOfLive(state, event);
  if (state != AttemptState::kQueued) return std::nullopt;
  if (event == AttemptEvent::kLease) return AttemptState::kLeased;
  if (event == AttemptEvent::kCancelQueued) return AttemptState::kCancelled;
  return std::nullopt;
}

absl::string_view AttemptStateName(AttemptState state) {
  switch (state) {
    case AttemptState::kQueued:
      return "queued";
    case AttemptState::kLeased:
      return "leased";
    case AttemptState::kRunning:
      return "running";
    case AttemptState::kStopping:
      return "stopping";
    case AttemptState::kSucceeded:
      return "succeeded";
    case AttemptState::kFailed:
      return "failed";
    case AttemptState::kCancelled:
      return "cancelled";
    case AttemptState::kLost:
      return "lost";
  }
  return "unknown";
}

}  // namespace handoff::core
