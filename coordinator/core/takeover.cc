// A person takes a handoff into their own hands, and gives it back.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/ending.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

constexpr char kNotTaken[] = "It was not taken over";
constexpr char kNotReturned[] = "Nothing was returned";

// Somebody has it or wants it: the same person may ask again, from another clone for example.
absl::Status CheckSamePerson(const Handoff& handoff, const TakeOver& command) {
  if (handoff.taken_by != command.actor) {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id, " is in the hands of ", handoff.taken_by, " since ", TimeText(handoff.taken_at),
        ". ", kNotTaken, ": ask them to give it back with `handoff return ", handoff.id,
        "`; without their work, `handoff cancel ", handoff.id, "` ends that."));
  }
  if (command.on_host != handoff.taken_on.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "you have ", handoff.id,
      command.on_host
          ? absl::StrCat(" in a work tree of your own. ", kNotTaken, " on its host")
          : absl::StrCat(" in its workspace on ", handoff.taken_on, ". ", kNotTaken, " elsewhere"),
      ": `handoff return ", handoff.id, "` gives that back first."));
}

absl::Status CheckTakeable(const Handoff& handoff, const TakeOver& command) {
  if (handoff.repo_key.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " has no repository, so there is no work to go on with by hand. ",
                     kNotTaken, "."));
  }
  const Attempt& latest = *handoff.Latest();
  if (latest.state == AttemptState::kStopping && latest.stop_as != EndedBy::kInterrupted) {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id, " is being stopped: ", Sentence(latest.stop_reason), " ", kNotTaken,
        ": `handoff wait ", handoff.id, "` tells when it is over; then take it."));
  }
  if (!IsLive(latest.state) || command.stop) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      handoff.id, " is running on ", latest.worker_name, ". ", kNotTaken, ": `handoff takeover ",
      handoff.id,
      " --stop` takes a checkpoint, ends its attempt and gives it to you; `handoff logs "
      "-f ",
      handoff.id, "` follows it."));
}

absl::Status NoWorkspace(const Handoff& handoff, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat(why, " ", kNotTaken,
                                                    ": without --on-host you get the work of ",
                                                    handoff.id, " in a work tree of your own."));
}

// As if nobody had asked for another state than the newest.
Handoff WithoutWish(Handoff handoff) {
  handoff.go_on_from = 0;
  return handoff;
}

// The name of the worker whose workspace holds the newest work, as far as is known. What may have
// newer work and cannot be asked is not passed over.
absl::StatusOr<std::string> HostOfWorkspace(const State& state, const Handoff& handoff,
                                            absl::Time now) {
  const AttemptView* view = state.ViewOf(handoff.id);
  if (IsLive(handoff.Latest()->state) && (view == nullptr || !view->running)) {
    return NoWorkspace(handoff,
                       absl::StrCat("the workspace of ", handoff.id, " on ",
                                    handoff.Latest()->worker_name, " is still being made."));
  }
  // What a person asked to go on from lies nowhere.
  const int least = HeadCheckpoint(WithoutWish(handoff)).kept_since();
  std::string last;
  for (auto a = handoff.attempts.rbegin(); a != handoff.attempts.rend(); ++a) {
    if (a->worker_uuid.empty() || a->number < least) continue;
    const Worker* worker = state.FindWorker(a->worker_uuid);
    if (worker == nullptr) {
      return NoWorkspace(handoff, absl::StrCat(a->worker_name, ", on which attempt ", a->number,
                                               " worked, is no longer in this pool."));
    }
    if (!IsReachable(*worker, now)) {
      return NoWorkspace(handoff,
                         absl::StrCat(worker->name, ", on which attempt ", a->number,
                                      " worked, is unreachable, so what lies there is unknown."));
    }
    if (worker->workspaces.count(handoff.id) > 0) return worker->name;
    if (last.empty()) last = worker->name;
  }
  return NoWorkspace(
      handoff, last.empty() ? absl::StrCat("no workspace of ", handoff.id, " holds its last state.")
                            : absl::StrCat(last, " has no workspace of ", handoff.id,
                                           " any more, or not yet."));
}

// What somebody did in the workspace itself is in no checkpoint until an attempt went on with it.
bool IsOnlyInWorkspace(const Handoff& handoff) {
  return !handoff.by_hand_on.empty() && !HeadCheckpoint(handoff).asked;
}

