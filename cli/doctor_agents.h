// What a worker says of its agents, for `handoff doctor`.
#pragma once

#include <string>
#include <vector>

#include "cli/doctor_report.h"

namespace handoff {

namespace v1 {
class Worker;
}

enum class AgentDetail {
  kTrouble,           // what is in the way alone: of many workers
  kEach,              // also of those that are ready: version and login
  kEachWithLastTurn,  // and what became of the last real turn
};

// The names of those that are ready. One that is missing is a note only where it is `agent`: not
// every host has to have every agent.
std::vector<std::string> CheckAgents(const v1::Worker& worker, const std::string& agent,
                                     AgentDetail detail, Report& report);

}  // namespace handoff
