// A whole coordinator in one object: its data directory, stores, engine and server. Used by the
// program and by tests, several in one process if they have several directories.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/identity/secret.h"
#include "coordinator/config.h"

namespace handoff {

// Not thread-safe; what it serves is.
class Coordinator {
 public:
  // Returns when it answers. FAILED_PRECONDITION when another coordinator has the directory or the
  // address. `clock` outlives it.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(const Config& config,
                                                            const Clock& clock);
  ~Coordinator();  // Stop

  // Where it listens, with the port that the kernel chose.
  const std::string& address() const;
  // Those in the lines that it makes.
  std::vector<std::string> addresses() const;

  // A line for the admin of this host to log in with elsewhere, good for an hour. A secret.
  absl::StatusOr<Secret> LoginLine();

  // Held calls are answered, running ones get 2 s, then everything is closed. What was answered is
  // on the disk, so this only spares the peers an error.
  void Stop();

 private:
  struct Impl;
  explicit Coordinator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace handoff
