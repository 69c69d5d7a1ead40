// The Syncs that wait for their answer, one a worker. Owned by the engine's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/engine.h"

namespace handoff {

class HeldSyncs {
 public:
  struct Held {
    core::Sync request;
    Engine::Done<SyncAnswer> done;
    absl::Time until;  // answered then, whatever it is
  };

  // Ends the one that is held for this worker with ABORTED.
  void Hold(Held held);
  // Nothing when none is held for this worker.
  const Held* Find(const std::string& worker_uuid) const;
  void AnswerBy(const std::string& worker_uuid, absl::Time until);  // at the latest
  Held Take(const std::string& worker_uuid);

  void Cancel(const SyncKey& key);  // ends it with ABORTED if it is held
  void EndAll(const absl::Status& status);

  std::vector<std::string> Due(absl::Time now) const;
  absl::Time Next() const;  // InfiniteFuture when none is held

 private:
  std::map<std::string, Held> held_;
  std::set<std::pair<absl::Time, std::string>> by_time_;
};

// `hold` ± 20 %, the same for the same worker and number: a thousand workers that came at once do
// not come at once again.
absl::Duration SpreadHold(absl::Duration hold, const std::string& worker_uuid, uint64_t seq);

}  // namespace handoff
