// Lets a connection come about while nobody makes a call. gRPC 1.51 goes on with one that is being
// made only while some thread waits for its channel, and otherwise every 5 s. Whoever sleeps
// between two tries is then never connected: each of the steps of a TLS handshake takes 5 s, and a
// server waits for no handshake that long.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <thread>

#include "common/mutex.h"

namespace handoff {

// Thread-safe.
class ConnectionDriver {
 public:
  explicit ConnectionDriver(std::shared_ptr<grpc::Channel> channel);
  // Takes up to 250 ms while there is no connection.
  ~ConnectionDriver();

  // To be called when a call failed. Nothing happens when there is a connection; otherwise a thread
  // waits for it until it is there.
  void Drive() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run(const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::shared_ptr<grpc::Channel> channel_;
  Mutex mutex_;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  std::jthread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
