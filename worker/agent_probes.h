// Which agents this host really has, from probes that wait long enough. Thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "worker/agent/agent.h"
#include "worker/config.h"
#include "worker/core/model.h"

namespace handoff::worker {

class AgentProbes {
 public:
  struct Found {
    AgentOffer offer;
    std::string executable;  // absolute
  };

  AgentProbes(const WorkerConfig& config, const std::vector<const Agent*>& agents)
      : config_(config), agents_(agents) {}

  // Blocks for as long as the programs take, at most 15 s a command. A byte on `cancel` ends it.
  void ProbeAll(int cancel);
  void Probe(const Agent& agent, int cancel);
  // Probes the agent that a hold's key names ("agent:NAME", or "account:X": every agent that is
  // logged in there) and says what came out.
  ProbeResult ProbeForHold(const std::string& key, int cancel);

  // In the order in which they are advertised; empty before the first probe.
  std::vector<AgentOffer> Offers() const;
  // Absent before the first probe of it.
  std::optional<Found> Find(const std::string& agent) const;

 private:
  const WorkerConfig& config_;
  const std::vector<const Agent*> agents_;
  mutable Mutex mutex_;
  std::map<std::string, Found> found_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff::worker
