#include "coordinator/core/checkpoints.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/handoff.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {

Head HeadCheckpoint(const Handoff& handoff) {
  if (handoff.go_on_from > 0 &&
      static_cast<size_t>(handoff.go_on_from) <= handoff.attempts.size()) {
    const Attempt& asked = handoff.attempts[handoff.go_on_from - 1];
    const Checkpoint& last = LastCheckpoint(asked);
    if (!last.commit.empty()) return {asked.number, &last};
  }
  const auto newest =
      std::find_if(handoff.attempts.rbegin(), handoff.attempts.rend(),
                   [](const Attempt& attempt) { return !attempt.checkpoint.commit.empty(); });
  if (newest == handoff.attempts.rend()) return {};
  return {newest->number, &newest->checkpoint};
}

const Checkpoint& LastCheckpoint(const Attempt& attempt) {
  return attempt.late_checkpoint.commit.empty() ? attempt.checkpoint : attempt.late_checkpoint;
}

absl::StatusOr<Decision<SaveCheckpoint::Reply>> Decide(const State& state,
                                                       const SaveCheckpoint& command,
                                                       absl::Time now) {
  RETURN_IF_ERROR(CheckSender(state, command.sender, "Its checkpoint was not stored"));
  const Handoff* known = state.FindHandoff(command.handoff_id);
  if (known == nullptr) return NoSuchHandoff(command.handoff_id);
  RETURN_IF_ERROR(CheckHolder(*known, command.number, command.sender.worker_uuid,
                              "Its checkpoint was not stored"));
  const Attempt& attempt = known->attempts[command.number - 1];
  // From before the records were restored: the attempt of this number is another one.
  if (attempt.epoch != command.epoch) return Decision<SaveCheckpoint::Reply>{{}, {false}};
  const bool late = attempt.state == AttemptState::kLost;
  if ((late ? attempt.late_checkpoint : attempt.checkpoint) == command.checkpoint)
    return Decision<SaveCheckpoint::Reply>{{}, {/*current=*/!late}};
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.handoff_id);
  Attempt& saved = handoff.attempts[command.number - 1];
  (late ? saved.late_checkpoint : saved.checkpoint) = command.checkpoint;
  if (late) {
    draft.Tell("late_checkpoint", handoff,
               absl::StrCat("A checkpoint of attempt ", command.number, " arrived from ",
                            attempt.worker_name, " after it was lost; `handoff resume ", handoff.id,
                            " --from-attempt ", command.number, "` uses it."));
  } else if (command.number == handoff.Latest()->number && !saved.checkpoint.commit.empty()) {
    handoff.go_on_from = 0;  // what a person asked for has been gone on from
  }
  Decision<SaveCheckpoint::Reply> decision{{}, {/*current=*/!late}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
