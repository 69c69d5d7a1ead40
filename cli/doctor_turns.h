// handoff doctor --turn: one real turn of the agents of workers.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/doctor_report.h"
#include "cli/terminal.h"

namespace handoff {

namespace v1 {
class AgentTurn;
class ListWorkersResponse;
class Worker;
}  // namespace v1

// The last one of that agent; nullptr: there was none.
const v1::AgentTurn* FindTurn(const v1::Worker& worker, const std::string& agent);

struct TurnFlags {
  std::string worker;                          // empty: every one that can be reached
  std::string agent;                           // empty: every one that it has
  absl::Duration wait = absl::ZeroDuration();  // zero: by how much is asked for
};

// Asks those of `workers`, waits until they answered, and reports each. An error is the
// coordinator's.
absl::Status CheckTurns(const TurnFlags& flags, const v1::ListWorkersResponse& workers,
                        Client& client, Terminal& terminal, Report& report);

}  // namespace handoff
