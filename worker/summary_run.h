// One summary, from the wish to the answer: the log is brought, digested, given to the agent's CLI
// in a mode in which it can only read, and what it answers is held against the log.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/attempt.h"
#include "worker/core/model.h"

namespace handoff::worker {

// A serialised handoff.v1.Summary, also when there is none: it says why. Blocks; the agent has
// config.summary_limit, and is ended with all that it started. UNAVAILABLE when the coordinator
// does not answer, CANCELLED when `interrupt` was raised.
absl::StatusOr<std::string> MakeSummary(const Surroundings& around, const SummaryWish& wish,
                                        const Signal& interrupt);

// What a daemon that was killed left of one.
void EndEarlierSummary(const Surroundings& around);

}  // namespace handoff::worker
