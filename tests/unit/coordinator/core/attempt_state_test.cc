#include "coordinator/core/attempt_state.h"

#include <map>
#include <utility>

#include "gtest/gtest.h"

namespace handoff::core {
namespace {

using S = AttemptState;
using E = AttemptEvent;

constexpr S kStates[] = {S::kQueued,    S::kLeased, S::kRunning,   S::kStopping,
                         S::kSucceeded, S::kFailed, S::kCancelled, S::kLost};
constexpr E kEvents[] = {E::kLease,        E::kStarted,   E::kStop,         E::kCancelQueued,
                         E::kEndSucceeded, E::kEndFailed, E::kEndCancelled, E::kLose};

TEST(AttemptState, EveryPairOfStateAndEventIsEitherInTheDiagramOrRefused) {
  const std::map<std::pair<S, E>, S> diagram = {
      {{S::kQueued, E::kLease}, S::kLeased},
      {{S::kQueued, E::kCancelQueued}, S::kCancelled},
      {{S::kLeased, E::kStarted}, S::kRunning},
      {{S::kLeased, E::kStop}, S::kStopping},
      {{S::kLeased, E::kEndSucceeded}, S::kSucceeded},
      {{S::kLeased, E::kEndFailed}, S::kFailed},
      {{S::kLeased, E::kLose}, S::kLost},
      {{S::kRunning, E::kStop}, S::kStopping},
      {{S::kRunning, E::kEndSucceeded}, S::kSucceeded},
      {{S::kRunning, E::kEndFailed}, S::kFailed},
      {{S::kRunning, E::kLose}, S::kLost},
      {{S::kStopping, E::kEndSucceeded}, S::kSucceeded},
      {{S::kStopping, E::kEndFailed}, S::kFailed},
      {{S::kStopping, E::kEndCancelled}, S::kCancelled},
      {{S::kStopping, E::kLose}, S::kLost},
  };
  for (const S state : kStates) {
    for (const E event : kEvents) {
      const auto expected = diagram.find({state, event});
      const auto got = Next(state, event);
      if (expected == diagram.end()) {
        EXPECT_FALSE(got.has_value()) << AttemptStateName(state) << " " << static_cast<int>(event);
      } else {
        ASSERT_TRUE(got.has_value()) << AttemptStateName(state) << " " << static_cast<int>(event);
        EXPECT_EQ(*got, expected->second) << AttemptStateName(state);
      }
    }
  }
}

TEST(AttemptState, NothingLeavesATerminalState) {
  for (const S state : kStates) {
    if (!IsTerminal(state)) continue;
    EXPECT_FALSE(IsLive(state));
    for (const E event : kEvents) EXPECT_FALSE(Next(state, event).has_value());
  }
}

TEST(AttemptState, EveryStateHasAName) {
  for (const S state : kStates) EXPECT_NE(AttemptStateName(state), "unknown");
}

}  // namespace
}  // namespace handoff::core
