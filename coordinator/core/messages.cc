#include "coordinator/core/messages.h"

#include <algorithm>
#include <utility>

#include "coordinator/core/handoff.h"

namespace handoff::core {
namespace {

bool IsGiven(const Message& message, const Handoff& handoff) {
  return message.attempt == handoff.Latest()->number && !message.delivered;
}

}  // namespace

size_t PendingMessages(const Handoff& handoff) {
  return static_cast<size_t>(std::count_if(handoff.messages.begin(), handoff.messages.end(),
                                           [](const Message& m) { return m.pending(); }));
}

void AddMessage(Handoff& handoff, Message::Origin origin, std::string author, std::string text,
                absl::Time now) {
  Message message;
  message.number = static_cast<int>(handoff.messages.size()) + 1;
  message.origin = origin;
  message.author = std::move(author);
  message.text = std::move(text);
  message.sent_at = now;
  handoff.messages.push_back(std::move(message));
}

void GiveMessages(Handoff& handoff) {
  for (Message& message : handoff.messages) {
    if (message.pending()) message.attempt = handoff.Latest()->number;
  }
}

bool DeliverMessages(Handoff& handoff) {
  bool changed = false;
  for (Message& message : handoff.messages) {
    if (!IsGiven(message, handoff)) continue;
    message.delivered = true;
    changed = true;
  }
  return changed;
}

void TakeBackMessages(Handoff& handoff) {
  for (Message& message : handoff.messages) {
    if (IsGiven(message, handoff)) message.attempt = 0;
  }
}

void TakeBackDelivered(Handoff& handoff) {
  for (Message& message : handoff.messages) {
    if (message.attempt != handoff.Latest()->number) continue;
    message.attempt = 0;
    message.delivered = false;
  }
}

bool HasUndelivered(const Handoff& handoff) {
  return std::any_of(handoff.messages.begin(), handoff.messages.end(),
                     [&](const Message& message) { return IsGiven(message, handoff); });
}

}  // namespace handoff::core
