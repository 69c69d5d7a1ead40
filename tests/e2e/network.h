// Hosts of their own for programs on one machine: network namespaces, each with an address on one
// bridge. They have no names, so that nothing of them is left when their last process has ended;
// and whatever runs in one is killed when this is destroyed, or when the test is killed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/subprocess.h"

namespace handoff::e2e {

class Network {
 public:
  // Hosts with these names. UNAVAILABLE, with the reason, where this machine lets us make none:
  // that needs root, or user namespaces for everybody.
  static absl::StatusOr<Network> Make(const std::vector<std::string>& hosts);
  Network(Network&&) noexcept = default;
  Network& operator=(Network&&) = delete;
  ~Network();

  // What a program is started through to run there.
  std::vector<std::string> Enter(absl::string_view host) const;
  std::string AddressOf(absl::string_view host) const;
  // Cuts its cable, or plugs it in again.
  void SetLink(absl::string_view host, bool up) const;
  // The local ports, IPv4 and IPv6, at which anything listens there.
  std::vector<int> ListeningPorts(absl::string_view host) const;

 private:
  // The process that holds a namespace, and the pipe that tells it to end.
  struct Holder {
    std::string name;
    Subprocess process;
    UniqueFd life;
  };
  Network() = default;
  absl::Status Hold(const std::string& name);
  absl::Status Connect(size_t number);
  absl::Status Run(const std::string& where, const std::vector<std::string>& argv) const;
  size_t NumberOf(absl::string_view host) const;

  std::vector<Holder> holders_;  // the first is the bridge's
};

}  // namespace handoff::e2e
