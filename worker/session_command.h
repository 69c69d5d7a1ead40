// Sessions that an agent's CLI keeps where no file of them can be taken: its own commands write one
// into a file, and take it from there on another host.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "worker/attempt.h"

namespace handoff::worker {

// After its last process ended. Where the CLI does not do it the checkpoint is without the session,
// and a note in the facts says so. A byte on `cancel` ends it. Nothing for most agents.
void SaveSession(const Surroundings& around, Attempt& attempt, const std::string& session,
                 int cancel);

// With the session's file and the workspace in place. OK for agents whose files are the session.
absl::Status LoadSession(const Surroundings& around, const Attempt& attempt,
                         const std::string& session, int cancel);

}  // namespace handoff::worker
