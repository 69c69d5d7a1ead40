// The order of the queue, and what makes two queued handoffs the same for placement.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "coordinator/core/handoff.h"

namespace handoff::core {

// Highest priority first, then oldest.
struct QueueKey {
  int priority = 0;
  uint64_t seq = 0;
  std::string id;
  friend bool operator==(const QueueKey&, const QueueKey&) = default;
  friend bool operator<(const QueueKey& a, const QueueKey& b) {
    if (a.priority != b.priority) return a.priority > b.priority;
    if (a.seq != b.seq) return a.seq < b.seq;
    return a.id < b.id;
  }
};
QueueKey KeyOf(const Handoff& handoff);

// Whether its next attempt starts no agent, so that none is asked of a worker.
bool WantsOnlyChecks(const Handoff& handoff);

// Everything that placement asks of a worker for it. Where the head of a signature's queue finds no
// place, the others of that queue find none either.
std::string SignatureOf(const Handoff& handoff);

// What is queued and may be placed, by owner and signature.
using Queues = std::map<std::string, std::map<std::string, std::set<QueueKey>>>;

// Since when it could have been placed.
absl::Time ReadySince(const Handoff& handoff);

}  // namespace handoff::core
