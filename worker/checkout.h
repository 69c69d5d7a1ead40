// Brings an attempt's workspace into being: the submitted pack and the checkpoint from the
// coordinator, then handoff-repo. Idempotent: after a crash it is done again.
#pragma once

#include <optional>

#include "worker/attempt.h"
#include "worker/run_end.h"

namespace handoff {
namespace v1 {
class Repository;
}

namespace worker {

// What libgit2 or the disk said, sorted by who has to mend it.
PrepareFailure ClassifyCheckout(const absl::Status& status, const v1::Repository& repository);

// Fills in base commit and branch. Nothing on success. When the attempt was interrupted the failure
// means nothing.
std::optional<PrepareFailure> CheckOut(const Surroundings& around, Attempt& attempt,
                                       AttemptControl& control, AttemptBoard& board);

}  // namespace worker
}  // namespace handoff
