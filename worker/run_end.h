// From what was seen of an attempt to its end record. Pure but for the messages.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/handoff/outcome.h"
#include "worker/agent/agent.h"

namespace handoff {
namespace v1 {
class AttemptEnd;
}

namespace worker {

// Why no agent was started.
struct PrepareFailure {
  FailureClass failure = FailureClass::kInternal;
  std::string message;
  bool host_fault = false;
  std::string hold_key;

  // Not this host's fault.
  static PrepareFailure Of(FailureClass failure, std::string message) {
    return {failure, std::move(message), false, ""};
  }
};

// What was seen of one attempt's process and stream.
struct RunEnd {
  Protocol protocol = Protocol::kNotStarted;
  std::string protocol_message;
  ProcessEnd process;
  std::optional<PrepareFailure> prepare_failure;
  bool no_agent = false;  // none was to be started: only a stop and the checks count
  std::optional<AgentEvent::Result> result;
  std::string stderr_tail;
  std::string last_trouble;  // of which the agent's stream told, and no work after it
  std::string last_line;     // the agent's last text
  bool worked = false;       // its stream told of something
  bool silent = false;       // it wrote nothing at all
  bool resumed = false;      // it was to go on in a session
  // What a probe after the end said; absent: none was made.
  std::optional<bool> agent_ready;
  bool log_tail_lost = false;
  std::string leftovers;  // of its tree, that do not end
  // Of the checks after it. A success stands only when none of the three speaks against it.
  std::string failed_check;        // a sentence about the first that failed
  bool checks_unfinished = false;  // stopped before all came to their end
  std::string checks_trouble;      // why the worker could not run them
  bool checks_passed = false;      // all that were declared, and there were some
  absl::Time started_at = absl::InfinitePast();
  absl::Time ended_at = absl::InfinitePast();
  std::string stream_session;  // as the stream named it
};

// Completes `end` with what git says of the workspace: `observed` is a serialised Facts. Where it
// could not be read nothing is claimed, but for that.
absl::Status FillWork(const absl::StatusOr<std::string>& observed, v1::AttemptEnd& end);

// A failure that asks for a login was read out of words that an agent which did work wrote. They
// may be those of a tool or of an MCP server, and the failure would be this host's fault: only a
// probe of the agent (`agent_ready`) can tell.
bool SetupInDoubt(const RunEnd& run, const Agent* agent);

// What the agent's run was, whatever its checks say.
Verdict JudgeAgent(const RunEnd& run);

// Completes `end`, which holds what was known before the end: the three facts, the failure with its
// policy, the session. `agent` may be nullptr when none was started.
void FillEnd(const RunEnd& run, const Agent* agent, v1::AttemptEnd& end);

}  // namespace worker
}  // namespace handoff
