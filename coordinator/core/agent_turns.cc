#include "coordinator/core/agent_turns.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/pool_commands.h"

namespace handoff::core {

bool IsWished(const AgentTurn& turn, absl::Time now) {
  return !turn.made() && now < turn.asked_at + kTurnWait;
}

const AgentTurn* AgentTurns::Find(const std::string& worker_uuid, const std::string& agent) const {
  const auto turn = turns_.find({worker_uuid, agent});
  return turn == turns_.end() ? nullptr : &turn->second;
}

std::vector<AgentTurn> AgentTurns::Of(const std::string& worker_uuid) const {
  std::vector<AgentTurn> turns;
  for (auto turn = turns_.lower_bound({worker_uuid, ""});
       turn != turns_.end() && turn->first.first == worker_uuid; ++turn) {
    turns.push_back(turn->second);
  }
  return turns;
}

void AgentTurns::Install(const SetAgentTurn& change) {
  AgentTurn& turn = turns_[{change.turn.worker_uuid, change.turn.agent}];
  const bool known = turn.number != 0 && turn.number == change.turn.number;
  turn = change.turn;
  if (!known) last_ = turn.number = std::max(turn.number, last_ + 1);
}

void AgentTurns::Install(const SetTurnOffered& change) {
  const auto turn = turns_.find({change.worker_uuid, change.agent});
  if (turn != turns_.end()) turn->second.offered = true;
}

void AgentTurns::Forget(const std::string& worker_uuid) {
  for (const AgentTurn& turn : Of(worker_uuid)) turns_.erase({worker_uuid, turn.agent});
}

void RecordTurns(Draft& draft, const Sync& command) {
  for (AgentTurn& turn : draft.state().turns().Of(command.worker.uuid)) {
    const auto result = std::find_if(command.turns.begin(), command.turns.end(),
                                     [&](const auto& r) { return r.number == turn.number; });
    if (turn.made() || result == command.turns.end()) continue;
    turn.at = draft.now();
    turn.bytes = result->bytes;
    draft.Add(SetAgentTurn{std::move(turn)});
  }
}

}  // namespace handoff::core
