#include "coordinator/core/ending.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "coordinator/core/affinity.h"
#include "coordinator/core/holds.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

void Finish(Draft& draft, Handoff& handoff, HandoffStatus status, FailureClass failure,
            absl::string_view reason) {
  handoff.status = status;
  handoff.failure = failure;
  handoff.reason = std::string(reason);
  handoff.ended_at = draft.now();
  handoff.not_before = absl::InfinitePast();
}

void Fail(Draft& draft, Handoff& handoff, FailureClass failure, absl::string_view reason) {
  Finish(draft, handoff, HandoffStatus::kFailed, failure, reason);
  draft.Tell("ended", handoff, reason);
}

// "Attempt 1 failed on build-1 (network): connection reset."
std::string HowItFailed(const Handoff& handoff, const AttemptEnd& end) {
  const Attempt& attempt = *handoff.Latest();
  return absl::StrCat("Attempt ", attempt.number, " failed on ", attempt.worker_name, " (",
                      FailureName(end.failure), ")", end.message.empty() ? "." : ": ",
                      Sentence(end.message));
}

// A further attempt that nobody asked for.
void QueueAgain(Draft& draft, Handoff& handoff, bool fresh_session, absl::Time not_before,
                absl::string_view why, absl::string_view kind = "retried") {
  if (handoff.attempts.size() >= kMaxAttempts) {
    Fail(draft, handoff, FailureClass::kLimitExceeded,
         absl::StrCat(why, " It is not tried again: ", kMaxAttempts, " attempts are the limit."));
    return;
  }
  // The same again; what goes on with a message needs an agent.
  const bool only_checks = handoff.Latest()->only_checks && kind != "continued";
  if (only_checks) {
    QueueChecks(draft, handoff, not_before, why);
  } else {
    QueueAttempt(draft, handoff, fresh_session, not_before, why);
  }
  draft.Tell(kind, handoff, why);
}

// When a person declared the work done: what only runs its checks may have been tried again since.
absl::Time DeclaredDone(const Handoff& handoff) {
  auto first = handoff.attempts.rbegin();
  for (auto before = first + 1; before != handoff.attempts.rend() && before->only_checks;
       ++before) {
    const bool again =
        before->end.has_value()
            ? RetryRuleFor(before->end->failure, before->end->host_fault) != RetryRule::kNever
            : before->state == AttemptState::kLost;
    if (!again) break;
    first = before;
  }
  return first->created_at;
}

// Messages that were sent while the latest attempt was out. One without an agent is given none:
// those that waited when the work was declared done do not undo that.
bool WasTold(const Handoff& handoff) {
  const bool only_checks = handoff.Latest()->only_checks;
  const absl::Time done = only_checks ? DeclaredDone(handoff) : absl::InfinitePast();
  return std::any_of(handoff.messages.begin(), handoff.messages.end(), [&](const Message& m) {
    return m.pending() && (!only_checks || m.sent_at > done);
  });
}

// What follows the end of an attempt when no rule of retries has the word. Only messages that were
// sent while the attempt was out (`told`) make it go on: those that it never read were no reason to
// end differently, and would send the handoff round and round.
struct Ending {
  const AttemptEnd& end;
  bool told = false;
};

// Messages that wait, or a question of the agent. False: neither.
bool GoOn(Draft& draft, Handoff& handoff, const Ending& ending, absl::string_view how) {
  if (ending.told && handoff.attempts.size() < kMaxAttempts) {
    const std::string why =
        absl::StrCat(how, " It goes on with ", CountText(PendingMessages(handoff), "message"), ".");
    // The old conversation is full, and another message makes it no smaller.
    const bool fresh = ending.end.failure == FailureClass::kContextOverflow;
    QueueAttempt(draft, handoff, fresh, absl::InfinitePast(), why);
    draft.Tell("continued", handoff, why);
    return true;
  }
  const std::string& question = ending.end.question;
  if (question.empty()) return false;
  handoff.status = HandoffStatus::kWaiting;
  handoff.failure = FailureClass::kNone;
  handoff.question = question;
  handoff.reason = absl::StrCat("The agent asks: ", FirstLine(question));
  draft.Tell("waiting", handoff, handoff.reason);
  return true;
}

// A retry that counts, after a wait.
void Retry(Draft& draft, Handoff& handoff, const Ending& ending, bool fresh_session) {
  const AttemptEnd& end = ending.end;
  if (handoff.retries_used >= handoff.retries) {
    if (GoOn(draft, handoff, ending, HowItFailed(handoff, end))) return;
    const std::string spent = handoff.retries == 0 ? "No retry was allowed."
                                                   : absl::StrCat("All of its ", handoff.retries,
                                                                  " retries are used up.");
    Fail(draft, handoff, end.failure, absl::StrCat(HowItFailed(handoff, end), " ", spent));
    return;
  }
  ++handoff.retries_used;
  const absl::Time not_before =
      draft.now() +
      kRetryBackoff.Delay(handoff.retries_used, Jitter(handoff.id, handoff.Latest()->number));
  QueueAgain(draft, handoff, fresh_session, not_before,
             absl::StrCat(HowItFailed(handoff, end), " Retry ", handoff.retries_used, " of ",
                          handoff.retries, " may begin at ", TimeText(not_before), "."));
}

