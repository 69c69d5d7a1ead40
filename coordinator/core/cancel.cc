#include "absl/strings/str_cat.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

std::string Reason(const Cancel& command) {
  const std::string by = command.actor.empty() ? "" : absl::StrCat(" by ", command.actor);
  if (command.reason.empty()) return absl::StrCat("Cancelled", by, ".");
  return absl::StrCat("Cancelled", by, ": ", Sentence(command.reason));
}

}  // namespace

absl::StatusOr<Decision<Cancel::Reply>> Decide(const State& state, const Cancel& command,
                                               absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  if (IsEnded(known->status)) {
    return absl::FailedPreconditionError(
        absl::StrCat(known->id, " has ended already (", StatusName(known->status),
                     "). Nothing was cancelled: `handoff show ", known->id, "` says how it went."));
  }
  Draft draft(state, now);
  const bool stopping = known->Latest()->state == AttemptState::kStopping;
  // A second cancel changes nothing: the first one is on its way.
  if (stopping && known->Latest()->stop_as != EndedBy::kInterrupted)
    return Decision<Cancel::Reply>{{}, {*known}};
  Handoff& handoff = draft.Touch(command.id);
  if (IsAtRest(handoff.status)) {
    CancelAtRest(draft, handoff, Reason(command));
  } else if (stopping) {  // its worker is at it: only what follows changes
    LetGo(handoff);
    handoff.Latest()->stop_as = EndedBy::kCancel;
    handoff.Latest()->stop_reason = Reason(command);
    handoff.reason =
        absl::StrCat("Being stopped on ", handoff.Latest()->worker_name, ". ", Reason(command));
    draft.Tell("stopping", handoff, handoff.reason);
  } else {
    StopAttempt(draft, handoff, EndedBy::kCancel, Reason(command));
  }
  Decision<Cancel::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
