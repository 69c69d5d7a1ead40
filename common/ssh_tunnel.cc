#include "common/ssh_tunnel.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::string_view kScheme = "ssh://";
constexpr int kLookEveryMilliseconds = 50;

// The shell becomes ssh; what it leaves behind waits for the end of descriptor 3, which we hold.
constexpr char kScript[] =
    R"(dir=$1; shift
{ read -r _; kill $$; rm -rf -- "$dir"; } <&3 >/dev/null 2>&1 &
exec "$@" 3<&-)";

bool IsPartOfDestination(absl::string_view text) {
  return !text.empty() && text.size() <= 255 && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                  c == '_';
         });
}

std::vector<std::string> EnvironmentOfSsh() {
  std::vector<std::string> environment = CurrentEnvironment();
  environment.erase(std::remove_if(environment.begin(), environment.end(),
                                   [](const std::string& entry) {
                                     return absl::StartsWith(entry, "HANDOFF_TOKEN=");
                                   }),
                    environment.end());
  return environment;
}

std::vector<std::string> CommandOf(const SshAddress& to, const std::string& socket, SshUse use) {
  std::vector<std::string> command = {"ssh", "-N", "-T", "-o", "ExitOnForwardFailure=yes",
                                      // Ours to end.
                                      "-o", "ControlPath=none"};
  if (use == SshUse::kDaemon) {
    command.insert(command.end(), {"-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o",
                                   "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"});
  }
  command.insert(command.end(),
                 {"-L", absl::StrCat(socket, ":127.0.0.1:", to.port), "--", to.destination});
  return command;
}

bool Accepts(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd.valid() &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

bool IsSshAddress(absl::string_view address) { return absl::StartsWith(address, kScheme); }

absl::StatusOr<SshAddress> ParseSshAddress(absl::string_view address) {
  absl::string_view rest = absl::StripPrefix(address, kScheme);
  SshAddress parsed;
  const size_t colon = rest.find(':');
  bool good = IsSshAddress(address);
  if (colon != absl::string_view::npos) {
    good = good && absl::SimpleAtoi(rest.substr(colon + 1), &parsed.port) && parsed.port > 0 &&
           parsed.port < 65536;
    rest = rest.substr(0, colon);
  }
  parsed.destination = std::string(rest);
  const size_t at = rest.find('@');
  if (at != absl::string_view::npos) {
    good = good && IsPartOfDestination(rest.substr(0, at));
    rest.remove_prefix(at + 1);
  }
  if (good && IsPartOfDestination(rest)) return parsed;
  return absl::InvalidArgumentError(
      absl::StrCat("'", OneLine(address, 200),
                   "' is no address of a coordinator behind ssh: write ssh://HOST, "
                   "ssh://USER@HOST or ssh://HOST:PORT, with the coordinator's port on that host"));
}

absl::StatusOr<std::unique_ptr<SshTunnel>> SshTunnel::Open(const std::string& address, SshUse use,
                                                           std::stop_token stop) {
  ASSIGN_OR_RETURN(const SshAddress to, ParseSshAddress(address));
  ASSIGN_OR_RETURN(TempDir dir, TempDir::Make("handoff-ssh-"));
  const std::string socket = dir.path() + "/s";
  if (socket.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::FailedPreconditionError(
        absl::StrCat(dir.path(), " is too long a path for a socket: set TMPDIR to a shorter one"));
  }
  ASSIGN_OR_RETURN(auto lifeline, MakePipe());
  SpawnOptions options;
  options.argv = {"sh", "-c", kScript, "sh", dir.path()};
  const std::vector<std::string> command = CommandOf(to, socket, use);
  options.argv.insert(options.argv.end(), command.begin(), command.end());
  options.env = EnvironmentOfSsh();
  options.fds = {{2, STDERR_FILENO}, {3, lifeline.first.get()}};
  options.new_session = use == SshUse::kDaemon;  // a person's asks for a password at our terminal
  ASSIGN_OR_RETURN(Subprocess ssh, Subprocess::Spawn(options));
  dir.Release();  // theirs to remove
  std::unique_ptr<SshTunnel> tunnel(
      new SshTunnel(socket, std::move(ssh), std::move(lifeline.second)));
  RETURN_IF_ERROR(tunnel->AwaitOpen(address, stop));
  return tunnel;
}

bool SshTunnel::Ended() const {
  pollfd ended{ssh_.pidfd(), POLLIN, 0};
  return ::poll(&ended, 1, kLookEveryMilliseconds) > 0;
}

absl::Status SshTunnel::AwaitOpen(const std::string& address, const std::stop_token& stop) const {
  while (!Accepts(socket_)) {
    if (stop.stop_requested()) return absl::CancelledError("stopped");
    if (Ended()) {
      return absl::UnavailableError(absl::StrCat("no coordinator was reached at ", address,
                                                 ": ssh ended; what it said stands above"));
    }
  }
  return absl::OkStatus();
}

void SshTunnel::AwaitEnd(const std::stop_token& stop) const {
  const UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  CHECK(wake.valid());
  const std::stop_callback tell(stop, [&wake] {
    const uint64_t one = 1;
    CHECK(::write(wake.get(), &one, sizeof(one)) == sizeof(one));
  });
  pollfd polled[2] = {{ssh_.pidfd(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
  while (::poll(polled, 2, -1) < 0) CHECK(errno == EINTR);
}

SshTunnel::~SshTunnel() {
  lifeline_.Reset();
  ssh_.Signal(SIGTERM);
  ssh_.Wait().IgnoreError();
}

}  // namespace handoff
