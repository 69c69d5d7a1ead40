// One real turn of an agent, from the wish to the result: its CLI is probed, and asked for two
// numbers in one word, which nothing that it was told has in it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/handoff/outcome.h"
#include "worker/attempt.h"
#include "worker/core/model.h"
#include "worker/reading_run.h"

namespace handoff::worker {

// A serialised handoff.v1.AgentTurn without its times of the coordinator. Blocks for the probe and
// `limit`. CANCELLED when `interrupt` was raised.
absl::StatusOr<std::string> MakeTurn(const Surroundings& around, const TurnWish& wish,
                                     absl::Duration limit, const Signal& interrupt);

// What a daemon that was killed left of one.
void EndEarlierTurn(const Surroundings& around);

// ---- Its parts, pure ----

std::string TurnPrompt(uint32_t first, uint32_t second);
std::string TurnAnswer(uint32_t first, uint32_t second);
// kNone: it said `answer`.
Verdict JudgeTurn(const Agent& agent, const Reading& reading, const std::string& answer,
                  absl::Duration limit);

}  // namespace handoff::worker
