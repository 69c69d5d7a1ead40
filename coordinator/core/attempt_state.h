// THE state machine of an attempt.
//
//   kQueued ──lease──▶ kLeased ──started──▶ kRunning ──end──▶ kSucceeded | kFailed
//      │                  │                     │
//      │                  ├───stop──▶ kStopping ◀┘ (slot stays charged)
//      │                  │              │  └──end──▶ kCancelled | kSucceeded | kFailed
//      │cancel            │lost          │lost
//      ▼                  ▼              ▼
//   kCancelled          kLost          kLost   (from kRunning too)
//
// An attempt is leased at most once: a retry is a new attempt. kRunning is what the worker said
// last and is not stored by itself: after a restart of the coordinator an attempt is kLeased until
// its worker syncs.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace handoff::core {

enum class AttemptState {
  kQueued = 1,
  kLeased,
  kRunning,
  kStopping,
  kSucceeded,
  kFailed,
  kCancelled,
  kLost
};
enum class AttemptEvent {
  kLease,
  kStarted,
  kStop,
  kCancelQueued,
  kEndSucceeded,
  kEndFailed,
  kEndCancelled,
  kLose
};

// The state after `event`, or nothing when the event does not belong to the state.
std::optional<AttemptState> Next(AttemptState state, AttemptEvent event);

constexpr bool IsTerminal(AttemptState s) {
  return s == AttemptState::kSucceeded || s == AttemptState::kFailed ||
         s == AttemptState::kCancelled || s == AttemptState::kLost;
}
// A slot is charged.
constexpr bool IsLive(AttemptState s) {
  return s == AttemptState::kLeased || s == AttemptState::kRunning || s == AttemptState::kStopping;
}
absl::string_view AttemptStateName(AttemptState state);

}  // namespace handoff::core
