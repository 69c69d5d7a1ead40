// What systemd wants to hear of a service of Type=notify (sd_notify(3)): one datagram. By hand,
// since libsystemd would be a dependency for these few lines.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff {

// "READY=1", "STOPPING=1", "STATUS=…". OK, and nothing done, where $NOTIFY_SOCKET is not set:
// nobody waits for it. Never blocks.
absl::Status NotifyService(absl::string_view state);

}  // namespace handoff
