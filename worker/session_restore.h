// Gives an attempt the session that it is to go on with, out of the checkpoint that it goes on
// from; and a fresh one where it cannot be had, which its prompt and its record then say.
#pragma once

#include "worker/attempt.h"

namespace handoff::worker {

// Whether the session's files have to come out of the checkpoint: it lies on another host, or those
// that lay here are gone.
bool NeedsSession(const Surroundings& around, const Attempt& attempt);

// With the workspace in place, and what NeedsSession asked for in the attempt's directory. A
// session that cannot be restored, or has a name that is none, is not gone on with: a fresh one
// begins. A byte on `cancel` ends the agent's own part in it.
void RestoreSession(const Surroundings& around, Attempt& attempt, int cancel);

}  // namespace handoff::worker
