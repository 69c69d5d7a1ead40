// Which checkpoint of a handoff a person means, and what is known of it. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace handoff {

namespace v1 {
class Attempt;
class Checkpoint;
class Handoff;
}  // namespace v1

// The last state of an attempt that the coordinator holds: what came late is newer than what came
// before the loss. nullptr: none.
const v1::Checkpoint* LastCheckpoint(const v1::Attempt& attempt);

struct ChosenCheckpoint {
  int attempt = 0;                             // whose it is, or after which it was returned
  const v1::Checkpoint* checkpoint = nullptr;  // of the handoff
  bool returned = false;                       // a person's work on what that attempt left
};
// Of that attempt; with 0 the newest that counts. NOT_FOUND: there is no such attempt.
// FAILED_PRECONDITION: the coordinator holds none of it.
absl::StatusOr<ChosenCheckpoint> ChooseCheckpoint(const v1::Handoff& handoff, int attempt);

// From where a person takes over.
struct TakeoverBase {
  ChosenCheckpoint from;  // with attempt 0 and no packs: what was submitted
  std::string commit;
  bool plain = false;  // a commit of the person's, not a checkpoint
};
// FAILED_PRECONDITION: its newest work is only on its worker, or nobody knows yet what it is.
absl::StatusOr<TakeoverBase> ChooseBase(const v1::Handoff& handoff);

// Words about them, one clean line each; "" when there is nothing to say.
// "0123456789, 3 min ago, with the agent's session", or that only its worker has it.
std::string CheckpointWords(const v1::Attempt& attempt, absl::Time now);
// "from attempt 1 (0123456789)".
std::string StartWords(const v1::Attempt& attempt);
// That the attempt came back with work when it had been given up, and nothing has gone on from it:
// "attempt 1 came back with 4 min of work that attempt 2 lacks; 'handoff resume …' uses it".
std::string LateWords(const v1::Handoff& handoff, const v1::Attempt& attempt);

}  // namespace handoff
