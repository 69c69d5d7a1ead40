// That trying again may help after a while, across the wire: a trailer beside the status.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include "absl/status/status.h"

namespace handoff {

// Whole milliseconds, decimal; with an error of which RetryAfter (common/status.h) knows it.
inline constexpr char kRetryAfterTrailer[] = "retry-after-ms";

// Before the call is finished with `status`.
void SendRetryAfter(const absl::Status& status, grpc::ServerContextBase& context);
// `status` of a call that is finished, with what came along. A value that is none is left out.
absl::Status TakeRetryAfter(absl::Status status, const grpc::ClientContext& context);

}  // namespace handoff
