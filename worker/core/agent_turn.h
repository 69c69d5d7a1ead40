// One real turn of an agent, in a mode in which it can only read, as an answer wishes for it and a
// request tells of it. Plain values, as in model.h.
#pragma once

#include <cstdint>
#include <string>

namespace handoff::worker {

struct TurnWish {
  std::string agent;
  uint64_t number = 0;  // a later wish for the same agent has another
};

struct TurnResult {
  uint64_t number = 0;  // of the wish
  std::string turn;     // serialised handoff.v1.AgentTurn
};

}  // namespace handoff::worker
