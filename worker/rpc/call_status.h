// What a call that failed means to this worker.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace handoff::worker {

// With the words of a person where a handshake failed.
absl::Status FromCall(const grpc::Status& status);
// Of what is called on behalf of an attempt: a coordinator that does not know who asks, or not the
// call or the protocol, says nothing of the attempt, so it counts as one that is away.
absl::Status FromAttemptCall(const grpc::Status& status);

}  // namespace handoff::worker
