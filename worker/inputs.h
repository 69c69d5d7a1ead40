// The files that were attached to a handoff, in inputs/ of its directory in the workspace.
#pragma once

#include "absl/status/status.h"
#include "worker/attempt.h"

namespace handoff::worker {

// As they were sent, whatever an earlier attempt made of them; one that is there already is not
// brought again. The bytes are the submitter's and the directory the agent's: nothing there is
// followed.
absl::Status BringInputs(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                         AttemptBoard& board);

}  // namespace handoff::worker
