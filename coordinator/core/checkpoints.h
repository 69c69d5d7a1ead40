// The checkpoints of a handoff, and which the next attempt goes on from. Pure.
#pragma once

#include <set>
#include <string>

#include "absl/time/time.h"

namespace handoff::core {

struct Attempt;
struct Handoff;

// A checkpoint as far as decisions need it. `bytes` is the worker's Checkpoint, kept as sent.
struct Checkpoint {
  std::string commit;           // empty: there is none
  std::string session;          // whose files are in it; empty: none
  std::set<std::string> packs;  // objects that are kept as long as the handoff is
  absl::Time taken_at = absl::InfinitePast();
  std::string bytes;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

struct Head {
  int attempt = 0;                         // 0: there is none, what was submitted is the state
  const Checkpoint* checkpoint = nullptr;  // of the handoff; nullptr with 0
};
// Of the attempt that a person asked to go on from, else the newest that counts.
Head HeadCheckpoint(const Handoff& handoff);

// What came late is newer than what came before the loss.
const Checkpoint& LastCheckpoint(const Attempt& attempt);

}  // namespace handoff::core
