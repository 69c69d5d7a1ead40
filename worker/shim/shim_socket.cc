#include "worker/shim/shim_socket.h"

#include <sys/socket.h>

#include <cerrno>

namespace handoff {

void ShimSocket::Accept() {
  while (true) {
    UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid() && errno == EINTR) continue;
    if (!fd.valid()) return;
    connection_ = std::move(fd);
    blocked_ = false;
    told_state_.clear();
    told_log_bytes_ = 0;
    next_log_ = {};
  }
}

std::vector<ShimRequest> ShimSocket::Receive() {
  std::vector<ShimRequest> requests;
  char packet[kMaxPacket];
  while (connection_.valid()) {
    const ssize_t n = ::recv(connection_.get(), packet, sizeof(packet), MSG_DONTWAIT);
    // The reset comes once, before the requests of a daemon that died without reading our events.
    if (n < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      connection_.Reset();
      break;
    }
    auto request = DecodeShimRequest(std::string(packet, static_cast<size_t>(n)));
    if (request.ok()) requests.push_back(*std::move(request));
  }
  return requests;
}

void ShimSocket::Tell(absl::string_view state, uint64_t log_bytes) {
  state_ = std::string(state);
  log_bytes_ = log_bytes;
}

bool ShimSocket::SendPacket(const ShimEvent& event) {
  const std::string packet = Encode(event);
  const ssize_t n =
      ::send(connection_.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  // A peer that is gone shows when its last requests were received, not here: they still count.
  blocked_ = n < 0;
  return n >= 0;
}

void ShimSocket::Send(BootTime now) {
  if (blocked_) return;
  if (connection_.valid() && told_state_ != state_ && SendPacket({std::nullopt, state_})) {
    told_state_ = state_;
  }
  if (connection_.valid() && told_log_bytes_ != log_bytes_ && now >= next_log_ &&
      SendPacket({log_bytes_, ""})) {
    told_log_bytes_ = log_bytes_;
    next_log_ = now + kLogInterval;
  }
}

std::optional<BootTime> ShimSocket::NextSend() const {
  if (!connection_.valid() || blocked_ || told_log_bytes_ == log_bytes_) return std::nullopt;
  return next_log_;
}

}  // namespace handoff
