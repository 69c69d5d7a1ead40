// The audit log: who did what to identities, and what was refused. Its entries are chained: each
// holds the hash of the one before and of itself, so that one that was edited, removed or moved is
// found.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff::core {

enum class AuditOutcome { kDone = 1, kRefused };

struct AuditEntry {
  uint64_t seq = 0;  // from 1, without a gap
  absl::Time at = absl::InfinitePast();
  std::string actor;    // subject of the credential that asked
  std::string serial;   // of that credential; empty: none
  std::string address;  // of the peer
  std::string action;   // NameOf(Method)
  std::string object;   // whom or what it concerns
  AuditOutcome outcome = AuditOutcome::kDone;
  std::string detail;
  std::string hash;  // AuditHash of the entry before and this one
  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

// The last entry. Before the first there is none, and the hash is that of nothing.
struct AuditHead {
  uint64_t seq = 0;
  std::string hash;
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// Hex SHA-256 of `previous` and of everything in the entry but its own hash. Each field goes in
// with its length, so that nothing can move from one to the next.
std::string AuditHash(absl::string_view previous, const AuditEntry& entry);

// Refusals of the last minute. Whoever is refused again and again must not fill the log: beyond a
// number of entries a minute they are counted, and the next entry says how many there were.
struct RefusalCount {
  absl::Time since = absl::InfinitePast();
  uint64_t noted = 0, unnoted = 0;
};

}  // namespace handoff::core
