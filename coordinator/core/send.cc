#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

std::string By(const Send& command) {
  return command.actor.empty() ? "" : absl::StrCat(" by ", command.actor);
}

absl::Status CheckSendable(const State& state, const Handoff& handoff, const Send& command,
                           absl::Time now) {
  if (handoff.agent == "command") {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " runs a command, which reads no messages. Nothing was sent."));
  }
  if (handoff.status == HandoffStatus::kInteractive || !handoff.taken_by.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id, " is in a person's hands: ", Sentence(handoff.reason),
        " Nothing was sent: `handoff return ", handoff.id, " MESSAGE` gives it back."));
  }
  const Attempt& latest = *handoff.Latest();
  if (latest.state == AttemptState::kStopping && latest.stop_as != EndedBy::kInterrupted) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " is being stopped: ", Sentence(latest.stop_reason),
                     " Nothing was sent: `handoff wait ", handoff.id,
                     "` tells when it is over; a message that is sent then goes on with it."));
  }
  RETURN_IF_ERROR(CheckMessage(handoff, command.text.size(), "Nothing was sent"));
  // Only one that is still to begin will take another message.
  if (latest.state != AttemptState::kQueued && handoff.attempts.size() >= kMaxAttempts) {
    return absl::ResourceExhaustedError(
        absl::StrCat(handoff.id, " has had ", kMaxAttempts,
                     " attempts, which is the limit. Nothing was sent: submit a new handoff."));
  }
  if (IsEnded(handoff.status)) {
    RETURN_IF_ERROR(CheckQuota(state, handoff.owner, Entry::kQueued, now, "Nothing was sent"));
  }
  if (!IsAtRest(handoff.status)) return CheckBytes(state, command.text.size(), "Nothing was sent");
  return CheckRoom(state, BytesAsSent(handoff) + command.text.size(), "Nothing was sent");
}

absl::StatusOr<Decision<Send::Reply>> Drop(const State& state, const Handoff& known,
                                           const Send& command, absl::Time now) {
  if (command.drop < 1 || static_cast<size_t>(command.drop) > known.messages.size()) {
    return absl::NotFoundError(absl::StrCat(known.id, " has no message ", command.drop,
                                            ". Nothing was dropped: `handoff show ", known.id,
                                            "` lists them."));
  }
  const Message& message = known.messages[command.drop - 1];
  if (!message.pending()) {
    return absl::FailedPreconditionError(
        message.dropped
            ? absl::StrCat("message ", command.drop, " of ", known.id, " was dropped already.")
            : absl::StrCat("message ", command.drop, " of ", known.id, " was given to attempt ",
                           message.attempt, " already. Nothing was dropped."));
  }
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.id);
  handoff.messages[command.drop - 1].dropped = true;
  draft.Tell("message_dropped", handoff,
             absl::StrCat("Message ", command.drop, " was dropped", By(command), "."));
  Decision<Send::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace

absl::StatusOr<Decision<Send::Reply>> Decide(const State& state, const Send& command,
                                             absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  if (command.drop != 0) return Drop(state, *known, command, now);
  RETURN_IF_ERROR(CheckSendable(state, *known, command, now));
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.id);
  if (IsEnded(handoff.status)) draft.Add(PayForSubmit(state, handoff.owner, now));
  AddMessage(handoff, Message::Origin::kPerson, command.actor, command.text, now);
  const std::string dropped = IsAtRest(handoff.status) ? DeadlineDropped(handoff, now) : "";
  draft.Tell(
      "message", handoff,
      absl::StrCat("Message ", handoff.messages.size(), " was sent", By(command), ".", dropped));
  if (IsAtRest(handoff.status)) {
    StartOver(handoff, now);
    QueueAttempt(draft, handoff, /*fresh_session=*/false, absl::InfinitePast(),
                 absl::StrCat("A message was sent", By(command), "; waits for a worker.", dropped));
  } else if (command.now && IsLive(handoff.Latest()->state) &&
             handoff.Latest()->state != AttemptState::kStopping) {
    StopAttempt(draft, handoff, EndedBy::kInterrupted,
                absl::StrCat("Interrupted", By(command), " for a message."));
  }
  Decision<Send::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
