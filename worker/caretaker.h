// What is done beside the attempts, on one thread: agents are probed, holds are probed when the
// coordinator asks, old workspaces are removed. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "worker/agent_probes.h"
#include "worker/attempt_control.h"
#include "worker/config.h"
#include "worker/core/model.h"
#include "worker/data_dir.h"
#include "worker/disk_faults.h"
#include "worker/housekeeping.h"
#include "worker/repo/repo_client.h"

namespace handoff::worker {

class Caretaker {
 public:
  struct Tools {
    const WorkerConfig& config;
    const DataDir& data;
    const Clock& clock;
    const RepoClient& repo;
    AgentProbes& probes;
    DiskFaults& disk_faults;
    IfIdle if_idle;
    std::function<void(bool urgent)> changed;
  };
  explicit Caretaker(Tools tools);
  ~Caretaker();

  void Start();
  void Stop();
  // Blocks until all agents were probed once, or Stop.
  void AwaitFirstProbes();

  // Something was moved to the trash.
  void EmptyTrashSoon();
  // The coordinator wants to know whether a hold may end. One that is being probed is not probed
  // twice.
  void Ask(const std::vector<Probe>& probes);
  // What came out, until Delivered: at most as many as one request may carry.
  std::vector<ProbeResult> Results() const;
  // Those went with a request that was answered. One that came out anew meanwhile stays.
  void Delivered(const std::vector<ProbeResult>& results);

 private:
  void Run();
  // All of them when it is their time, else those that gave no answer in time.
  void ProbeAgents();
  ProbeResult Answer(const Probe& probe);
  absl::Time SweepTime() const;

  const Tools tools_;
  const absl::Time wall_then_;
  const BootTime boot_then_;
  BootTime next_probe_;  // this and the next two: of the thread alone
  BootTime next_retry_;  // of a probe that gave no answer in time
  absl::Duration retry_after_;
  Signal stop_;
  mutable Mutex mutex_;
  CondVar woken_;
  bool probed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool trash_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Probe> asked_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ProbeResult> results_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace handoff::worker
