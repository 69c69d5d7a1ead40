#include "common/handoff/outcome.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr size_t kQuotedBytes = 500;

// ": <what the agent said>." or "." when it said nothing.
std::string Quote(absl::string_view message) {
  std::string line = OneLine(message, kQuotedBytes);
  if (line.empty()) return ".";
  const bool ended = line.back() == '.' || line.back() == '!' || line.back() == '?';
  return absl::StrCat(": ", line, ended ? "" : ".");
}

std::string HowItEnded(const ProcessEnd& process) {
  if (process.signal != 0) {
    const char* name = ::strsignal(process.signal);
    return absl::StrCat("was killed by signal ", process.signal, name == nullptr ? "" : " (",
                        name == nullptr ? "" : name, name == nullptr ? "" : ")");
  }
  if (process.exit_code) return absl::StrCat("exited with status ", *process.exit_code);
  return "ended with an unknown status";
}

Verdict JudgeProtocol(Protocol protocol, absl::string_view message, const ProcessEnd& process) {
  switch (protocol) {
    case Protocol::kResultOk:
      // The terminal event is the boundary: what the process does afterwards (status 143, a hang
      // that we end) says nothing about the work.
      return {};
    case Protocol::kResultError:
      return {FailureClass::kAgentError,
              absl::StrCat("The agent reported an error", Quote(message))};
    case Protocol::kResultMissing:
      if (process.signal == 0 && process.exit_code == 0) {
        return {FailureClass::kNoResult,
                "The agent exited with status 0, but its stream never said that it was done; look "
                "at the log, then resume."};
      }
      return {FailureClass::kAgentError,
              absl::StrCat("The agent ", HowItEnded(process), " before it said that it was done",
                           Quote(message))};
    case Protocol::kNone:
      if (process.signal == 0 && process.exit_code == 0) return {};
      return {FailureClass::kAgentError,
              absl::StrCat("The command ", HowItEnded(process), Quote(message))};
    case Protocol::kNotStarted:
      return {FailureClass::kEnvironmentFailed,
              absl::StrCat("The agent could not be started", Quote(message))};
  }
  return {FailureClass::kInternal, "The end of the attempt makes no sense; this is a defect."};
}

// Why we or the host ended it, for an attempt whose stream had no good result.
Verdict JudgeEnding(EndedBy ended_by) {
  switch (ended_by) {
    case EndedBy::kItself:
    case EndedBy::kAfterResult:
      return {};
    case EndedBy::kCancel:
      return {FailureClass::kCancelled, "The attempt was cancelled."};
    case EndedBy::kFirstEventClock:
      return {FailureClass::kStalled,
              "The agent showed no first event in time and was ended; it may be waiting for a "
              "login or for the network."};
    case EndedBy::kIdleClock:
      return {FailureClass::kStalled,
              "The agent was silent for longer than the idle limit and was ended; --stall-timeout "
              "sets the limit."};
    case EndedBy::kHardCap:
      return {FailureClass::kTimedOut,
              "The attempt reached its time limit and was ended; resume goes on from its work, "
              "--timeout sets the limit."};
    case EndedBy::kOrphaned:
      return {FailureClass::kWorkerLost,
              "Nobody renewed the lease for so long that the worker ended the attempt."};
    case EndedBy::kSuperseded:
      return {FailureClass::kWorkerLost,
              "The lease had passed to a newer attempt, so this one was ended."};
    case EndedBy::kShimLost:
      return {FailureClass::kWorkerLost,
              "The process that watched the agent was killed; the agent's exit status is unknown."};
    case EndedBy::kHostRebooted:
      return {FailureClass::kWorkerLost, "The worker's host was restarted during the attempt."};
    case EndedBy::kDrained:
      return {FailureClass::kWorkerLost, "The worker was drained and ended the attempt."};
    case EndedBy::kInterrupted:
      return {FailureClass::kCancelled,
              "The attempt was interrupted; the work goes on with the next one."};
  }
  return {FailureClass::kInternal, "The attempt ended for an unknown reason; this is a defect."};
}

}  // namespace

absl::string_view FailureName(FailureClass failure) {
  switch (failure) {
    case FailureClass::kNone:
      return "none";
    case FailureClass::kWorkerLost:
      return "worker_lost";
    case FailureClass::kCheckoutFailed:
      return "checkout_failed";
    case FailureClass::kEnvironmentFailed:
      return "environment_failed";
    case FailureClass::kAgentMissing:
      return "agent_missing";
    case FailureClass::kAgentNeedsSetup:
      return "agent_needs_setup";
    case FailureClass::kSessionFailed:
      return "session_failed";
    case FailureClass::kQuota:
      return "quota";
    case FailureClass::kRateLimited:
      return "rate_limited";
    case FailureClass::kContextOverflow:
      return "context_overflow";
    case FailureClass::kNetwork:
      return "network";
    case FailureClass::kStalled:
      return "stalled";
    case FailureClass::kTimedOut:
      return "timed_out";
    case FailureClass::kAgentError:
      return "agent_error";
    case FailureClass::kNoResult:
      return "no_result";
    case FailureClass::kChecksFailed:
      return "checks_failed";
    case FailureClass::kLimitExceeded:
      return "limit_exceeded";
    case FailureClass::kCancelled:
      return "cancelled";
    case FailureClass::kInternal:
      return "internal";
  }
  return "unknown";
}

Verdict Judge(Protocol protocol, absl::string_view protocol_message, const ProcessEnd& process) {
  // A cancel and a lost lease are decisions of others: even a good result does not undo them. Every
  // other ending after a good result is only the end of a process that was not needed any more.
  const bool decided =
      process.ended_by == EndedBy::kCancel || process.ended_by == EndedBy::kSuperseded;
  if (protocol == Protocol::kResultOk && !decided) return {};
  Verdict ending = JudgeEnding(process.ended_by);
  if (ending.failure != FailureClass::kNone) return ending;
  return JudgeProtocol(protocol, protocol_message, process);
}

RetryRule RetryRuleFor(FailureClass failure, bool host_fault) {
  switch (failure) {
    // What another host would not do better, or what only a person can decide.
    case FailureClass::kNone:
    case FailureClass::kCancelled:
      return RetryRule::kNever;
    case FailureClass::kCheckoutFailed:
    case FailureClass::kSessionFailed:
    case FailureClass::kTimedOut:
    case FailureClass::kAgentError:
    case FailureClass::kNoResult:
    case FailureClass::kChecksFailed:
    case FailureClass::kLimitExceeded:
      return host_fault ? RetryRule::kHostFault : RetryRule::kNever;
    case FailureClass::kAgentMissing:
    case FailureClass::kAgentNeedsSetup:
      return RetryRule::kHostFault;
    case FailureClass::kQuota:
      return RetryRule::kAtReset;
    case FailureClass::kContextOverflow:
      return RetryRule::kFreshSession;
    case FailureClass::kWorkerLost:
    case FailureClass::kEnvironmentFailed:
    case FailureClass::kRateLimited:
    case FailureClass::kNetwork:
    case FailureClass::kStalled:
    case FailureClass::kInternal:
      return host_fault ? RetryRule::kHostFault : RetryRule::kElsewhere;
  }
  return RetryRule::kNever;
}

}  // namespace handoff