absl::Time QuotaReset(const Draft& draft, const AttemptEnd& end) {
  const absl::Time now = draft.now();
  const bool named = end.retry_at > now && end.retry_at <= now + kMostQuotaWait;
  return named ? end.retry_at : now + kQuotaWait;
}

void WaitForQuota(Draft& draft, Handoff& handoff, const AttemptEnd& end) {
  const absl::Time at = QuotaReset(draft, end);
  const bool held = HoldUsedUpAccount(draft, handoff, end, at);
  draft.Tell("quota", handoff, HowItFailed(handoff, end));
  // The hold keeps it from that account, and a worker with another one may take it meanwhile.
  QueueAgain(draft, handoff, false, held ? absl::InfinitePast() : at,
             absl::StrCat(HowItFailed(handoff, end), " It goes on at ", TimeText(at),
                          held ? ", or before that with another account." : "."));
}

// The agent gets to see what its checks said.
bool MendChecks(Draft& draft, Handoff& handoff, const AttemptEnd& end) {
  if (end.failure != FailureClass::kChecksFailed || end.check_output.empty() ||
      handoff.check_retries_used >= handoff.check_retries || handoff.Latest()->only_checks) {
    return false;
  }
  ++handoff.check_retries_used;
  AddMessage(handoff, Message::Origin::kChecks, "", end.check_output, draft.now());
  QueueAgain(draft, handoff, false, absl::InfinitePast(),
             absl::StrCat(HowItFailed(handoff, end), " The agent is told; try ",
                          handoff.check_retries_used, " of ", handoff.check_retries, "."));
  return true;
}

// It goes on with what a person said; what its checks said would be lost otherwise.
void TellOfChecks(Draft& draft, Handoff& handoff, const Ending& ending) {
  const AttemptEnd& end = ending.end;
  if (ending.told && end.failure == FailureClass::kChecksFailed && !end.check_output.empty() &&
      handoff.attempts.size() < kMaxAttempts) {
    AddMessage(handoff, Message::Origin::kChecks, "", end.check_output, draft.now());
  }
}

// The agent knows nothing of the session that it was to go on with, and did nothing. The next
// attempt has none to be refused, so this cannot go round in circles.
bool SessionWasRefused(const Attempt& attempt, const AttemptEnd& end) {
  const bool resumed =
      end.session_kind == SessionKind::kSame || end.session_kind == SessionKind::kRestored;
  return end.failure == FailureClass::kSessionFailed && resumed && !attempt.session.empty();
}

void FollowFailure(Draft& draft, Handoff& handoff, const Ending& ending) {
  const AttemptEnd& end = ending.end;
  if (SessionWasRefused(*handoff.Latest(), end)) {
    QueueAgain(draft, handoff, true, absl::InfinitePast(),
               absl::StrCat(HowItFailed(handoff, end),
                            " It goes on in a fresh session, from the Resume Prompt, and no retry "
                            "is spent."));
    return;
  }
  switch (RetryRuleFor(end.failure, end.host_fault)) {
    case RetryRule::kNever:
      TellOfChecks(draft, handoff, ending);
      if (GoOn(draft, handoff, ending, HowItFailed(handoff, end)) ||
          MendChecks(draft, handoff, end))
        return;
      Fail(draft, handoff, end.failure,
           end.message.empty() ? HowItFailed(handoff, end) : Sentence(end.message));
      return;
    case RetryRule::kElsewhere:
      handoff.avoid.insert(handoff.Latest()->worker_uuid);
      Retry(draft, handoff, ending, false);
      return;
    case RetryRule::kFreshSession:
      Retry(draft, handoff, ending, true);
      return;
    case RetryRule::kHostFault:
      HoldAfterFault(draft, handoff, end);
      if (FailedSoBefore(handoff, end)) {  // or a probe that sees nothing repeats it for ever
        handoff.avoid.insert(handoff.Latest()->worker_uuid);
        Retry(draft, handoff, ending, false);
        return;
      }
      QueueAgain(draft, handoff, false, absl::InfinitePast(),
                 absl::StrCat(HowItFailed(handoff, end),
                              " That is the host's fault: it is queued again, and no retry is "
                              "spent."));
      return;
    case RetryRule::kAtReset:
      WaitForQuota(draft, handoff, end);
      return;
  }
}

