// What a coordinator says of itself to a worker that asks outside of its daemon.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "worker/doctor.h"

namespace handoff::worker {

// With the certificate in `directory`, which the pool must know. UNAVAILABLE, with the words of a
// person, when no connection comes about.
absl::StatusOr<PoolAnswer> AskPool(const std::string& address, const std::string& pool_id,
                                   const std::string& directory, const Clock& clock);

}  // namespace handoff::worker
