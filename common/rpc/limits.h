// What both ends of a connection must agree about.
#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace handoff {

inline constexpr int kMaxMessageBytes = 4 << 20;
inline constexpr int kMaxMetadataBytes = 16 << 10;  // of the headers of one call

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

// From a connection to the end of its TLS handshake and to HTTP/2's first frame.
inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(5);

// Connections that a server holds. A process that may open few descriptors holds fewer: see
// ConnectionLimits::OfProcess.
inline constexpr int kMaxConnections = 16384;
// Of one address: many machines may be behind one.
inline constexpr int kMaxConnectionsPerPeer = 256;
// Of a loopback address, where ssh tunnels end, and of all unix sockets together.
inline constexpr int kMaxConnectionsPerLocalPeer = 4096;

}  // namespace handoff
