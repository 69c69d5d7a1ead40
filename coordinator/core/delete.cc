// What people want to see no more, or want gone.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

std::string By(const Delete& command) {
  return command.actor.empty() ? "" : absl::StrCat(" by ", command.actor);
}

absl::Status CheckDeletable(const Handoff& handoff, const Delete& command) {
  if (handoff.status == HandoffStatus::kInteractive) {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id, " is in a person's hands: ", Sentence(handoff.reason),
        " Nothing was deleted: `handoff return ", handoff.id, "` gives it back; `handoff cancel ",
        handoff.id, "` ends it, and then it can be."));
  }
  if (!IsEnded(handoff.status)) {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id, " has not ended (", StatusName(handoff.status),
        "). Nothing was deleted: end it first with `handoff cancel ", handoff.id, "`."));
  }
  if (handoff.ended_at < command.ended_before) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(handoff.id, " ended at ", TimeText(handoff.ended_at), ". Nothing was deleted."));
}

void Purge(Draft& draft, const Handoff& handoff, const Delete& command) {
  PurgeHandoff purge{handoff.id, handoff.seq, draft.now(), command.actor, {}};
  for (const Attempt& attempt : handoff.attempts) {
    // Of one that was removed from the pool nobody expects an answer.
    if (draft.state().FindWorker(attempt.worker_uuid) != nullptr)
      purge.workers.insert(attempt.worker_uuid);
  }
  draft.Add(std::move(purge));
  draft.Tell("purged", handoff, absl::StrCat("Purged", By(command), "."));
}

}  // namespace

absl::StatusOr<Decision<Delete::Reply>> Decide(const State& state, const Delete& command,
                                               absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  RETURN_IF_ERROR(CheckDeletable(*known, command));
  Decision<Delete::Reply> decision{{}, {known->id}};
  Draft draft(state, now);
  if (command.purge) {
    Purge(draft, *known, command);
  } else if (!known->deleted) {
    Handoff& handoff = draft.Touch(command.id);
    handoff.deleted = true;
    draft.Tell("deleted", handoff, absl::StrCat("Deleted", By(command), "."));
  }
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
