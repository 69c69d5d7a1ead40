// Staying with a handoff that was just submitted.
#pragma once

#include <string>

#include "cli/verb.h"

namespace handoff {

// The logs of its attempts, one after the other, on stderr, since stdout is the id alone; then how
// it ended.
VerbResult FollowToEnd(const std::string& id, Context& context);

// Progress until it ended; then how.
VerbResult WaitToEnd(const std::string& id, Context& context);

}  // namespace handoff
