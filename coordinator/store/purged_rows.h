// What is left of purged handoffs, and how the rest of their rows goes. Owned by the SqliteStore.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/core/edit.h"
#include "coordinator/core/state.h"
#include "coordinator/store/sqlite.h"

namespace handoff {

class PurgedRows {
 public:
  static absl::StatusOr<PurgedRows> Prepare(Database& db);

  // Both within the transaction of a batch. The events stay, without their texts: these have words
  // of the task.
  absl::Status Purge(const core::PurgeHandoff& change);
  absl::Status Drop(const core::PurgedFrom& change);

  absl::StatusOr<bool> Has(const std::string& id);
  // Those of which a worker may still have something.
  absl::Status Load(core::State& state);

 private:
  std::vector<Statement> by_seq_;  // one a table
  Statement blank_events_, put_, has_, workers_of_, set_workers_, all_;
};

}  // namespace handoff
