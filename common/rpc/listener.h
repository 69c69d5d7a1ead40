// Accepts connections on a thread of its own.
//
// gRPC 1.51's listener never accepts again once the process ran out of descriptors (CVE-2023-4785).
// This one closes what is above its cap, so that files and running calls keep their descriptors,
// and goes on.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "common/unique_fd.h"

namespace handoff {

// Not thread-safe; `accepted` runs on the listener's thread.
class Listener {
 public:
  // Binds and listens; a unix socket is for this user only (0600), and one that nobody listens on
  // any more is replaced. FAILED_PRECONDITION when the address is in use.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const Address& address);
  ~Listener();  // stops

  const Address& address() const { return address_; }  // with the port that the kernel chose
  int fd() const { return socket_.get(); }

  // Connections whose descriptor number is `cap` or above are closed at once.
  void Start(int cap, std::function<void(UniqueFd)> accepted);
  void Stop();  // refuses connections from here on

 private:
  Listener(Address address, UniqueFd socket);
  void Run(int cap, const std::function<void(UniqueFd)>& accepted);
  UniqueFd Accept();

  Address address_;
  UniqueFd socket_;
  UniqueFd stop_;   // readable: the thread ends
  UniqueFd spare_;  // given up for a moment to accept and close when no descriptor is left
  std::thread thread_;
};

}  // namespace handoff
