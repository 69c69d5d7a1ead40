// The worker daemon, put together: data directory, runners, the conversation with the coordinator,
// the caretaker. Built by main and by integration tests. Start and Stop from one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/config.h"
#include "worker/identity.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff::worker {

class Worker {
 public:
  struct Programs {
    std::string shim;
    std::string repo;
  };
  // The programs beside this process's own executable.
  static absl::StatusOr<Programs> FindPrograms();

  // Made once the worker's identity is known.
  using ClientFactory = std::function<std::unique_ptr<CoordinatorClient>(const Identity&)>;
  // FAILED_PRECONDITION when another daemon uses the data directory, or when it is a copy. Nothing
  // runs yet.
  static absl::StatusOr<std::unique_ptr<Worker>> Open(const WorkerConfig& config,
                                                      const Programs& programs,
                                                      const ClientFactory& client);
  ~Worker();

  // Asked for each request, on another thread: why it should get nothing new, beside what it finds
  // out itself; and why its certificate could not be renewed. Empty: no reason. Before Start.
  void SetTrouble(std::function<std::string()> trouble,
                  std::function<std::string()> renewal_problem);
  // Takes over what an earlier daemon left, then talks to the coordinator. `ready` runs once, on
  // another thread, when the coordinator took this worker. `fatal`, on another thread, when the
  // daemon must not go on. An error when what was left cannot be read: nothing was asked of the
  // coordinator, and agents go on.
  absl::Status Start(std::function<void()> ready, std::function<void(const absl::Status&)> fatal);
  // Agents go on; the next daemon adopts them.
  void Stop();

 private:
  struct Impl;
  explicit Worker(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace handoff::worker
