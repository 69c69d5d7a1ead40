// Accepts connections on a thread of its own.
//
// gRPC 1.51's listener never accepts again once the process ran out of descriptors (CVE-2023-4785).
// This one closes what is above its limits, so that files and running calls keep their descriptors
// and other peers get in, and goes on.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "common/rpc/connection_table.h"
#include "common/unique_fd.h"

namespace handoff {

// Not thread-safe; `accepted` runs on the listener's thread.
class Listener {
 public:
  // Binds and listens; a unix socket gets `mode`, by default for this user only, and one that
  // nobody listens on any more is replaced. FAILED_PRECONDITION when the address is in use.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const Address& address, mode_t mode = 0600);
  ~Listener();  // stops

  const Address& address() const { return address_; }  // with the port that the kernel chose
  int fd() const { return socket_.get(); }

  // Connections above the limits are closed at once, and counted in Refusals::OfProcess().
  void Start(ConnectionLimits limits, std::function<void(UniqueFd)> accepted);
  void Stop();  // refuses connections from here on

 private:
  Listener(Address address, UniqueFd socket);
  struct Connection {
    UniqueFd fd;
    ConnectionPeer peer;
  };
  void Run(ConnectionLimits limits, const std::function<void(UniqueFd)>& accepted);
  Connection Accept();

  Address address_;
  UniqueFd socket_;
  UniqueFd stop_;   // readable: the thread ends
  UniqueFd spare_;  // given up for a moment to accept and close when no descriptor is left
  std::thread thread_;
};

}  // namespace handoff
