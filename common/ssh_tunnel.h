// ssh://[USER@]HOST[:PORT]: the coordinator at loopback of a host that ssh reaches, PORT there. ssh
// only carries the bytes: inside is the same mutual TLS as everywhere.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/subprocess.h"
#include "common/unique_fd.h"

namespace handoff {

bool IsSshAddress(absl::string_view address);

struct SshAddress {
  std::string destination;  // what ssh is given: never an option
  int port = 7433;
};
absl::StatusOr<SshAddress> ParseSshAddress(absl::string_view address);

// Who stands behind a tunnel.
enum class SshUse {
  kPerson,  // ssh may ask for a password at their terminal
  kDaemon   // nobody is asked, and a host that went away is noticed within a minute
};

class SshTunnel {
 public:
  // Returns when it is open; until then ssh may ask the person. UNAVAILABLE when ssh ended,
  // CANCELLED when `stop` was requested.
  static absl::StatusOr<std::unique_ptr<SshTunnel>> Open(const std::string& address, SshUse use,
                                                         std::stop_token stop = {});
  ~SshTunnel();
  SshTunnel(const SshTunnel&) = delete;
  SshTunnel& operator=(const SshTunnel&) = delete;

  // Where the coordinator is from here.
  std::string local_address() const { return "unix:" + socket_; }
  // Blocks until ssh ended, or `stop` was requested.
  void AwaitEnd(const std::stop_token& stop) const;

 private:
  SshTunnel(std::string socket, Subprocess ssh, UniqueFd lifeline)
      : socket_(std::move(socket)), ssh_(std::move(ssh)), lifeline_(std::move(lifeline)) {}
  bool Ended() const;  // looks for a moment
  absl::Status AwaitOpen(const std::string& address, const std::stop_token& stop) const;

  const std::string socket_;
  Subprocess ssh_;
  UniqueFd lifeline_;  // closed, also by our death: ssh is ended and the socket removed
};

}  // namespace handoff
