// Where a server listens or a client connects: "HOST:PORT", "[::1]:PORT" or "unix:/path".
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

struct Address {
  std::string host;  // empty for a unix socket; without brackets for IPv6
  int port = 0;      // 0: the kernel chooses (servers only)
  std::string path;  // of the unix socket, absolute

  bool is_unix() const { return !path.empty(); }
  std::string ToString() const;  // parses to the same again
  // What gRPC's resolvers take: numeric addresses never ask DNS.
  std::string Target() const;
};

absl::StatusOr<Address> ParseAddress(absl::string_view text);

// 127.0.0.0/8, ::1, "localhost" or a unix socket: only processes of this host can reach it.
bool IsLoopback(const Address& address);

}  // namespace handoff