// In a work tree of one's own that work would be missing, and what is made there would stand before
// it. Where its host cannot be asked there is no better state.
absl::Status CheckNothingIsMissed(const State& state, const Handoff& handoff, absl::Time now) {
  if (IsLive(handoff.Latest()->state) || !IsOnlyInWorkspace(handoff)) return absl::OkStatus();
  const auto host = HostOfWorkspace(state, handoff, now);
  if (!host.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the newest work on ", handoff.id, " was done by hand in its workspace on ",
                   *host, ", and no checkpoint has it yet. ", kNotTaken, ": `handoff takeover ",
                   handoff.id, " --on-host` goes on there, or wait for its next attempt."));
}

// `based_on` is the newest state, so that what is returned undoes nobody's work.
absl::Status CheckBase(const Handoff& handoff, const Return& command) {
  const Head head = HeadCheckpoint(handoff);
  const std::string& newest =
      head.checkpoint == nullptr ? command.submitted : head.checkpoint->commit;
  if (newest.empty() || newest == command.based_on) return absl::OkStatus();
  // Where an older state was asked for, and no agent went on from it, either will do.
  if (head.asked) return CheckBase(WithoutWish(handoff), command);
  const std::string whose = head.checkpoint == nullptr ? "what was submitted"
                            : head.returned
                                ? "what was returned before"
                                : absl::StrCat("the last checkpoint of attempt ", head.attempt);
  return absl::FailedPreconditionError(absl::StrCat(
      "this work began from ", command.based_on.substr(0, 12), ", and ", whose, " of ", handoff.id,
      " is ", newest.substr(0, 12), ". ", kNotReturned, ": `handoff takeover ", handoff.id,
      "` brings that, to put this work on top of it."));
}

absl::Status CheckHasIt(const Handoff& handoff, const Return& command) {
  if (handoff.status == HandoffStatus::kInteractive && handoff.taken_by == command.actor)
    return absl::OkStatus();
  if (handoff.taken_by.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " is in nobody's hands (", StatusName(handoff.status), "). ",
                     kNotReturned, ": `handoff takeover ", handoff.id, "` takes it."));
  }
  if (handoff.taken_by == command.actor) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id, " is not yours yet: ", Sentence(handoff.reason), " ", kNotReturned,
                     ": `handoff wait ", handoff.id, "` tells when its attempt has ended."));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      handoff.id, " is in the hands of ", handoff.taken_by, " since ", TimeText(handoff.taken_at),
      ", not of ", command.actor, ". ", kNotReturned, ": only they give it back; `handoff cancel ",
      handoff.id, "` and then `handoff resume ", handoff.id, "` go on without their work."));
}

absl::Status CheckReturnable(const State& state, const Handoff& handoff, const Return& command) {
  RETURN_IF_ERROR(CheckHasIt(handoff, command));
  const bool work = !command.checkpoint.commit.empty();
  if (work && !handoff.taken_on.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id, " was taken over in its workspace on ", handoff.taken_on,
        ", and goes on with what lies there. ", kNotReturned, ": leave out work from elsewhere."));
  }
  if (work) RETURN_IF_ERROR(CheckBase(handoff, command));
  if (handoff.attempts.size() >= kMaxAttempts) {
    return absl::ResourceExhaustedError(absl::StrCat(
        handoff.id, " has had ", kMaxAttempts, " attempts, which is the limit. ", kNotReturned,
        ": submit a new handoff, and `handoff cancel ", handoff.id, "` ends this one."));
  }
  if (handoff.agent == "command" && !command.message.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(handoff.id,
                                                      " runs a command, which reads no messages. ",
                                                      kNotReturned, ": leave the message out."));
  }
  const size_t bytes = command.message.size();
  if (!command.done) RETURN_IF_ERROR(CheckMessage(handoff, bytes, kNotReturned));
  return CheckRoom(state, BytesAsSent(handoff) + bytes + command.checkpoint.bytes.size(),
                   kNotReturned);
}

// The same call again, whose answer was lost.
bool WasReturned(const Handoff& handoff, const Return& command) {
  return handoff.taken_by.empty() && !command.checkpoint.commit.empty() &&
         handoff.returned == command.checkpoint &&
         handoff.Latest()->number == handoff.returned_after + 1;
}

