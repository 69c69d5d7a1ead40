// One real turn of an agent, which somebody asked a worker for: can it work there at all. A wish as
// those for summaries are: no slot, no lease, and in memory only, so that a restart of the
// coordinator forgets it with its result. It decides nothing: no hold, no placement.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace handoff::core {

class Draft;
struct Sync;

struct AgentTurn {
  std::string worker_uuid, agent;
  uint64_t number = 0;  // higher than all before it, also those of earlier starts
  absl::Time asked_at = absl::InfinitePast();
  bool offered = false;                  // an answer that names it may have reached the worker
  absl::Time at = absl::InfinitePast();  // of the result; none came yet
  std::string bytes;  // that result: serialised handoff.v1.AgentTurn, opaque here
  friend bool operator==(const AgentTurn&, const AgentTurn&) = default;

  bool made() const { return at != absl::InfinitePast(); }
};

// The worker is to make it.
bool IsWished(const AgentTurn& turn, absl::Time now);

// Changes; all are volatile. A turn takes the place of an earlier one of the same agent there.
struct SetAgentTurn {
  AgentTurn turn;
};
struct DropAgentTurn {
  std::string worker_uuid, agent;
};
struct SetTurnOffered {
  std::string worker_uuid, agent;
};

// The last one of each agent of each worker. Not thread-safe: a part of the State.
class AgentTurns {
 public:
  using Map = std::map<std::pair<std::string, std::string>, AgentTurn>;

  const Map& all() const { return turns_; }  // by worker and agent
  uint64_t last() const { return last_; }    // number
  const AgentTurn* Find(const std::string& worker_uuid, const std::string& agent) const;
  std::vector<AgentTurn> Of(const std::string& worker_uuid) const;

  void Install(const SetAgentTurn& change);
  void Install(const DropAgentTurn& change) { turns_.erase({change.worker_uuid, change.agent}); }
  void Install(const SetTurnOffered& change);
  void Forget(const std::string& worker_uuid);

 private:
  Map turns_;
  uint64_t last_ = 0;
};

// What the worker's request tells of those that it was asked for. What nobody asks for any more is
// not kept.
void RecordTurns(Draft& draft, const Sync& command);

}  // namespace handoff::core
