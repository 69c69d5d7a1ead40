// How an attempt's end follows from what was seen, and what follows from the end. Pure.
//
// An end is three facts that are never merged: protocol (did the agent's stream end with its
// terminal event), process (exit code or signal, and whether it was ended by us and why), work (did
// anything change, did the checks pass). Workers and the coordinator use these same functions, so
// that both say the same.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

// The closed list of design section 1; the numbers are those of handoff.v1.Failure.Class.
enum class FailureClass {
  kNone = 0,
  kWorkerLost,
  kCheckoutFailed,
  kEnvironmentFailed,
  kAgentMissing,
  kAgentNeedsSetup,
  kSessionFailed,
  kQuota,
  kRateLimited,
  kContextOverflow,
  kNetwork,
  kStalled,
  kTimedOut,
  kAgentError,
  kNoResult,
  kChecksFailed,
  kLimitExceeded,
  kCancelled,
  kInternal,
};
absl::string_view FailureName(FailureClass failure);  // "worker_lost"

enum class Protocol { kNone, kResultOk, kResultError, kResultMissing, kNotStarted };
// The numbers are those of handoff.v1.AttemptEnd.EndedBy.
enum class EndedBy {
  kItself = 1,
  kAfterResult,
  kCancel,
  kFirstEventClock,
  kIdleClock,
  kHardCap,
  kOrphaned,
  kSuperseded,
  kShimLost,
  kHostRebooted,
  kDrained,
  kInterrupted,
};

struct ProcessEnd {
  std::optional<int> exit_code;  // absent: no process, killed by a signal, or unknown
  int signal = 0;
  EndedBy ended_by = EndedBy::kItself;
};

struct Verdict {
  FailureClass failure = FailureClass::kNone;
  std::string message;                         // a sentence for a person; empty on success
  absl::Time retry_at = absl::InfinitePast();  // quota: the reset time, when it was named
};

// The one rule from facts to class. `protocol_message` is what the terminal event said. An adapter
// may refine kAgentError (quota, context overflow, …) from its own stream before this is asked.
Verdict Judge(Protocol protocol, absl::string_view protocol_message, const ProcessEnd& process);

enum class RetryRule {
  kNever,        // a person has to act
  kElsewhere,    // infrastructure: another host, with backoff, spends a retry
  kHostFault,    // the host's fault: hold it, queue again; spends nothing the first time there
  kAtReset,      // quota: when the stream said
  kFreshSession  // context overflow: a fresh session in the old workspace
};
RetryRule RetryRuleFor(FailureClass failure, bool host_fault);

}  // namespace handoff
