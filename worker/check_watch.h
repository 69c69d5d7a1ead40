// One check while its shim runs: passes stops and renewals on, tells how it grows, and finds out
// how it ended. What AgentWatch is for the agent, without stream and clocks. Used on the runner's
// thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/clock.h"
#include "worker/attempt.h"
#include "worker/check_results.h"
#include "worker/core/overdue_shim.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {

class CheckWatch {
 public:
  // `directory` is the check's own.
  CheckWatch(const Surroundings& around, AttemptControl& control, std::string directory);

  // What somebody else has to do of it; when to do it again at the latest.
  using OnStep = std::function<BootTime()>;
  enum class Result { kGone, kLeft };
  // Until the shim is gone or the daemon leaves.
  Result Run(ShimClient& shim, const OnStep& on_step);
  // When the shim is gone. Blocks while leftovers of a killed one are ended.
  CheckEnd Conclude();

  uint64_t log_bytes() const { return log_bytes_; }
  const std::string& state() const { return state_; }  // as the shim says
  BootTime started() const;
  std::optional<BootTime> hard_cap() const;

 private:
  void TakeOrders(ShimClient& shim);
  void TakeEvents(ShimClient& shim);
  BootTime WatchShim(ShimClient& shim);
  OverdueShim::Advice JudgeShim();
  void EndTree() const;

  const Surroundings& around_;
  AttemptControl& control_;
  const std::string directory_;
  const ShimStarted started_;
  const ShimSpec spec_;
  OverdueShim overdue_;
  std::optional<ShimExit> told_exit_;
  std::optional<EndedBy> killed_as_;  // the shim, because it did not answer
  std::string state_ = "running";
  uint64_t log_bytes_ = 0;
  BootTime sent_deadline_;
  bool gone_ = false;
  bool heard_ = false;
  bool stop_sent_ = false;
};

}  // namespace handoff::worker
