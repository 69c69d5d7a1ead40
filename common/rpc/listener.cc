#include "common/rpc/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/rpc/refusals.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kBacklog = 4096;
constexpr int kMostAtOnce = 256;
constexpr int kBetweenTellings = 1000;  // ms

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

absl::StatusOr<SocketAddress> ToSocketAddress(const Address& address) {
  SocketAddress result;
  if (address.is_unix()) {
    sockaddr_un un = {};
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, address.path.data(), address.path.size());
    std::memcpy(&result.storage, &un, sizeof(un));
    result.size = sizeof(un);
    return result;
  }
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(address.port));
    std::memcpy(&result.storage, &v4, sizeof(v4));
    result.size = sizeof(v4);
  } else if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<uint16_t>(address.port));
    std::memcpy(&result.storage, &v6, sizeof(v6));
    result.size = sizeof(v6);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot listen on ", address.ToString(), ": give a numeric address"));
  }
  return result;
}

absl::Status InUse(const Address& address) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on ", address.ToString(),
                   ": another process does; stop it or choose another address"));
}

// A socket file outlives its process. It may go only when nobody answers on it.
absl::Status RemoveStaleSocket(const Address& address, SocketAddress& where) {
  struct stat info = {};
  if (::lstat(address.path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot listen on ", address.path, ": a file that is no socket is there"));
  }
  UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe.valid()) return ErrnoToStatus(errno, "making a socket");
  if (::connect(probe.get(), where.get(), where.size) == 0) return InUse(address);
  if (errno != ECONNREFUSED) return ErrnoToStatus(errno, absl::StrCat("trying ", address.path));
  if (::unlink(address.path.c_str()) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("removing the old socket ", address.path));
  }
  return absl::OkStatus();
}

int BoundPort(int fd) {
  SocketAddress bound;
  bound.size = sizeof(bound.storage);
  CHECK(::getsockname(fd, bound.get(), &bound.size) == 0);
  if (bound.storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<sockaddr_in*>(&bound.storage)->sin_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in6*>(&bound.storage)->sin6_port);
}

UniqueFd OpenSpare() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const Address& address, mode_t mode) {
  ASSIGN_OR_RETURN(SocketAddress where, ToSocketAddress(address));
  if (address.is_unix()) RETURN_IF_ERROR(RemoveStaleSocket(address, where));
  UniqueFd fd(::socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoToStatus(errno, "making a socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd.get(), where.get(), where.size) != 0) {
    if (errno == EADDRINUSE) return InUse(address);
    return ErrnoToStatus(errno, absl::StrCat("cannot listen on ", address.ToString()));
  }
  // Before listen: nobody can connect yet.
  if (address.is_unix() && ::chmod(address.path.c_str(), mode) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("protecting ", address.path));
  }
  if (::listen(fd.get(), kBacklog) != 0) {
    if (errno == EADDRINUSE) return InUse(address);
    return ErrnoToStatus(errno, absl::StrCat("cannot listen on ", address.ToString()));
  }
  Address bound = address;
  if (!address.is_unix()) bound.port = BoundPort(fd.get());
  return std::unique_ptr<Listener>(new Listener(std::move(bound), std::move(fd)));
}

Listener::Listener(Address address, UniqueFd socket)
    : address_(std::move(address)),
      socket_(std::move(socket)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      spare_(OpenSpare()) {
  CHECK(stop_.valid());
}

Listener::~Listener() {
  Stop();
  if (address_.is_unix()) ::unlink(address_.path.c_str());
}

void Listener::Start(ConnectionLimits limits, std::function<void(UniqueFd)> accepted) {
  thread_ = std::thread([this, limits, accepted = std::move(accepted)] { Run(limits, accepted); });
}

void Listener::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    CHECK(::write(stop_.get(), &one, sizeof(one)) == sizeof(one));
    thread_.join();
  }
  // Or the kernel would go on taking connections that nobody serves, and clients would wait.
  socket_.Reset();
}

void Listener::Run(ConnectionLimits limits, const std::function<void(UniqueFd)>& accepted) {
  const RealClock clock;
  ConnectionTable table(limits);
  Refusals& refusals = Refusals::OfProcess();
  pollfd polled[2] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (true) {
    if (::poll(polled, 2, kBetweenTellings) < 0) {
      CHECK(errno == EINTR);
      continue;
    }
    if (polled[1].revents != 0) return;
    // Not for ever: in a flood, too, somebody may want this thread to end.
    for (int i = 0; i < kMostAtOnce; ++i) {
      Connection next = Accept();
      if (!next.fd.valid()) break;
      switch (table.Admit(next.fd.get(), next.peer, clock.Boot())) {
        case ConnectionTable::Verdict::kAdmitted:
          accepted(std::move(next.fd));
          break;
        case ConnectionTable::Verdict::kTooManyOfPeer:
          refusals.Add(Refusal::kPeerLimit,
                       absl::StrCat(next.peer.name, ", which may have ", table.LimitOf(next.peer)));
          break;
        case ConnectionTable::Verdict::kTooMany:
          refusals.Add(Refusal::kTotalLimit, absl::StrCat(next.peer.name, ", of ", limits.total));
          break;
      }
    }
    refusals.Tell(clock.Boot());
  }
}

Listener::Connection Listener::Accept() {
  while (true) {
    SocketAddress from;
    from.size = sizeof(from.storage);
    UniqueFd fd(::accept4(socket_.get(), from.get(), &from.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.valid()) {
      const int on = 1;  // fails on a unix socket, which has no delay
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return {std::move(fd), PeerOfSocket(from.storage)};
    }
    if (errno == EMFILE || errno == ENFILE) {
      // Left in the backlog it would keep the socket readable and this thread spinning.
      spare_.Reset();
      UniqueFd refused(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (refused.valid()) Refusals::OfProcess().Add(Refusal::kNoDescriptor, "");
      refused.Reset();
      spare_ = OpenSpare();
      return {};
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    return {};
  }
}

}  // namespace handoff
