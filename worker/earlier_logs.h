// The logs of a handoff's earlier attempts, beside handoff.md on every host: what ran here is still
// here, the rest is asked of the coordinator. A log that cannot be had is named in the daemon's
// log, and the attempt goes on without it.
#pragma once

#include "worker/attempt.h"
#include "worker/attempt_control.h"

namespace handoff::worker {

// Brings those that are missing on this host, and puts all into the workspace's handoff directory.
// One that is there already is left. Blocks; returns early when the attempt is interrupted.
void BringEarlierLogs(const Surroundings& around, Attempt& attempt, const AttemptControl& control);

// Puts all that are on this host there again: the agent may have changed or removed them.
void RestoreEarlierLogs(const Surroundings& around, Attempt& attempt);

}  // namespace handoff::worker
