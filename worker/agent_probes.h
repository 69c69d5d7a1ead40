// Which agents this host really has, from probes that wait long enough. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "worker/agent/agent.h"
#include "worker/agent/probe.h"
#include "worker/config.h"
#include "worker/core/model.h"

namespace handoff::worker {

class AgentProbes {
 public:
  struct Found {
    AgentOffer offer;
    std::string executable;  // absolute
  };

  using Run = std::function<std::optional<ProbeOutput>(const ProbeSpec&, const ProbeSettings&)>;

  // With those of the configuration that are like one of `agents`. `run` is RunProbe but in tests.
  AgentProbes(const WorkerConfig& config, const std::vector<const Agent*>& agents,
              Run run = RunProbe);
  ~AgentProbes();

  // Of ours or of the configuration; nullptr when there is none of that name. Lives as long as
  // this.
  const Agent* AgentOf(absl::string_view name) const;

  // Blocks for as long as the programs take, at most 15 s a command. A byte on `cancel` ends it.
  void ProbeAll(int cancel);
  // What it says now. A program that gave no answer in time says nothing of its login: an agent
  // that was ready stays so for those who ask this. One that was cut short leaves all as it was.
  ProbeVerdict Probe(const Agent& agent, int cancel);
  // Whether one of them gave no answer in time when it was last probed.
  bool AnyUnanswered() const;
  void ProbeUnanswered(int cancel);
  // Probes the agent that a hold's key names ("agent:NAME", or "account:X": every agent that is
  // logged in there) and says what came out.
  ProbeResult ProbeForHold(const std::string& key, int cancel);

  // In the order in which they are advertised; empty before the first probe.
  std::vector<AgentOffer> Offers() const;
  // Absent before the first probe of it.
  std::optional<Found> Find(const std::string& agent) const;

 private:
  const WorkerConfig& config_;
  std::vector<std::unique_ptr<const Agent>> likes_;
  std::vector<const Agent*> agents_;  // constant after the constructor, as those are
  const Run run_;
  mutable Mutex mutex_;
  std::map<std::string, Found> found_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> unanswered_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff::worker
