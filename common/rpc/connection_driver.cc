#include "common/rpc/connection_driver.h"

#include <chrono>
#include <utility>

namespace handoff {
namespace {

constexpr std::chrono::milliseconds kSlice{250};

}  // namespace

ConnectionDriver::ConnectionDriver(std::shared_ptr<grpc::Channel> channel)
    : channel_(std::move(channel)) {}

ConnectionDriver::~ConnectionDriver() {
  std::jthread thread;
  {
    const MutexLock lock(mutex_);
    thread = std::move(thread_);
  }
}

void ConnectionDriver::Drive() {
  if (channel_->GetState(false) == GRPC_CHANNEL_READY) return;
  const MutexLock lock(mutex_);
  if (running_) return;
  running_ = true;
  // The one before has left Run but for its last line.
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void ConnectionDriver::Run(const std::stop_token& stop) {
  while (!stop.stop_requested() &&
         !channel_->WaitForConnected(std::chrono::system_clock::now() + kSlice)) {
  }
  const MutexLock lock(mutex_);
  running_ = false;
}

}  // namespace handoff
