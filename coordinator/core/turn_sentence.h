// When it is a queued handoff's turn, in words for people. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "coordinator/core/handoff.h"
#include "coordinator/core/state.h"

namespace handoff::core {

// How many attempts of the owner may run at a time, when so many do; else 0.
size_t CapReached(const State& state, const std::string& owner);

// "It is 3rd of 9 in the queue of ada. Their share of the slots is 1/5 (2 of the 10 that run)."
std::string TurnSentence(const State& state, const Handoff& handoff);

}  // namespace handoff::core
