// The push that the answer to a report asks for. The coordinator accepted the end at the current
// epoch; it is tried until the lease that was held then ends, 10 minutes at most, and what became
// of it is brought to the coordinator. A daemon that ends meanwhile leaves it to the next one,
// which reports again and is asked again.
#pragma once

#include "absl/status/status.h"
#include "worker/attempt.h"

namespace handoff::worker {

// `handoff` as the answer has it; gets the result. CANCELLED when the daemon leaves; else OK,
// whatever became of the push.
absl::Status PushWork(const Surroundings& around, const Attempt& attempt, AttemptControl& control,
                      AttemptBoard& board, v1::Handoff& handoff);

}  // namespace handoff::worker
