#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"
#include "coordinator/core/summaries.h"

namespace handoff::core {
namespace {

// The attempt is over for everybody but this worker: kept under its number, and nothing else.
Decision<Report::Reply> StoreLate(const State& state, const Report& command, absl::Time now) {
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.handoff_id);
  Attempt& attempt = handoff.attempts[command.number - 1];
  attempt.end = command.end;
  handoff.stored_bytes += command.log_bytes;
  attempt.arrived_after_loss = true;
  draft.Tell("late_report", handoff,
             absl::StrCat("The end of attempt ", command.number, " arrived from ",
                          attempt.worker_name, " after it was ",
                          attempt.state == AttemptState::kLost ? "lost" : "taken for not begun",
                          "; it is kept and decides nothing."));
  Decision<Report::Reply> decision{{}, {handoff, /*current=*/false}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace

absl::StatusOr<Decision<Report::Reply>> Decide(const State& state, const Report& command,
                                               absl::Time now) {
  RETURN_IF_ERROR(CheckSender(state, command.sender, "Its report was not stored"));
  const Handoff* known = state.FindHandoff(command.handoff_id);
  if (known == nullptr) return NoSuchHandoff(command.handoff_id);
  RETURN_IF_ERROR(
      CheckHolder(*known, command.number, command.sender.worker_uuid, "Its report was not stored"));
  const Attempt* attempt = &known->attempts[command.number - 1];
  const bool same_epoch = attempt->epoch == command.epoch;
  if (IsLive(attempt->state)) {
    // Another epoch: an attempt from before the coordinator's records were restored. The one that
    // counts under this number is still live.
    if (!same_epoch) return Decision<Report::Reply>{{}, {*known, /*current=*/false}};
    Draft draft(state, now);
    Handoff& handoff = draft.Touch(command.handoff_id);
    handoff.stored_bytes += command.log_bytes;
    EndAttempt(draft, handoff, command.end);
    WishAfterEnd(draft, handoff, command.summaries);
    // A resume may be asked for before the worker's next Sync tells of its workspaces.
    draft.Add(NoteWorkspace{command.sender.worker_uuid, command.handoff_id});
    Decision<Report::Reply> decision{{}, {handoff, /*current=*/true}};
    decision.edit = draft.Take();
    return decision;
  }
  // Of another epoch it is the end of something that our records do not have.
  if (!attempt->end.has_value() && same_epoch) return StoreLate(state, command, now);
  const bool current = same_epoch && !attempt->arrived_after_loss;
  return Decision<Report::Reply>{{}, {*known, current}};
}

}  // namespace handoff::core
