// What a purge leaves to do beside the records: the logs of the handoff are removed. Also purges by
// itself what ended longer ago than the owner's configuration says ([retention]), and nothing
// unless it says so. One thread; thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "coordinator/engine.h"
#include "coordinator/log_store.h"
#include "coordinator/store/reader.h"

namespace handoff {

struct PurgerOptions {
  absl::Duration ended = absl::InfiniteDuration();  // since then: purged
};

class Purger {
 public:
  static constexpr absl::Duration kEvery = absl::Hours(1);
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  Purger(PurgerOptions options, Engine& engine, Reader& reader, LogStore& logs, const Clock& clock);
  ~Purger();  // what was asked for is done first

  // The purge of this handoff is stored. `done` runs on the purger's thread when its logs are gone.
  void RemoveLogs(std::string id, Done done);
  // Runs `work` on the purger's thread, soon: what reads files and would hold up the engine.
  void Later(absl::AnyInvocable<void()> work);

  // What its thread does at its start and every hour. Returns how many were purged.
  int PurgeOld();

 private:
  void Run();
  void DoAsked();
  // Logs whose purge was stored by a process that was killed before it removed them.
  void RemoveLeftLogs();
  std::vector<std::string> Purge(const std::vector<std::string>& ids, absl::Time ended_before);
  bool stopping() const;

  const PurgerOptions options_;
  Engine& engine_;
  Reader& reader_;
  LogStore& logs_;
  const Clock& clock_;
  const absl::Time wall_then_;
  const BootTime boot_then_;
  mutable Mutex mutex_;
  CondVar woken_;
  std::deque<absl::AnyInvocable<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace handoff
