// The shim's end of DIR/sock: one connection at a time, the newest wins. Owned by the shim; not
// thread-safe. Never blocks: a daemon that does not read gets the newest log size and state when it
// does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "common/unique_fd.h"
#include "worker/shim/shim_wire.h"

namespace handoff {

class ShimSocket {
 public:
  // Log sizes are told at most this often.
  static constexpr absl::Duration kLogInterval = absl::Milliseconds(4);

  ShimSocket(UniqueFd listening, UniqueFd connection)
      : listening_(std::move(listening)), connection_(std::move(connection)) {}

  int listening_fd() const { return listening_.get(); }
  int connection_fd() const { return connection_.get(); }  // -1: nobody is connected
  bool WantsToWrite() const { return blocked_; }

  void Accept();
  // Requests that arrived. What is malformed or unknown is dropped: it can only be another version.
  std::vector<ShimRequest> Receive();

  void Tell(absl::string_view state, uint64_t log_bytes);
  // Tells the state although it did not change.
  void TellStateAgain() { told_state_.clear(); }
  void Unblock() { blocked_ = false; }
  // The last words; lost if the daemon does not read.
  void TellExit(const ShimExit& exit) {
    if (connection_.valid()) SendPacket({exit.log_bytes, "exited", exit});
  }
  // Sends what is due.
  void Send(BootTime now);
  // When Send has to be called although nothing happened.
  std::optional<BootTime> NextSend() const;

 private:
  bool SendPacket(const ShimEvent& event);

  UniqueFd listening_;
  UniqueFd connection_;
  std::string state_;
  uint64_t log_bytes_ = 0;
  std::string told_state_;
  uint64_t told_log_bytes_ = 0;
  BootTime next_log_;
  bool blocked_ = false;
};

}  // namespace handoff
