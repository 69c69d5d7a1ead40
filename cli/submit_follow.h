// Staying with a handoff that was just submitted.
#pragma once

#include <string>

#include "cli/verb.h"

namespace handoff {

// Until attempt `number` begins or the handoff rests: whichever it is, HasBegun tells. CANCELLED
// when the person left.
absl::StatusOr<v1::Handoff> AwaitAttempt(const std::string& id, int number, Context& context);
bool HasBegun(const v1::Handoff& handoff, int number);

// The logs of its attempts from `first` on, one after the other, on stderr, since stdout is the id
// alone; then how it ended.
VerbResult FollowToEnd(const std::string& id, Context& context, int first = 1);

// Progress until it ended; then how.
VerbResult WaitToEnd(const std::string& id, Context& context);

}  // namespace handoff
