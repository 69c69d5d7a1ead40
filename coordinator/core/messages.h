// The further prompts of a handoff: pending, given to an attempt, delivered. Pure.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace handoff::core {

struct Handoff;

// A further prompt. It goes with the next attempt, and is delivered once that one's agent started:
// when it never does, the message is pending again.
struct Message {
  enum class Origin { kPerson = 1, kChecks };
  int number = 0;  // from 1
  Origin origin = Origin::kPerson;
  std::string author;
  std::string text;
  absl::Time sent_at = absl::InfinitePast();
  int attempt = 0;  // that it goes with; 0: pending
  bool delivered = false;
  bool dropped = false;
  bool pending() const { return attempt == 0 && !dropped; }
  friend bool operator==(const Message&, const Message&) = default;
};

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
// It started and read nothing: the same of what counts as delivered already.
void TakeBackDelivered(Handoff& handoff);
// Whether the latest attempt was given a message that is not delivered.
bool HasUndelivered(const Handoff& handoff);

}  // namespace handoff::core
