// Who holds how many connections of a listener.
//
// gRPC owns a connection once it was handed over and does not tell when it closes it. So a
// connection counts as long as its descriptor number still is the same socket: SO_COOKIE is unique
// among all sockets of the host.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "common/clock.h"

namespace handoff {

struct ConnectionLimits {
  int total = 0;           // descriptor numbers from here on are not for connections
  int per_peer = 0;        // of one address
  int per_local_peer = 0;  // of a loopback address; of all unix sockets together

  // Files, databases and pipes need descriptors too, so connections get three quarters of what
  // RLIMIT_NOFILE allows. No address gets more than a quarter of those, no local one more than
  // half: what one takes leaves others room.
  static ConnectionLimits OfProcess();
};

// Whom a connection counts for.
struct ConnectionPeer {
  std::string name;    // "192.0.2.7", "2001:db8:1:2::/64" (one host has all of those), "unix"
  bool local = false;  // loopback or unix
};
ConnectionPeer PeerOfSocket(const sockaddr_storage& address);

// Not thread-safe.
class ConnectionTable {
 public:
  explicit ConnectionTable(ConnectionLimits limits) : limits_(limits) {}

  enum class Verdict { kAdmitted, kTooManyOfPeer, kTooMany };
  // `fd` is a connection that was just accepted: no other one that is open has its number.
  Verdict Admit(int fd, const ConnectionPeer& peer, BootTime now);

  int LimitOf(const ConnectionPeer& peer) const {
    return peer.local ? limits_.per_local_peer : limits_.per_peer;
  }

 private:
  struct Connection {
    uint64_t cookie = 0;
    std::string peer;
  };
  struct Holder {
    std::set<int> fds;
    BootTime looked;  // when all of them were looked at and none was closed
  };
  void Forget(int fd);
  void ForgetClosed(const std::string& peer);

  const ConnectionLimits limits_;
  // Never more than `total`: the entry of a closed connection goes at the latest when its
  // descriptor number is used again.
  std::map<int, Connection> connections_;
  std::map<std::string, Holder> holders_;
};

}  // namespace handoff
