// Who this worker is. The UUID in the data directory is its identity, never its name; `start` is
// one more each start; the nonce tells a copied data directory.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace handoff::worker {

struct Identity {
  std::string uuid;
  uint64_t start = 0;
  uint64_t nonce = 0;   // not persisted
  std::string pool_id;  // empty until a coordinator answered
};

// Reads or makes the file, counts this start, and syncs it. INVALID_ARGUMENT when it is not
// readable: a new identity would orphan what runs.
absl::StatusOr<Identity> BeginStart(const std::string& path);
absl::Status SaveIdentity(const std::string& path, const Identity& identity);

}  // namespace handoff::worker
