#include "common/rpc/connection_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/rpc/limits.h"

namespace handoff {
namespace {

// A peer at its limit that goes on connecting does not make us look at all that it holds each time.
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(100);

// 0 when `fd` is no socket (any more), which no socket has.
uint64_t CookieOf(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

ConnectionPeer OfIpv4(const in_addr& address) {
  char text[INET_ADDRSTRLEN] = "";
  CHECK(::inet_ntop(AF_INET, &address, text, sizeof(text)) != nullptr);
  return {text, (ntohl(address.s_addr) >> 24) == 127};
}

ConnectionPeer OfIpv6(in6_addr address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    in_addr v4 = {};
    std::memcpy(&v4, &address.s6_addr[12], sizeof(v4));
    return OfIpv4(v4);
  }
  if (IN6_IS_ADDR_LOOPBACK(&address)) return {"::1", true};
  std::memset(&address.s6_addr[8], 0, 8);
  char text[INET6_ADDRSTRLEN] = "";
  CHECK(::inet_ntop(AF_INET6, &address, text, sizeof(text)) != nullptr);
  return {absl::StrCat(text, "/64"), false};
}

}  // namespace

ConnectionLimits ConnectionLimits::OfProcess() {
  rlimit descriptors = {};
  rlim_t most = 1024;
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) most = descriptors.rlim_cur;
  const int total = static_cast<int>(std::min<rlim_t>(most, kMaxConnections / 3 * 4) / 4 * 3);
  return {total, std::min(kMaxConnectionsPerPeer, total / 4),
          std::min(kMaxConnectionsPerLocalPeer, total / 2)};
}

ConnectionPeer PeerOfSocket(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return OfIpv4(reinterpret_cast<const sockaddr_in*>(&address)->sin_addr);
  }
  if (address.ss_family == AF_INET6) {
    return OfIpv6(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr);
  }
  return {"unix", true};
}

ConnectionTable::Verdict ConnectionTable::Admit(int fd, const ConnectionPeer& peer, BootTime now) {
  // The kernel gives the lowest free number: one this high means that so many are open.
  if (fd >= limits_.total) return Verdict::kTooMany;
  Forget(fd);
  const auto limit = static_cast<size_t>(LimitOf(peer));
  const auto found = holders_.find(peer.name);
  if (found != holders_.end() && found->second.fds.size() >= limit) {
    if (now - found->second.looked < kBetweenLooks) return Verdict::kTooManyOfPeer;
    found->second.looked = now;
    ForgetClosed(peer.name);
    const auto left = holders_.find(peer.name);
    if (left != holders_.end() && left->second.fds.size() >= limit) return Verdict::kTooManyOfPeer;
  }
  connections_[fd] = {CookieOf(fd), peer.name};
  Holder& holder = holders_[peer.name];
  holder.fds.insert(fd);
  return Verdict::kAdmitted;
}

void ConnectionTable::Forget(int fd) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return;
  const auto holder = holders_.find(found->second.peer);
  CHECK(holder != holders_.end());
  holder->second.fds.erase(fd);
  if (holder->second.fds.empty()) holders_.erase(holder);
  connections_.erase(found);
}

void ConnectionTable::ForgetClosed(const std::string& peer) {
  std::vector<int> closed;
  for (const int fd : holders_[peer].fds) {
    const uint64_t cookie = CookieOf(fd);
    if (cookie == 0 || cookie != connections_[fd].cookie) closed.push_back(fd);
  }
  for (const int fd : closed) Forget(fd);
}

}  // namespace handoff
