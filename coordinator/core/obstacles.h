// Why a worker does not take a handoff, in words for people. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/core/placement.h"

namespace handoff::core {

// What follows the worker's name: "is draining: new disk."
std::string ObstacleSentence(const State& state, const Handoff& handoff, const Seat& seat,
                             Obstacle obstacle, absl::Time now);
// Of several workers that are counted: "2 draining".
absl::string_view ObstacleName(Obstacle obstacle);

}  // namespace handoff::core
