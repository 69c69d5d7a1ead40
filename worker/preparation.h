// Everything before the agent's process: workspace, handoff.md, session, command line. Every step
// may be done again after a crash.
#pragma once

#include <variant>

#include "worker/attempt.h"
#include "worker/run_end.h"
#include "worker/shim/shim_files.h"

namespace handoff::worker {

struct Interrupted {};  // stopped, or the daemon leaves
struct NoAgent {};      // none was asked for: the workspace is there to be checked

using Prepared = std::variant<ShimSpec, PrepareFailure, Interrupted, NoAgent>;
Prepared PrepareAttempt(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                        AttemptBoard& board);

}  // namespace handoff::worker
