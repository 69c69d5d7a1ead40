// What both ends of a connection must agree about.
#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace handoff {

inline constexpr int kMaxMessageBytes = 4 << 20;

// How far a peer may write ahead of a reader that does not read. Without this and with bandwidth
// probing on, 200 unread streams took 2.7 GB; so they take 55 MB.
inline constexpr int kLookaheadBytes = 256 << 10;

inline constexpr absl::Duration kKeepaliveTime = absl::Seconds(20);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);
// Below the client's keepalive time, or the server would end the connection for too many pings.
inline constexpr absl::Duration kMinPingInterval = absl::Seconds(10);

inline constexpr absl::Duration kMaxReconnectBackoff = absl::Seconds(5);

// The buffers of all connections of a server together.
inline constexpr size_t kServerMemoryQuota = size_t{512} << 20;
inline constexpr int kMaxStreamsPerConnection = 4096;

}  // namespace handoff
