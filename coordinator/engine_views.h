// What lists and shows lay over the stored rows of live attempts, and which daemons count: a copy
// of the volatile part of the State, written by the engine's thread after each commit. Thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/mutex.h"
#include "coordinator/core/state.h"
#include "coordinator/engine.h"

namespace handoff {

class EngineViews {
 public:
  // Copies what these handoffs and workers are now; those that are gone are forgotten.
  void Update(const core::State& state, const std::set<std::string>& handoff_ids,
              const std::set<std::string>& worker_uuids);
  void UpdateWishes(const core::State& state);
  void Rebuild(const core::State& state);

  std::optional<core::AttemptView> ViewOf(const std::string& handoff_id) const;
  std::optional<Engine::Lease> LeaseOf(const std::string& handoff_id, absl::Time now) const;
  std::optional<core::DaemonStart> DaemonOf(const std::string& worker_uuid) const;
  bool Summarises(const std::string& worker_uuid, const std::string& handoff_id) const;

 private:
  struct Entry {
    std::optional<core::AttemptView> view;
    absl::Time until;
    core::AttemptState state;
    std::string worker_uuid;
  };
  struct Seen {
    absl::Time last;
    core::DaemonStart daemon;
    std::optional<core::Enclosure> enclosure;
  };
  void UpdateHandoff(const core::State& state, const std::string& id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UpdateWorker(const core::State& state, const std::string& uuid)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Entry> live_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Seen> workers_ ABSL_GUARDED_BY(mutex_);
  // (uuid of the worker, handoff id) of each wish for a summary.
  std::set<std::pair<std::string, std::string>> wishes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
