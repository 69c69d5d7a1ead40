// The further prompts of a handoff: pending, given to an attempt, delivered. Pure.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "coordinator/core/handoff.h"

namespace handoff::core {

size_t PendingMessages(const Handoff& handoff);
void AddMessage(Handoff& handoff, Message::Origin origin, std::string author, std::string text,
                absl::Time now);
// All that are pending go with the latest attempt, in the order sent.
void GiveMessages(Handoff& handoff);
// The agent of the latest attempt started: it has read what was given to it. False when nothing
// changed.
bool DeliverMessages(Handoff& handoff);
// It never started: what was given to it is pending again.
void TakeBackMessages(Handoff& handoff);
// Whether the latest attempt was given a message that is not delivered.
bool HasUndelivered(const Handoff& handoff);

}  // namespace handoff::core
