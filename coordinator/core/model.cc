#include "coordinator/core/model.h"

#include <algorithm>

namespace handoff::core {

size_t BytesAsSent(const Handoff& handoff) {
  size_t bytes = handoff.spec.size();
  for (const Attempt& attempt : handoff.attempts) {
    if (attempt.end.has_value()) bytes += attempt.end->bytes.size();
    bytes += attempt.checkpoint.bytes.size() + attempt.late_checkpoint.bytes.size();
    bytes += attempt.summary.size() + attempt.push.size();
  }
  for (const SectionEdit& edit : handoff.edits) bytes += edit.text.size();
  bytes += handoff.returned.bytes.size();
  for (const Message& message : handoff.messages) bytes += message.text.size();
  return bytes;
}

Handoff DurablePart(Handoff handoff) {
  for (Attempt& attempt : handoff.attempts) {
    if (attempt.state == AttemptState::kRunning) attempt.state = AttemptState::kLeased;
    attempt.lease_until = absl::InfinitePast();
    attempt.offered = false;
    if (!attempt.end.has_value()) continue;
    attempt.end->question.clear();
    attempt.end->check_output.clear();
  }
  return handoff;
}

const AgentOffer* FindOffer(const Worker& worker, absl::string_view agent) {
  const auto offer = std::find_if(worker.agents.begin(), worker.agents.end(),
                                  [&](const AgentOffer& o) { return o.name == agent; });
  return offer == worker.agents.end() ? nullptr : &*offer;
}

Worker DurablePart(const Worker& worker) {
  Worker durable;
  durable.uuid = worker.uuid;
  durable.name = worker.name;
  durable.registered_at = worker.registered_at;
  durable.draining = worker.draining;
  durable.drain_reason = worker.drain_reason;
  durable.start = worker.start;
  durable.nonce = worker.nonce;
  durable.owner = worker.owner;
  durable.shared = worker.shared;
  durable.repos = worker.repos;
  return durable;
}

Hold DurablePart(Hold hold) {
  hold.asked_at = absl::InfinitePast();
  return hold;
}

}  // namespace handoff::core
