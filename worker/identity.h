// Who this worker is. The UUID in the data directory is its identity, never its name; `start` is
// one more each start; the nonce tells a copied data directory to the coordinator, and `directory`
// tells it here, before anything is done for what the copy says.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace handoff::worker {

struct Identity {
  std::string uuid;
  uint64_t start = 0;
  uint64_t nonce = 0;     // not persisted
  std::string pool_id;    // empty until a coordinator answered
  std::string directory;  // what no copy of the data directory shares with it
};

// "host/inode/birth" of a directory; "-" stands for what this host does not tell. Without the
// device: its number changes with a remount on network and layered file systems.
absl::StatusOr<std::string> DirectoryMark(const std::string& directory,
                                          const std::string& machine_id_file = "/etc/machine-id");

// Reads or makes the file in that data directory, counts this start beside it, and syncs both.
// INVALID_ARGUMENT when it is not readable: a new identity would orphan what runs.
// FAILED_PRECONDITION when it was written for another directory: the original may run what is
// recorded here. A file without a mark is taken for this directory's.
absl::StatusOr<Identity> BeginStart(const std::string& path, const std::string& data_dir);
absl::Status SaveIdentity(const std::string& path, const Identity& identity);

// For a worker that joins a pool: the same, but no start is counted. A directory that never started
// gets another UUID each time: of the one that a join which broke off had, the pool may have
// certificates that nobody else has.
absl::StatusOr<Identity> IdentityToJoin(const std::string& path, const std::string& data_dir);
// The one in the file, as it is.
absl::StatusOr<Identity> ReadIdentity(const std::string& path);

}  // namespace handoff::worker
