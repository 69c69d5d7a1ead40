// One turn of an agent that somebody asked a worker for, in words. Pure.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace handoff {

namespace v1 {
class AgentTurn;
}

// "worked 3 min ago, 2.1 s, model X, 120 tokens in, 7 out"; "quota 3 min ago: It says …"; "asked
// 5 s ago, no answer yet".
std::string TurnWords(const v1::AgentTurn& turn, absl::Time now);
// What to do about one that did not work; "" for one that did. `worker` is its name.
std::string TurnAdvice(const v1::AgentTurn& turn, const std::string& worker, absl::Time now);

}  // namespace handoff
