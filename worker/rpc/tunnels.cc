#include "worker/rpc/tunnels.h"

#include <spdlog/spdlog.h>

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"

namespace handoff::worker {
namespace {

absl::Status NotOpen(const std::string& address) {
  return absl::UnavailableError(
      absl::StrCat("the ssh tunnel to ", address, " is not open; what ssh said stands above"));
}

}  // namespace

Tunnels::~Tunnels() {
  std::map<std::string, Tunnel> ended;
  {
    MutexLock lock(mutex_);
    for (auto& [address, tunnel] : tunnels_) tunnel.thread.request_stop();
    stopped_.NotifyAll();
    // Joined without the lock, which their threads take once more.
    ended.swap(tunnels_);
  }
}

absl::StatusOr<std::string> Tunnels::Resolve(const std::string& address) {
  if (!IsSshAddress(address)) return address;
  MutexLock lock(mutex_);
  const auto [tunnel, is_new] = tunnels_.try_emplace(address);
  if (is_new) {
    tunnel->second.local = NotOpen(address);
    tunnel->second.thread =
        std::jthread([this, address](std::stop_token stop) { Keep(address, stop); });
  }
  return tunnel->second.local;
}

void Tunnels::Keep(const std::string& address, const std::stop_token& stop) {
  std::minstd_rand random(std::random_device{}());
  int failures = 0;
  while (!stop.stop_requested()) {
    const auto tunnel = SshTunnel::Open(address, SshUse::kDaemon, stop);
    if (tunnel.ok()) {
      SPDLOG_INFO("the ssh tunnel to {} is open", address);
      Tell(address, (*tunnel)->local_address());
      failures = 0;
      (*tunnel)->AwaitEnd(stop);
    }
    if (stop.stop_requested()) return;
    Tell(address, NotOpen(address));
    // Not for each try while it stays so.
    if (++failures == 1) {
      SPDLOG_WARN("{}; it is tried again",
                  tunnel.ok() ? absl::StrCat("the ssh tunnel to ", address, " ended")
                              : std::string(tunnel.status().message()));
    }
    const double part = std::uniform_real_distribution<>()(random);
    if (!Pause(backoff_.Delay(failures, part), stop)) return;
  }
}

void Tunnels::Tell(const std::string& address, absl::StatusOr<std::string> local) {
  MutexLock lock(mutex_);
  const auto tunnel = tunnels_.find(address);
  if (tunnel != tunnels_.end()) tunnel->second.local = std::move(local);
}

bool Tunnels::Pause(absl::Duration time, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  // One wait is enough: an early wake-up only makes the next try come sooner.
  if (!stop.stop_requested()) stopped_.WaitFor(mutex_, time);
  return !stop.stop_requested();
}

}  // namespace handoff::worker
