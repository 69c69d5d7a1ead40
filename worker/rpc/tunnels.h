// The ssh tunnels of this daemon: one for each ssh:// address that it uses, opened at the first use
// and again whenever it ended, with a wait between that grows.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backoff.h"
#include "common/mutex.h"
#include "common/ssh_tunnel.h"

namespace handoff::worker {

inline constexpr Backoff kTunnelBackoff{absl::Seconds(1), absl::Seconds(60)};

// Thread-safe. A thread for each tunnel.
class Tunnels {
 public:
  explicit Tunnels(Backoff backoff = kTunnelBackoff) : backoff_(backoff) {}
  ~Tunnels();  // ends them

  // Where `address` is from here: itself unless it is behind ssh. UNAVAILABLE while that tunnel is
  // not open. Another answer than before: it was opened anew, and connections by the old one are
  // dead.
  absl::StatusOr<std::string> Resolve(const std::string& address);

 private:
  struct Tunnel {
    absl::StatusOr<std::string> local = absl::UnavailableError("");
    std::jthread thread;
  };
  void Keep(const std::string& address, const std::stop_token& stop);
  void Tell(const std::string& address, absl::StatusOr<std::string> local);
  bool Pause(absl::Duration time, const std::stop_token& stop);

  const Backoff backoff_;
  Mutex mutex_;
  CondVar stopped_;
  std::map<std::string, Tunnel> tunnels_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff::worker
