// One attempt while its shim runs: follows the log (lines to the adapter, bytes to the
// coordinator), watches the clocks, passes stops and renewals on. On adoption the log is read again
// from its begin and the clocks are set from what it says. Used on the runner's thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "worker/attempt.h"
#include "worker/core/clocks.h"
#include "worker/core/overdue_shim.h"
#include "worker/log_tail.h"
#include "worker/log_upload.h"
#include "worker/run_end.h"
#include "worker/running_checkpoints.h"
#include "worker/shim/shim_client.h"
#include "worker/stream_watch.h"

namespace handoff::worker {

// How long an attempt of `agent` may be silent, from its wishes and the worker's configuration.
ClockLimits LimitsFor(const v1::HandoffSpec& wanted, const Agent& agent, const AgentConfig& config);

// Whether a tree worked between two samples. The sums are those of living processes, so an end
// makes them smaller.
bool TreeWorked(const TreeUsage& before, const TreeUsage& now, absl::Duration between);

class AgentWatch {
 public:
  // `upload` may have been fed by an earlier phase.
  AgentWatch(const Surroundings& around, Attempt& attempt, AttemptControl& control,
             AttemptBoard& board, LogUpload& upload);

  enum class Result { kGone, kLeft };
  // Until the shim is gone or the daemon leaves.
  Result Run(ShimClient& shim);
  // When the shim is gone: what was seen. Blocks while leftovers of a killed shim are ended.
  RunEnd Conclude();
  const v1::Facts& facts() const { return stream_.facts(); }
  // The agent's last text, one line; of a command, that of its output.
  std::string LastLine() const;

 private:
  Result Follow(ShimClient& shim);
  BootTime Step(ShimClient& shim);
  void TakeEvents(ShimClient& shim);
  void TakeOrders(ShimClient& shim);
  bool ReadLog(uint64_t budget);
  void NoteSession();
  void TellEnd(ShimClient& shim);
  BootTime WatchClocks(ShimClient& shim);
  BootTime HardCap() const;
  OverdueShim::Advice JudgeShim();
  BootTime WatchShim(ShimClient& shim);
  void SampleTree();
  void Show(const AttemptClocks::Reading& reading, BootTime now);
  std::string Phase(BootTime now) const;
  std::string LastLogLine() const;
  std::optional<ShimExit> ReadExit() const;
  // What did not end after all, for a person.
  std::string EndTree() const;
  void ConcludeLost(RunEnd& run);

  const Surroundings& around_;
  Attempt& attempt_;
  AttemptControl& control_;
  AttemptBoard& board_;
  LogUpload& upload_;
  ShimStarted started_;
  ShimSpec spec_;
  AttemptClocks clocks_;
  StreamWatch stream_;
  LogTail tail_;
  bool gone_ = false;
  bool stop_sent_ = false;
  bool clock_stop_sent_ = false;
  std::optional<EndedBy> clock_stop_;  // the clock that ends it
  RunningCheckpoints checkpoints_;
  OverdueShim overdue_;
  std::optional<EndedBy> killed_as_;  // the shim, because it did not answer
  std::optional<ShimExit> told_exit_;
  std::string state_ = "running";
  bool heard_ = false;    // the shim has told its state
  bool judging_ = false;  // the log so far is read and the state is known: the clocks count
  BootTime sent_deadline_;
  uint64_t end_told_ = 0;  // of the stream's, to the shim
  BootTime finish_due_ = OverdueShim::kNever;
  std::optional<TreeUsage> usage_;
  BootTime sampled_at_;
  // What was shown last.
  uint64_t shown_version_ = 0;
  bool shown_stalled_ = false;
  std::string shown_phase_;
  BootTime facts_at_;
  bool log_news_ = false;
  BootTime document_at_;
  bool document_stale_ = true;
};

}  // namespace handoff::worker
