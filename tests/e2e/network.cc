#include "tests/e2e/network.h"

#include <unistd.h>

#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff::e2e {
namespace {

constexpr char kBridge[] = "bridge";
constexpr absl::string_view kListen = "0A";  // as /proc/net/tcp has it

// Says that it is there; ends, with all that is in its namespace, when the pipe is closed. Twice:
// what is killed last may have started something.
constexpr char kHold[] = R"sh(echo ready; cat >/dev/null
mine=$(readlink /proc/self/ns/net)
for round in 1 2; do for process in /proc/[0-9]*; do
  [ "$process" != /proc/$$ ] && [ "$(readlink "$process/ns/net" 2>/dev/null)" = "$mine" ] &&
    kill -9 "${process#/proc/}" 2>/dev/null
done; done)sh";

std::string ReadLineOf(int fd) {
  std::string line;
  char c = 0;
  while (::read(fd, &c, 1) == 1 && c != '\n') line.push_back(c);
  return line;
}

std::vector<int> PortsIn(const std::string& table) {
  std::istringstream lines(ReadFile(table, 64 << 20).value());
  std::string line, number, local, remote, state;
  std::getline(lines, line);  // its heading
  std::vector<int> ports;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    uint32_t port = 0;
    fields >> number >> local >> remote >> state;
    if (state != kListen) continue;
    CHECK(absl::SimpleHexAtoi(local.substr(local.rfind(':') + 1), &port));
    ports.push_back(static_cast<int>(port));
  }
  return ports;
}

}  // namespace

absl::StatusOr<Network> Network::Make(const std::vector<std::string>& hosts) {
  Network network;
  RETURN_IF_ERROR(network.Hold(kBridge));
  RETURN_IF_ERROR(network.Run(kBridge, {"ip", "link", "add", kBridge, "type", "bridge"}));
  RETURN_IF_ERROR(network.Run(kBridge, {"ip", "link", "set", kBridge, "up"}));
  for (size_t i = 0; i < hosts.size(); ++i) {
    RETURN_IF_ERROR(network.Hold(hosts[i]));
    RETURN_IF_ERROR(network.Connect(i + 1));
  }
  return network;
}

Network::~Network() {
  for (Holder& holder : holders_) {
    holder.life.Reset();
    CHECK(holder.process.Wait().ok());
  }
}

absl::Status Network::Hold(const std::string& name) {
  auto said = MakePipe(), life = MakePipe();
  CHECK(said.ok() && life.ok());
  SpawnOptions options;
  // All in one user namespace, so that cables can be laid between them.
  if (!holders_.empty()) options.argv = Enter(kBridge);
  const bool user = holders_.empty() && ::geteuid() != 0;
  for (const char* word : {"unshare", user ? "-Urn" : "-n", "sh", "-c", kHold})
    options.argv.push_back(word);
  options.env = CurrentEnvironment();
  options.fds = {{0, life->first.get()}, {1, said->second.get()}};
  ASSIGN_OR_RETURN(Subprocess process, Subprocess::Spawn(options));
  said->second.Reset();
  if (ReadLineOf(said->first.get()) != "ready") {
    return absl::UnavailableError(
        "this machine lets us make no network namespaces: that needs root with CAP_NET_ADMIN, or "
        "user namespaces for everybody");
  }
  holders_.push_back({name, std::move(process), std::move(life->second)});
  return Run(name, {"ip", "link", "set", "lo", "up"});
}

absl::Status Network::Connect(size_t number) {
  const Holder& holder = holders_[number];
  const std::string plug = absl::StrCat("host", number);
  RETURN_IF_ERROR(Run(kBridge, {"ip", "link", "add", plug, "type", "veth", "peer", "name", "eth0",
                                "netns", absl::StrCat(holder.process.pid())}));
  RETURN_IF_ERROR(Run(kBridge, {"ip", "link", "set", plug, "master", kBridge, "up"}));
  RETURN_IF_ERROR(Run(holder.name, {"ip", "address", "add",
                                    absl::StrCat(AddressOf(holder.name), "/24"), "dev", "eth0"}));
  return Run(holder.name, {"ip", "link", "set", "eth0", "up"});
}

absl::Status Network::Run(const std::string& where, const std::vector<std::string>& argv) const {
  SpawnOptions options;
  options.argv = Enter(where);
  options.argv.insert(options.argv.end(), argv.begin(), argv.end());
  options.env = CurrentEnvironment();
  ASSIGN_OR_RETURN(const RunResult result, RunProcess(options, "", absl::Minutes(1)));
  if (result.status.ok()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "this machine lets us connect no namespaces: ", absl::StrJoin(argv, " "), ": ", result.err));
}

size_t Network::NumberOf(absl::string_view host) const {
  for (size_t i = 0; i < holders_.size(); ++i) {
    if (host == holders_[i].name) return i;
  }
  CHECK(false);
}

std::vector<std::string> Network::Enter(absl::string_view host) const {
  std::vector<std::string> argv = {
      "nsenter", "--net", absl::StrCat("--target=", holders_[NumberOf(host)].process.pid())};
  if (::geteuid() != 0) argv.insert(argv.end(), {"--user", "--preserve-credentials"});
  return argv;
}

std::string Network::AddressOf(absl::string_view host) const {
  return absl::StrCat("10.77.0.", NumberOf(host));
}

void Network::SetLink(absl::string_view host, bool up) const {
  const std::string plug = absl::StrCat("host", NumberOf(host));
  CHECK(Run(kBridge, {"ip", "link", "set", plug, up ? "up" : "down"}).ok());
}

std::vector<int> Network::ListeningPorts(absl::string_view host) const {
  const std::string proc = absl::StrCat("/proc/", holders_[NumberOf(host)].process.pid(), "/net/");
  std::vector<int> ports = PortsIn(proc + "tcp");
  const std::vector<int> more = PortsIn(proc + "tcp6");
  ports.insert(ports.end(), more.begin(), more.end());
  return ports;
}

}  // namespace handoff::e2e
