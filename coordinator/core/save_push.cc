#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {

bool MayPush(const Handoff& handoff, int number) {
  const Attempt& attempt = handoff.attempts[number - 1];
  const bool ended =
      attempt.state == AttemptState::kSucceeded || attempt.state == AttemptState::kFailed;
  return ended && attempt.end.has_value() && attempt.end->changed && attempt.push.empty();
}

absl::StatusOr<Decision<SavePush::Reply>> Decide(const State& state, const SavePush& command,
                                                 absl::Time now) {
  RETURN_IF_ERROR(CheckSender(state, command.sender, "What became of its push was not stored"));
  const Handoff* known = state.FindHandoff(command.handoff_id);
  if (known == nullptr) return NoSuchHandoff(command.handoff_id);
  RETURN_IF_ERROR(CheckHolder(*known, command.number, command.sender.worker_uuid,
                              "What became of its push was not stored"));
  const Attempt& attempt = known->attempts[command.number - 1];
  // Of an attempt that is another one, or that was never told to push, it is nobody's fact; and the
  // first answer to one push is the one that is kept.
  if (attempt.epoch != command.epoch || !command.asked || !MayPush(*known, command.number))
    return Decision<SavePush::Reply>{};
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.handoff_id);
  handoff.attempts[command.number - 1].push = command.bytes;
  draft.Tell(command.pushed ? "pushed" : "push_failed", handoff, command.message);
  Decision<SavePush::Reply> decision;
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
