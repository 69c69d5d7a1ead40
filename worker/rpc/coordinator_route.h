// The connections to the coordinator: to which address, with which certificate, and when they are
// made anew.
#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/rpc/connection_driver.h"
#include "common/rpc/credentials.h"
#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/objects.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "worker/rpc/tunnels.h"

namespace handoff::worker {

// One channel for calls, one for logs, so that a busy log does not hold up a Sync.
struct Connections {
  Connections(std::shared_ptr<grpc::Channel> for_calls, std::shared_ptr<grpc::Channel> for_logs);

  const std::shared_ptr<grpc::Channel> calls;
  const std::shared_ptr<grpc::Channel> logs;
  const std::unique_ptr<v1::Pool::Stub> pool;
  const std::unique_ptr<v1::Objects::Stub> objects;
  const std::unique_ptr<v1::Control::Stub> control;
  mutable ConnectionDriver drive_calls;
  mutable ConnectionDriver drive_logs;
  // A Sync was answered since the last one that was not.
  mutable std::atomic<bool> answered{false};
};
using ConnectionsPtr = std::shared_ptr<const Connections>;

// Thread-safe. Whoever makes a call holds its connections until the call is over.
class CoordinatorRoute {
 public:
  struct Options {
    // Addresses, to be tried in turn; at least one. Those behind ssh need `tunnels`.
    std::vector<std::string> coordinators;
    // What the coordinator's certificate must name, whatever the address is.
    std::string name;
    // Absent: plaintext, as the fakes of tests have it. The daemon always has them.
    std::optional<CredentialFiles> credentials;
    Tunnels* tunnels = nullptr;  // outlives this
  };
  CoordinatorRoute(Options options, const Clock& clock);
  // Told whenever the pool does not know the certificate that a Sync showed. Before the first call.
  void OnUnknown(std::function<void()> unknown) { unknown_ = std::move(unknown); }

  // UNAVAILABLE while there is no certificate that could be shown, or the pool does not let us in.
  absl::StatusOr<ConnectionsPtr> Get();
  // For what tells how things are, the Sync: also while the pool does not let us in.
  absl::StatusOr<ConnectionsPtr> GetToSync();
  // What became of a Sync on those.
  void Synced(const ConnectionsPtr& connections, const absl::Status& status);
  // There is a new certificate. An open connection goes on showing the old one, so they are made
  // anew, once gRPC has taken it over.
  void Renewed();

 private:
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::string> Address() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What it had before goes to `old`, for the caller to let go of after the lock: that may take
  // half a second, and every call comes by here.
  absl::StatusOr<ConnectionsPtr> GetLocked(ConnectionsPtr& old)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Clock& clock_;
  std::function<void()> unknown_;  // may be empty
  Mutex mutex_;
  std::shared_ptr<Credentials> credentials_ ABSL_GUARDED_BY(mutex_);
  ConnectionsPtr connections_ ABSL_GUARDED_BY(mutex_);
  std::string made_to_ ABSL_GUARDED_BY(mutex_);  // where those go
  size_t address_ ABSL_GUARDED_BY(mutex_) = 0;
  BootTime anew_at_ ABSL_GUARDED_BY(mutex_);  // 0: never
  absl::Status denied_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff::worker