// What the next attempt goes on from.
void TakeWork(const Return& command, Handoff& handoff) {
  handoff.by_hand_on = handoff.taken_on;
  if (!command.checkpoint.commit.empty()) {
    handoff.go_on_from = 0;
    handoff.returned = command.checkpoint;
    handoff.returned_after = handoff.Latest()->number;
  } else if (!handoff.taken_on.empty()) {
    handoff.go_on_from = 0;
    // That nothing was sent and yet there is work after this attempt. An earlier return may still
    // be the newest state that is held here.
    if (HeadCheckpoint(handoff).returned) return;
    handoff.returned = {};
    handoff.returned_after = handoff.Latest()->number;
  }
}

// Where the person left no word, the agent is told all the same that it was not alone.
std::string WordsFor(const Handoff& handoff, const Return& command) {
  if (!command.message.empty()) return command.message;
  if (!handoff.taken_on.empty())
    return absl::StrCat("(", handoff.taken_by,
                        " worked in this workspace by hand, and left no word.)");
  return command.checkpoint.commit.empty()
             ? absl::StrCat("(", handoff.taken_by,
                            " took over, and gave it back without a change or a word.)")
             : absl::StrCat("(", handoff.taken_by, " worked on it by hand, and left no word.)");
}

}  // namespace

absl::StatusOr<Decision<TakeOver::Reply>> Decide(const State& state, const TakeOver& command,
                                                 absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  if (!known->taken_by.empty()) {
    RETURN_IF_ERROR(CheckSamePerson(*known, command));
    return Decision<TakeOver::Reply>{{}, {*known}};
  }
  RETURN_IF_ERROR(CheckTakeable(*known, command));
  std::string host;
  if (command.on_host) {
    ASSIGN_OR_RETURN(host, HostOfWorkspace(state, *known, now));
  } else {
    RETURN_IF_ERROR(CheckNothingIsMissed(state, *known, now));
  }
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.id);
  handoff.taken_by = command.actor;
  handoff.taken_at = now;
  handoff.taken_on = host;
  Attempt& latest = *handoff.Latest();
  if (IsAtRest(handoff.status)) {
    GiveToPerson(draft, handoff, "");
  } else if (latest.state == AttemptState::kStopping) {  // for a message, which waits now
    latest.stop_reason = TakenSentence(handoff);
    handoff.reason =
        absl::StrCat("Being stopped on ", latest.worker_name, ". ", latest.stop_reason);
    draft.Tell("stopping", handoff, handoff.reason);
  } else {
    StopAttempt(draft, handoff, EndedBy::kInterrupted, TakenSentence(handoff));
  }
  Decision<TakeOver::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<Return::Reply>> Decide(const State& state, const Return& command,
                                               absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  if (WasReturned(*known, command)) return Decision<Return::Reply>{{}, {*known}};
  RETURN_IF_ERROR(CheckReturnable(state, *known, command));
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.id);
  handoff.stored_bytes += NewBytes(handoff, command.checkpoint, command.sizes);
  TakeWork(command, handoff);
  if (!command.done && handoff.agent != "command") {
    AddMessage(handoff, Message::Origin::kPerson, command.actor, WordsFor(handoff, command), now);
  }
  // The time in which a person had it does not count.
  if (handoff.deadline != absl::InfiniteFuture() && handoff.deadline > handoff.taken_at)
    handoff.deadline += now - handoff.taken_at;
  const std::string where =
      handoff.taken_on.empty() ? "" : absl::StrCat(" in its workspace on ", handoff.taken_on);
  const std::string dropped = DeadlineDropped(handoff, now);
  StartOver(handoff, now);
  const std::string returned =
      absl::StrCat("Returned by ", command.actor, command.done ? " as done" : "");
  if (command.done) {
    QueueChecks(
        draft, handoff, absl::InfinitePast(),
        absl::StrCat(returned, "; waits for a worker that runs its checks", where, ".", dropped));
  } else {
    QueueAttempt(draft, handoff, /*fresh_session=*/false, absl::InfinitePast(),
                 absl::StrCat(returned, where.empty() ? "" : "; goes on", where,
                              "; waits for a worker.", dropped));
  }
  const std::string said = FirstLine(command.message);
  draft.Tell("returned", handoff,
             absl::StrCat(returned, said.empty() ? "." : ": ", Sentence(said)));
  Decision<Return::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
