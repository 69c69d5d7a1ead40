// question.md in the handoff directory: what the agent asks when only a person can decide.
#pragma once

#include "worker/attempt.h"

namespace handoff::worker {

// Before the agent starts: what an earlier attempt asked is not asked again.
void DropOldQuestion(Attempt& attempt);
// After its end: into the attempt's end. What cannot be read safely is no question.
void TakeQuestion(Attempt& attempt);

}  // namespace handoff::worker