// Other handoffs would meet it too, whoever has this one.
void HoldWhatFailed(Draft& draft, const Handoff& handoff, const AttemptEnd& end) {
  const RetryRule rule = RetryRuleFor(end.failure, end.host_fault);
  if (rule == RetryRule::kHostFault) HoldAfterFault(draft, handoff, end);
  if (rule == RetryRule::kAtReset) HoldUsedUpAccount(draft, handoff, end, QuotaReset(draft, end));
}

// Asked at every end of an attempt, before anything follows from it: a person who wants the handoff
// gets it, however the attempt ended.
bool GoesToPerson(Draft& draft, Handoff& handoff, absl::string_view remark) {
  if (handoff.taken_by.empty()) return false;
  GiveToPerson(draft, handoff, remark);
  return true;
}

// After a stop nothing is retried: the handoff ends as the attempt did, or goes on at once.
void FinishStopped(Draft& draft, Handoff& handoff, absl::string_view remark) {
  if (GoesToPerson(draft, handoff, remark)) return;
  const Attempt& attempt = *handoff.Latest();
  const std::string reason = absl::StrCat(attempt.stop_reason, remark.empty() ? "" : " ", remark);
  if (attempt.stop_as == EndedBy::kInterrupted) {
    QueueAgain(draft, handoff, false, absl::InfinitePast(), reason, "continued");
  } else if (attempt.stop_as == EndedBy::kCancel) {
    Finish(draft, handoff, HandoffStatus::kCancelled, FailureClass::kCancelled, reason);
    draft.Tell("cancelled", handoff, reason);
  } else {
    Fail(draft, handoff, FailureClass::kTimedOut, reason);
  }
}

}  // namespace

void Advance(Attempt& attempt, AttemptEvent event) {
  const std::optional<AttemptState> next = Next(attempt.state, event);
  CHECK(next.has_value());
  attempt.state = *next;
}

void EndAttempt(Draft& draft, Handoff& handoff, const AttemptEnd& end) {
  Attempt& attempt = *handoff.Latest();
  const bool stopping = attempt.state == AttemptState::kStopping;
  const bool obeyed = stopping && end.failure != FailureClass::kNone &&
                      (end.ended_by == attempt.stop_as || end.failure == FailureClass::kCancelled);
  const bool cancel = stopping && attempt.stop_as != EndedBy::kInterrupted;
  const bool cancelled = obeyed && attempt.stop_as != EndedBy::kHardCap;
  const bool succeeded = end.failure == FailureClass::kNone;
  Advance(attempt, cancelled   ? AttemptEvent::kEndCancelled
                   : succeeded ? AttemptEvent::kEndSucceeded
                               : AttemptEvent::kEndFailed);
  attempt.end = end;
  const Ending ending{end, WasTold(handoff)};
  if (SessionWasRefused(attempt, end)) {
    TakeBackDelivered(handoff);
  } else if (end.started_at != absl::InfinitePast()) {
    DeliverMessages(handoff);
  } else {
    TakeBackMessages(handoff);
  }
  handoff.changed = end.changed;
  handoff.verified = end.verified;
  // One without an agent leaves no checkpoint when there was nothing new in the workspace.
  if (succeeded && attempt.only_checks && attempt.checkpoint == Checkpoint{})
    handoff.by_hand_on.clear();
  if (!succeeded && !handoff.taken_by.empty()) HoldWhatFailed(draft, handoff, end);
  if (GoesToPerson(draft, handoff, "")) return;
  if (succeeded) {
    const std::string how =
        absl::StrCat("Attempt ", attempt.number, " succeeded on ", attempt.worker_name, ".");
    if (!cancel && GoOn(draft, handoff, ending, how)) return;
    const size_t unread = PendingMessages(handoff);
    Finish(draft, handoff, HandoffStatus::kSucceeded, FailureClass::kNone,
           unread == 0 ? ""
                       : absl::StrCat("It ended with ", CountText(unread, "message"),
                                      " that no attempt was given."));
    draft.Tell("ended", handoff, how);
  } else if (obeyed) {
    FinishStopped(draft, handoff, "");
  } else if (cancel) {  // it had ended before the stop reached it: its own result, without retry
    Fail(draft, handoff, end.failure,
         absl::StrCat(HowItFailed(handoff, end), " It is not retried: ", attempt.stop_reason));
  } else {
    draft.Tell("failed", handoff, HowItFailed(handoff, end));
    FollowFailure(draft, handoff, ending);
  }
}

