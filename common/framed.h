// One message after the other on a stream socket: its length in four bytes, then itself.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

// `socket` may be non-blocking. DEADLINE_EXCEEDED when the other side does not do its part within
// `limit`; UNAVAILABLE when it closed the connection.
absl::Status SendFrame(int socket, absl::string_view message, absl::Duration limit);
// INVALID_ARGUMENT, and nothing more is read, when the message would be longer than that.
absl::StatusOr<std::string> ReceiveFrame(int socket, size_t max_bytes, absl::Duration limit);

}  // namespace handoff
