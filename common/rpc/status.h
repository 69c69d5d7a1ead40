// absl::Status ⇄ grpc::Status: the only place where one becomes the other.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace handoff {

// Long messages are cut: they travel in a header block that peers limit to 8 KiB.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace handoff
