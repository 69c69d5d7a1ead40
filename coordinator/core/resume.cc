#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

absl::Status CheckResumable(const State& state, const Handoff& handoff) {
  if (handoff.status == HandoffStatus::kQueued) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " is queued already. Nothing was resumed: `handoff why ",
                     handoff.id, "` says what it waits for."));
  }
  if (!IsEnded(handoff.status)) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " is running on ", handoff.Latest()->worker_name,
                     ". Nothing was resumed: follow it with `handoff logs -f ", handoff.id,
                     "`, or stop it first with `handoff cancel ", handoff.id, "`."));
  }
  if (handoff.attempts.size() >= kMaxAttempts) {
    return absl::ResourceExhaustedError(
        absl::StrCat(handoff.id, " has had ", kMaxAttempts,
                     " attempts, which is the limit. Nothing was resumed: submit a new handoff."));
  }
  return CheckRoom(state, BytesAsSent(handoff), "Nothing was resumed");
}

// What a person changes with the resume, and what the earlier attempts no longer decide.
void StartOver(const Resume& command, absl::Time now, Handoff& handoff) {
  handoff.on_worker = command.on_worker;
  if (!command.agent.empty()) handoff.agent = command.agent;
  if (!command.model.empty()) handoff.model = command.model;
  if (!command.spec.empty()) handoff.spec = command.spec;
  handoff.retries_used = 0;
  handoff.avoid.clear();
  handoff.verified = false;
  handoff.ended_at = absl::InfinitePast();
  // A deadline that has passed was that of the first try.
  if (handoff.deadline <= now) handoff.deadline = absl::InfiniteFuture();
}

}  // namespace

absl::StatusOr<Decision<Resume::Reply>> Decide(const State& state, const Resume& command,
                                               absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  RETURN_IF_ERROR(CheckResumable(state, *known));
  if (!command.agent.empty()) {
    RETURN_IF_ERROR(CheckAgent(state, command.agent, "nothing was resumed"));
  }
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.id);
  // Another agent cannot read the session of this one.
  const bool fresh =
      command.fresh_session || (!command.agent.empty() && command.agent != known->agent);
  StartOver(command, now, handoff);
  const std::string by = command.actor.empty() ? "" : absl::StrCat(" by ", command.actor);
  QueueAttempt(draft, handoff, fresh, absl::InfinitePast(),
               absl::StrCat("Resumed", by, "; waits for a worker."));
  draft.Tell("resumed", handoff, absl::StrCat("Resumed", by, "."));
  Decision<Resume::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
