// What the command's exit status means, in one place. Pure.
#pragma once

#include "absl/status/status.h"

namespace handoff {

namespace v1 {
class Handoff;
}

enum class Exit {
  kDone = 0,         // with --wait and wait: succeeded
  kFailed = 1,       // the handoff failed
  kUsage = 2,        // the command line was wrong
  kNotFound = 3,     // no such handoff, worker or repository
  kUnreachable = 4,  // the coordinator
  kDenied = 5,
  kConflict = 6,      // taken, busy, or not in a state that allows it
  kCancelled = 7,     // the handoff was
  kTimedOut = 8,      // the handoff, or the wait for it
  kPersonNeeded = 9,  // waiting, interactive
  kInternal = 10,     // this command or the server failed, capacity included
  kInterrupted = 130  // Ctrl-C
};

// Of a call that failed. DEADLINE_EXCEEDED means that the person's own limit passed: the client
// reports a server that does not answer as UNAVAILABLE.
Exit ExitFor(const absl::Status& status);

// Of a handoff that somebody waited for; kDone while it is still live.
Exit ExitFor(const v1::Handoff& handoff);

// Nothing more happens to it without a person.
bool IsSettled(const v1::Handoff& handoff);

}  // namespace handoff