void LoseAttempt(Draft& draft, Handoff& handoff, absl::string_view why) {
  Attempt& attempt = *handoff.Latest();
  const bool stopping = attempt.state == AttemptState::kStopping;
  Advance(attempt, AttemptEvent::kLose);
  const bool told = WasTold(handoff);
  TakeBackMessages(handoff);
  if (stopping) {
    FinishStopped(draft, handoff, absl::StrCat("Whether it stopped is unknown. ", why));
    return;
  }
  attempt.stop_reason = std::string(why);
  draft.Tell("worker_lost", handoff, why);
  if (!attempt.offered) {
    QueueAgain(draft, handoff, false, absl::InfinitePast(), why);
    return;
  }
  AttemptEnd end;
  end.failure = FailureClass::kWorkerLost;
  end.message = std::string(why);
  FollowFailure(draft, handoff, {end, told});
}

void StopAttempt(Draft& draft, Handoff& handoff, EndedBy as, absl::string_view why) {
  Attempt& attempt = *handoff.Latest();
  attempt.stop_as = as;
  attempt.stop_reason = std::string(why);
  if (attempt.state == AttemptState::kQueued) {
    Advance(attempt, AttemptEvent::kCancelQueued);
    FinishStopped(draft, handoff, "");
    return;
  }
  Advance(attempt, AttemptEvent::kStop);
  if (!attempt.offered) {  // nobody can have begun
    EndUnbegun(draft, handoff);
    return;
  }
  handoff.reason = absl::StrCat("Being stopped on ", attempt.worker_name, ". ", why);
  draft.Tell("stopping", handoff, handoff.reason);
}

void GiveToPerson(Draft& draft, Handoff& handoff, absl::string_view remark) {
  handoff.status = HandoffStatus::kInteractive;
  handoff.failure = FailureClass::kNone;
  handoff.verified = false;  // what the checks saw is not what they leave
  handoff.question.clear();
  handoff.deleted = false;
  handoff.ended_at = absl::InfinitePast();
  handoff.not_before = absl::InfinitePast();
  handoff.reason = TakenSentence(handoff);
  if (!remark.empty()) absl::StrAppend(&handoff.reason, " ", remark);
  draft.Tell("taken_over", handoff, handoff.reason);
}

void LetGo(Handoff& handoff) {
  handoff.taken_by.clear();
  handoff.taken_at = absl::InfinitePast();
  handoff.taken_on.clear();
}

std::string TakenSentence(const Handoff& handoff) {
  return absl::StrCat(
      "Taken over by ", handoff.taken_by,
      handoff.taken_on.empty() ? "" : absl::StrCat(", in its workspace on ", handoff.taken_on),
      ".");
}

void CancelAtRest(Draft& draft, Handoff& handoff, absl::string_view why) {
  handoff.question.clear();
  LetGo(handoff);
  Finish(draft, handoff, HandoffStatus::kCancelled, FailureClass::kCancelled, why);
  draft.Tell("cancelled", handoff, why);
}

void EndUnbegun(Draft& draft, Handoff& handoff) {
  Advance(*handoff.Latest(), AttemptEvent::kEndCancelled);
  TakeBackMessages(handoff);
  FinishStopped(draft, handoff, "");
}

void GiveUpAttempt(Draft& draft, Handoff& handoff, absl::string_view why) {
  Attempt& attempt = *handoff.Latest();
  Advance(attempt, AttemptEvent::kLose);
  attempt.stop_reason = std::string(why);
  TakeBackMessages(handoff);
  draft.Tell("worker_lost", handoff, why);
}

std::string DeadlineDropped(const Handoff& handoff, absl::Time now) {
  if (handoff.deadline > now) return "";
  return absl::StrCat(" Its deadline, ", TimeText(handoff.deadline),
                      ", had passed and counts no more.");
}

void StartOver(Handoff& handoff, absl::Time now) {
  handoff.retries_used = 0;
  handoff.check_retries_used = 0;
  handoff.avoid.clear();
  handoff.question.clear();
  handoff.deleted = false;
  LetGo(handoff);
  handoff.ended_at = absl::InfinitePast();
  // A deadline that has passed was that of the first try.
  if (handoff.deadline <= now) handoff.deadline = absl::InfiniteFuture();
}

void QueueChecks(Draft& draft, Handoff& handoff, absl::Time not_before, absl::string_view why) {
  QueueAttempt(draft, handoff, /*fresh_session=*/false, not_before, why);
  Attempt& attempt = *handoff.Latest();
  attempt.only_checks = true;
  attempt.session.clear();
  attempt.session_kind = SessionKind::kNone;
}

void QueueAttempt(Draft& draft, Handoff& handoff, bool fresh_session, absl::Time not_before,
                  absl::string_view why) {
  Attempt next;
  next.number = static_cast<int>(handoff.attempts.size()) + 1;
  next.created_at = draft.now();
  PlanSession(handoff, fresh_session, next);
  handoff.attempts.push_back(std::move(next));
  handoff.status = HandoffStatus::kQueued;
  handoff.failure = FailureClass::kNone;
  handoff.verified = false;
  handoff.not_before = not_before;
  handoff.reason = std::string(why);
}

}  // namespace handoff::core
