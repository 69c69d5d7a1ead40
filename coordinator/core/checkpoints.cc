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
    if (!last.commit.empty()) return {asked.number, &last, /*returned=*/false, /*asked=*/true};
  }
  const auto newest =
      std::find_if(handoff.attempts.rbegin(), handoff.attempts.rend(),
                   [](const Attempt& attempt) { return !attempt.checkpoint.commit.empty(); });
  const bool none = newest == handoff.attempts.rend();
  if (!handoff.returned.commit.empty() && (none || newest->number <= handoff.returned_after))
    return {handoff.returned_after, &handoff.returned, /*returned=*/true};
  if (none) return {};
  return {newest->number, &newest->checkpoint};
}

Head StartOf(const Handoff& handoff, const Attempt& attempt) {
  const int number = attempt.from_attempt;
  if (number == 0) return {};
  if (handoff.returned_after == number && handoff.returned.commit == attempt.from_commit)
    return {number, &handoff.returned, /*returned=*/true};
  const Attempt& from = handoff.attempts[number - 1];
  Head start{number, &from.checkpoint, /*returned=*/false, handoff.go_on_from == number};
  // What came late may have been replaced by what came later.
  if (from.checkpoint.commit != attempt.from_commit) start.checkpoint = &LastCheckpoint(from);
  return start;
}

const Checkpoint& LastCheckpoint(const Attempt& attempt) {
  return attempt.late_checkpoint.commit.empty() ? attempt.checkpoint : attempt.late_checkpoint;
}

uint64_t NewBytes(const Handoff& handoff, const Checkpoint& added, const PackSizes& sizes) {
  uint64_t bytes = 0;
  for (const auto& entry : sizes) {
    const std::string& pack = entry.first;
    const auto names = [&](const Checkpoint& checkpoint) {
      return checkpoint.packs.count(pack) > 0;
    };
    const bool known =
        pack == handoff.pack_sha256 || handoff.inputs.count(pack) > 0 || names(handoff.returned) ||
        std::any_of(handoff.attempts.begin(), handoff.attempts.end(), [&](const Attempt& attempt) {
          return names(attempt.checkpoint) || names(attempt.late_checkpoint);
        });
    if (names(added) && !known) bytes += entry.second;
  }
  return bytes;
}

namespace {

// What only the worker has takes nothing away that is held here: it is told of when there is
// nothing else.
bool AddsNothing(const Checkpoint& held, const Checkpoint& sent) {
  return held == sent || (sent.commit.empty() && !held.commit.empty());
}

// Over for everybody but its worker: lost, or cancelled as not begun although it had.
bool WasGivenUp(const Attempt& attempt) {
  if (attempt.state == AttemptState::kLost) return true;
  return attempt.state == AttemptState::kCancelled &&
         (!attempt.end.has_value() || attempt.arrived_after_loss);
}

void TellLate(Draft& draft, const Handoff& handoff, const Attempt& attempt) {
  draft.Tell("late_checkpoint", handoff,
             absl::StrCat("A checkpoint of attempt ", attempt.number, " arrived from ",
                          attempt.worker_name, " after it was ",
                          attempt.state == AttemptState::kLost ? "lost" : "taken for not begun",
                          "; `handoff resume ", handoff.id, " --from-attempt ", attempt.number,
                          "` uses it."));
}

}  // namespace

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
  const bool lost = WasGivenUp(attempt);
  // A call that is repeated after the loss names what counted before it.
  const bool counts = !lost || attempt.checkpoint == command.checkpoint;
  const bool late = !counts;
  // The last one comes before the end is reported: what follows is a call that was overtaken.
  const bool over = IsTerminal(attempt.state) && !lost && !attempt.checkpoint.commit.empty();
  if (over || AddsNothing(late ? attempt.late_checkpoint : attempt.checkpoint, command.checkpoint))
    return Decision<SaveCheckpoint::Reply>{{}, {/*current=*/counts}};
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.handoff_id);
  Attempt& saved = handoff.attempts[command.number - 1];
  handoff.stored_bytes += NewBytes(handoff, command.checkpoint, command.sizes);
  (late ? saved.late_checkpoint : saved.checkpoint) = command.checkpoint;
  if (late && !command.checkpoint.commit.empty()) TellLate(draft, handoff, saved);
  // What a person asked for has been gone on from, and so has what they left in the workspace.
  if (!late && command.number == handoff.Latest()->number && !saved.checkpoint.commit.empty()) {
    handoff.go_on_from = 0;
    handoff.by_hand_on.clear();
  }
  Decision<SaveCheckpoint::Reply> decision{{}, {/*current=*/counts}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
