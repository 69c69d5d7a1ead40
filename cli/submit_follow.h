// Staying with a handoff that was just submitted.
#pragma once

#include <functional>
#include <string>

#include "cli/verb.h"

namespace handoff {

// Until attempt `number` begins or the handoff rests: whichever it is, HasBegun tells. CANCELLED
// when the person left.
absl::StatusOr<v1::Handoff> AwaitAttempt(const std::string& id, int number, Context& context);
bool HasBegun(const v1::Handoff& handoff, int number);

// Called with the handoff as it ended; with what became of its push, where that was asked for.
using OnEnd = std::function<void(const v1::Handoff&)>;

// The logs of its attempts from `first` on, one after the other, on stderr, since stdout is the id
// alone; then how it ended.
VerbResult FollowToEnd(const std::string& id, Context& context, int first = 1,
                       const OnEnd& on_end = nullptr);

// Progress until it ended; then how. Over restarts of the coordinator.
VerbResult WaitToEnd(const std::string& id, Context& context, const OnEnd& on_end = nullptr);

}  // namespace handoff
