// An object of the coordinator's on its way to this host: a pack, or a file that was attached.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/attempt.h"

namespace handoff::worker {

// Where it comes to lie. One for each handoff: who has its workspace removes the file, whoever else
// was given the same object.
std::string ObjectPath(const Surroundings& around, const std::string& sha256,
                       const std::string& handoff_id);

class ObjectDownload {
 public:
  ObjectDownload(const Surroundings& around, const std::string& sha256, uint64_t bytes,
                 AttemptControl& control, AttemptBoard& board)
      : around_(around), sha256_(sha256), bytes_(bytes), control_(control), board_(board) {}

  // Continues what is there already. The coordinator may be away for as long as the lease allows.
  // DATA_LOSS: what came is not what the hash names, or more than its bytes; INVALID_ARGUMENT: no
  // hash. Nothing stays of what failed, but for a daemon that leaves: the next one goes on with it.
  absl::Status Run();

 private:
  absl::Status Persist(const std::string& path, const std::string& part);
  absl::Status Try(const std::string& path, const std::string& part);
  // Whether what lies at `path` is the object; what is not goes.
  absl::StatusOr<bool> IsThere(const std::string& path) const;
  void Show(uint64_t offset);

  const Surroundings& around_;
  const std::string sha256_;
  const uint64_t bytes_;
  AttemptControl& control_;
  AttemptBoard& board_;
  uint64_t shown_ = 0;
};

}  // namespace handoff::worker
