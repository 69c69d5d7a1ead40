// How much of the pool one owner may have, and how much of it is theirs. Values of the
// coordinator's configuration; the defaults are in limits.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "coordinator/core/limits.h"

namespace handoff::core {

struct Quota {
  size_t live = kQuotaLive;        // handoffs that have not ended, whatever they wait for
  size_t queued = kQuotaQueued;    // of these, those that wait for a worker
  size_t running = kQuotaRunning;  // attempts at a time; what is beyond waits in the queue
  uint64_t stored_bytes = kQuotaStoredBytes;
  int submits_per_minute = kQuotaSubmitsPerMinute;
  int submit_burst = kQuotaSubmitBurst;  // that many at once, after a pause
  int weight = 1;  // of the owner's share of the slots, beside those of the others
  friend bool operator==(const Quota&, const Quota&) = default;
};

struct Quotas {
  Quota common;
  std::map<std::string, Quota> owners;  // those that have one of their own
  const Quota& Of(const std::string& owner) const {
    const auto own = owners.find(owner);
    return own == owners.end() ? common : own->second;
  }
  friend bool operator==(const Quotas&, const Quotas&) = default;
};

}  // namespace handoff::core
