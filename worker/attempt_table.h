// The attempts that this worker holds, each with its runner. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/mutex.h"
#include "worker/attempt_runner.h"
#include "worker/core/reconcile.h"

namespace handoff::worker {

class AttemptTable {
 public:
  // `changed` runs on any thread, never under a lock of the table.
  AttemptTable(const Surroundings& around, std::function<void(bool urgent)> changed);

  // What an earlier daemon left: attempts with a directory, and ends that only the journal has.
  // Nothing may be asked of the coordinator before, nor after an error: something may run of which
  // the coordinator would not hear.
  absl::Status TakeOver();
  void Apply(const Actions& actions);
  // Something that all of them wait for has come.
  void Wake();
  // Lets go of runners that are over.
  Holding Held();
  std::vector<AttemptStatus> Statuses() const;
  // Runs `action` unless an attempt of that handoff is here; none begins meanwhile. False: one is.
  bool IfIdle(const std::string& handoff_id, const std::function<void()>& action);
  // All runners leave; blocks until they did.
  void Leave();

 private:
  AttemptRunner::Watchers Watchers();
  absl::Status TakeOverDirectory(const AttemptKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Adopt(const AttemptKey& key, uint64_t epoch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Surroundings& around_;
  const std::function<void(bool)> changed_;
  std::atomic<bool> deferred_{false};  // something waits for an attempt to be over
  mutable Mutex mutex_;
  std::map<AttemptKey, std::unique_ptr<AttemptRunner>> runners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff::worker
