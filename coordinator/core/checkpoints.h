// Which checkpoint the next attempt goes on from. Pure.
#pragma once

#include "coordinator/core/handoff.h"

namespace handoff::core {

struct Head {
  int attempt = 0;                         // 0: there is none, what was submitted is the state
  const Checkpoint* checkpoint = nullptr;  // of the handoff; nullptr with 0
};
// Of the attempt that a person asked to go on from, else the newest that counts.
Head HeadCheckpoint(const Handoff& handoff);

// What came late is newer than what came before the loss.
const Checkpoint& LastCheckpoint(const Attempt& attempt);

}  // namespace handoff::core
