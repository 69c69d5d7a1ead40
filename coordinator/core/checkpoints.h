// The checkpoints of a handoff, and which the next attempt goes on from. Pure.
#pragma once

#include <cstdint>
#include <map>
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
  bool returned = false;                   // what a person made of it after that attempt
  bool asked = false;                      // a person asked for it: no workspace is it
  // A workspace that this or a later attempt left holds it already.
  int kept_since() const { return returned ? attempt + 1 : attempt; }
};
// Of the attempt that a person asked to go on from, else the newest that counts: of an attempt, or
// what a person returned.
Head HeadCheckpoint(const Handoff& handoff);
// What a leased attempt goes on from, as it was settled with its lease: more may have come since.
Head StartOf(const Handoff& handoff, const Attempt& attempt);

// Bytes of each pack, by its SHA-256.
using PackSizes = std::map<std::string, uint64_t>;
// Of the packs of `added` that nothing of the handoff names yet.
uint64_t NewBytes(const Handoff& handoff, const Checkpoint& added, const PackSizes& sizes);

// What came late is newer than what came before the loss.
const Checkpoint& LastCheckpoint(const Attempt& attempt);

}  // namespace handoff::core
