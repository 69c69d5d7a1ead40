// ssh://[USER@]HOST[:PORT]: the coordinator at loopback of a host that ssh reaches, PORT there. ssh
// only carries the bytes: inside is the same mutual TLS as everywhere.
#pragma once

#include <memory>
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

class SshTunnel {
 public:
  // Returns when it is open; until then ssh may ask the person. UNAVAILABLE when ssh ended.
  static absl::StatusOr<std::unique_ptr<SshTunnel>> Open(const std::string& address);
  ~SshTunnel();
  SshTunnel(const SshTunnel&) = delete;
  SshTunnel& operator=(const SshTunnel&) = delete;

  // Where the coordinator is from here.
  std::string local_address() const { return "unix:" + socket_; }

 private:
  SshTunnel(std::string socket, Subprocess ssh, UniqueFd lifeline)
      : socket_(std::move(socket)), ssh_(std::move(ssh)), lifeline_(std::move(lifeline)) {}
  absl::Status AwaitOpen(const std::string& address);

  const std::string socket_;
  Subprocess ssh_;
  UniqueFd lifeline_;  // closed, also by our death: ssh is ended and the socket removed
};

}  // namespace handoff
