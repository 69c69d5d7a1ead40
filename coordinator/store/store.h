// Where records are kept. One writer: the engine's thread. Readers have connections of their own
// (reader.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/core/edit.h"
#include "coordinator/core/model.h"
#include "coordinator/core/state.h"

namespace handoff {

class Store {
 public:
  virtual ~Store() = default;

  // The live part of everything: a State ready to use (pool id, term raised and stored, counters,
  // queue, workers, holds). Called at start, and again after a certain rollback.
  virtual absl::StatusOr<core::State> Load(bool new_term) = 0;

  // All of `edits` in one synced transaction, in order. On error:
  //   UNAVAILABLE, RESOURCE_EXHAUSTED: certainly rolled back; the caller loads again.
  //   anything else (failed or unknown sync): the outcome is unknown; the process must exit.
  virtual absl::Status Commit(const std::vector<core::Edit>& edits) = 0;

  // Any handoff, live or ended. NOT_FOUND.
  virtual absl::StatusOr<core::Handoff> Find(const std::string& id) = 0;
  virtual absl::StatusOr<std::optional<core::Handoff>> FindByIdempotencyKey(
      const std::string& owner, const std::string& key) = 0;
  // One that waits for a person or is in a person's hands; those that are live are in the State.
  virtual absl::StatusOr<std::optional<core::Handoff>> FindWaitingByDedupeKey(
      const std::string& key) = 0;
  virtual absl::StatusOr<bool> WasPurged(const std::string& id) = 0;
  // `id`, or `id`-2, -3, … : one that no handoff has or had, the first unless some between are
  // gone.
  virtual absl::StatusOr<std::string> FreeId(const std::string& id) = 0;

  // RESOURCE_EXHAUSTED, as a sentence, while the disk has less than its reserve: then nothing new
  // is taken or placed, and commits are for the ends of what runs.
  virtual absl::Status HasRoom() { return absl::OkStatus(); }
};

}  // namespace handoff
