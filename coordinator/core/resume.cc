#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

absl::Status CheckFrom(const Handoff& handoff, int number) {
  if (number < 1 || static_cast<size_t>(number) > handoff.attempts.size()) {
    return absl::NotFoundError(absl::StrCat(handoff.id, " has no attempt ", number,
                                            ". Nothing was resumed: `handoff show ", handoff.id,
                                            "` lists them."));
  }
  if (!LastCheckpoint(handoff.attempts[number - 1]).commit.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("attempt ", number, " of ", handoff.id,
                   " has no checkpoint at the coordinator. Nothing was resumed: `handoff show ",
                   handoff.id, "` lists them."));
}

// Nobody hears of what it runs, and a person does not want to wait for its lease to end. Right
// after a start of the coordinator nobody has been heard of yet.
bool MayGiveUp(const State& state, const Handoff& handoff, absl::Time now) {
  if (handoff.status != HandoffStatus::kRunning) return false;
  const Worker* worker = state.FindWorker(handoff.Latest()->worker_uuid);
  if (worker == nullptr) return true;
  return !IsReachable(*worker, now) && now - state.listening_since() >= kUnreachableAfter;
}

absl::Status StillRuns(const Handoff& handoff, bool now) {
  return absl::FailedPreconditionError(absl::StrCat(
      handoff.id, " is running on ", handoff.Latest()->worker_name,
      now ? ", which answers or may still do so, and --now gives up only what a silent worker holds"
          : "",
      ". Nothing was resumed: follow it with `handoff logs -f ", handoff.id,
      "`, or stop it first with `handoff cancel ", handoff.id, "`."));
}

// Somebody waits for it: then its next attempt is theirs to begin.
absl::Status CheckChangesNothing(const Handoff& handoff, const Resume& command) {
  const bool changes = command.fresh_session || command.from_attempt != 0 ||
                       !command.agent.empty() || !command.model.empty() || !command.spec.empty();
  if (handoff.taken_by.empty() || !changes) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      handoff.id, " goes to ", handoff.taken_by,
      " when its attempt has ended, so nothing of its next one can be said now. Nothing was "
      "resumed: `handoff resume ",
      handoff.id, " --now` and nothing else gives it to them at once."));
}

absl::Status CheckResumable(const State& state, const Handoff& handoff, const Resume& command,
                            absl::Time now) {
  if (handoff.status == HandoffStatus::kQueued) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " is queued already. Nothing was resumed: `handoff why ",
                     handoff.id, "` says what it waits for."));
  }
  if (handoff.status == HandoffStatus::kInteractive) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " is in a person's hands: ", Sentence(handoff.reason),
                     " Nothing was resumed: `handoff return ", handoff.id, "` gives it back."));
  }
  const bool given_up = command.now && MayGiveUp(state, handoff, now);
  if (!IsAtRest(handoff.status) && !given_up) {
    if (MayGiveUp(state, handoff, now)) {
      return absl::FailedPreconditionError(
          absl::StrCat(handoff.id, " is held by ", handoff.Latest()->worker_name,
                       ", which is unreachable, until ", TimeText(handoff.Latest()->lease_until),
                       ". Nothing was resumed: `handoff resume ", handoff.id,
                       " --now` gives it up at once, though it may still run there."));
    }
    return StillRuns(handoff, command.now);
  }
  RETURN_IF_ERROR(CheckChangesNothing(handoff, command));
  if (handoff.attempts.size() >= kMaxAttempts) {
    return absl::ResourceExhaustedError(
        absl::StrCat(handoff.id, " has had ", kMaxAttempts,
                     " attempts, which is the limit. Nothing was resumed: submit a new handoff."));
  }
  if (command.from_attempt != 0) RETURN_IF_ERROR(CheckFrom(handoff, command.from_attempt));
  if (IsEnded(handoff.status)) {
    RETURN_IF_ERROR(CheckQuota(state, handoff.owner, Entry::kQueued, now, "Nothing was resumed"));
  }
  return CheckRoom(state, BytesAsSent(handoff), "Nothing was resumed");
}

// Work by hand is left where it lies when another host or state is asked for, and when nobody hears
// of its host: there is no better state then.
bool LeavesWorkByHand(const State& state, const Handoff& handoff, const Resume& command,
                      absl::Time now) {
  if (command.from_attempt != 0) return true;
  if (!command.on_worker.empty() && command.on_worker != handoff.by_hand_on) return true;
  const Worker* host = state.FindWorkerByName(handoff.by_hand_on);
  return host == nullptr || !IsReachable(*host, now);
}

void Adjust(const State& state, const Resume& command, absl::Time now, Handoff& handoff) {
  if (LeavesWorkByHand(state, handoff, command, now)) handoff.by_hand_on.clear();
  handoff.on_worker = command.on_worker;
  if (command.from_attempt != 0) handoff.go_on_from = command.from_attempt;
  if (!command.agent.empty()) handoff.agent = command.agent;
  if (!command.model.empty()) handoff.model = command.model;
  if (!command.spec.empty()) handoff.spec = command.spec;
}

}  // namespace

absl::StatusOr<Decision<Resume::Reply>> Decide(const State& state, const Resume& command,
                                               absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  RETURN_IF_ERROR(CheckResumable(state, *known, command, now));
  if (!command.agent.empty()) {
    RETURN_IF_ERROR(CheckAgent(state, command.agent, "nothing was resumed"));
  }
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.id);
  if (IsEnded(handoff.status)) draft.Add(PayForSubmit(state, handoff.owner, now));
  // Another agent cannot read the session of this one.
  const bool fresh =
      command.fresh_session || (!command.agent.empty() && command.agent != known->agent);
  const std::string by = command.actor.empty() ? "" : absl::StrCat(" by ", command.actor);
  const std::string given_up = absl::StrCat("Given up", by, ".");
  if (!IsAtRest(handoff.status)) GiveUpAttempt(draft, handoff, given_up);
  if (!handoff.taken_by.empty()) {  // whoever waits for it gets it, and gives it back
    GiveToPerson(draft, handoff, given_up);
  } else {
    const std::string dropped = DeadlineDropped(handoff, now);
    StartOver(handoff, now);
    Adjust(state, command, now, handoff);
    QueueAttempt(draft, handoff, fresh, absl::InfinitePast(),
                 absl::StrCat("Resumed", by, "; waits for a worker.", dropped));
    draft.Tell("resumed", handoff, absl::StrCat("Resumed", by, ".", dropped));
  }
  Decision<Resume::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
