// A build host: a disk with attempts, a daemon that syncs and reconciles (the production function),
// and agents under shims that go on without the daemon and stop at the end of their lease. The
// daemon and the whole host may die at any moment.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordinator/core/pool_commands.h"
#include "tests/sim/sim_coordinator.h"
#include "tests/sim/world.h"
#include "worker/core/reconcile.h"

namespace handoff::sim {

// What happened in truth, whatever the coordinator believes.
struct Truth {
  struct Run {  // an agent's process ran, not frozen
    absl::Time from, to;
    std::string host;
    int number;
  };
  std::map<std::string, std::vector<Run>> runs;  // by handoff
  std::map<worker::AttemptKey, core::AttemptEnd> ends;
  std::set<worker::AttemptKey> begun;  // whose agent's process was started
  // That the faults did happen, over all seeds.
  int frozen = 0, adopted = 0, late = 0, deferred = 0, reboots = 0, given_away = 0;
  int delivered = 0, unread = 0;  // messages
  int only_checks = 0;            // attempts that ran to their end without an agent
  int by_hand = 0;                // workspaces in which a person worked and that were gone on in
  int kept = 0, rebuilt = 0;  // workspaces that a further attempt found, or made from a checkpoint
};

class SimHost {
 public:
  SimHost(World& world, SimCoordinator& coordinator, Truth& truth, const std::string& name,
          int slots);

  void StartDaemon();
  void KillDaemon();
  void Reboot();
  bool up() const { return up_; }
  bool idle() const { return attempts_.empty(); }
  void Cut(bool cut) { cut_ = cut; }
  const std::string& name() const { return name_; }
  // A person is logged in, and changes something in the workspace of a handoff.
  void WorkByHand(const std::string& id);
  void Advance();  // the truth up to now

 private:
  struct Attempt {
    uint64_t epoch = 0;
    worker::Stage stage = worker::Stage::kPreparing;
    absl::Time ready;    // of the stage that the daemon works on
    bool begun = false;  // the agent's process was started
    absl::Time begun_at = absl::InfinitePast();
    bool alive = false;  // and has not ended
    bool was_frozen = false;
    absl::Time frozen_from;  // end of the lease in true time
    absl::Duration work_left;
    core::AttemptEnd planned, end;
    bool stopping = false;
    EndedBy stop_as = EndedBy::kCancel;
    absl::Time killed_at = absl::InfiniteFuture();
    bool closing = false;
    bool only_checks = false;
    int64_t work = 0, saved = 0;  // what lies in the workspace, and in a checkpoint that was taken
  };
  struct Workspace {
    int attempt = 0;  // the last that worked in it
    int64_t work = 0;
    bool by_hand = false;
  };
  using Attempts = std::map<worker::AttemptKey, Attempt>;

  BootTime Boot() const;
  absl::Time TrueTime(BootTime boot) const;
  void Wake(absl::Duration delay);
  void Work();
  void StepAttempt(const worker::AttemptKey& key, Attempt& attempt);
  void Begin(const worker::AttemptKey& key, Attempt& attempt);
  void EndProcess(Attempt& attempt, EndedBy by);
  core::AttemptEnd Plan();
  core::AttemptEnd PlanChecks();
  void PrepareWorkspace(const worker::AttemptKey& key, const std::string& spec, Attempt& attempt);
  void TakeCheckpoint(const worker::AttemptKey& key, Attempt& attempt);

  void SendSync();
  core::Sync Request();
  void TakeAnswer(const worker::SyncAnswer& answer);
  void TakeActions(const worker::Actions& actions);
  void TakeProbes(const std::vector<worker::Probe>& probes);
  void SendReport(const worker::AttemptKey& key);
  void SendCheckpoint(const worker::AttemptKey& key);
  core::Sender Self() const;

  World& world_;
  SimCoordinator& coordinator_;
  Truth& truth_;
  const std::string name_;
  const int slots_;
  double rate_ = 1;  // of its clock
  int64_t boot_offset_ = 0;
  uint64_t boot_ = 1;

  // On its disk.
  Attempts attempts_;
  std::map<std::string, Workspace> workspaces_;
  uint64_t start_ = 0;
  std::string pool_id_;

  bool up_ = false, cut_ = false;
  uint64_t life_ = 0;
  uint64_t nonce_ = 0, seq_ = 0;
  // Calls over one connection do not overtake each other.
  uint64_t checkpoint_calls_ = 0, checkpoint_delivered_ = 0;
  worker::Memory memory_;
  worker::Outstanding outstanding_;
  std::vector<core::ProbeResult> probes_;
  absl::Time probed_at_;
  absl::Time advanced_;
};

}  // namespace handoff::sim
