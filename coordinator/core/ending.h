// The one place where attempts end, and where it is decided what follows for their handoffs: over,
// or queued again. Every function works on a handoff of the draft.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/core/draft.h"

namespace handoff::core {

// CHECKs that the event belongs to the attempt's state.
void Advance(Attempt& attempt, AttemptEvent event);

// A worker reported the end of the live attempt at its epoch.
void EndAttempt(Draft& draft, Handoff& handoff, const AttemptEnd& end);
// Nobody has the right to the live attempt any more. `why` is a sentence.
void LoseAttempt(Draft& draft, Handoff& handoff, absl::string_view why);
// Ends a queued attempt at once, and a live one that no worker heard of; else asks its worker to
// stop. `why` is a sentence; `as` is kCancel, kHardCap (the deadline) or kInterrupted (what is
// pending goes on at once).
void StopAttempt(Draft& draft, Handoff& handoff, EndedBy as, absl::string_view why);
// Nothing runs of it: it is in the hands of `taken_by` now.
void GiveToPerson(Draft& draft, Handoff& handoff, absl::string_view remark);
// Nobody has it or wants it any more.
void LetGo(Handoff& handoff);
// "Taken over by ada, in its workspace on build-1."
std::string TakenSentence(const Handoff& handoff);
// Nothing runs of it: over at once.
void CancelAtRest(Draft& draft, Handoff& handoff, absl::string_view why);
// Ends a stopping attempt that its worker does not have.
void EndUnbegun(Draft& draft, Handoff& handoff);
// The live attempt is lost to whoever has it, and nothing follows from that by itself.
void GiveUpAttempt(Draft& draft, Handoff& handoff, absl::string_view why);
// What is to be said before StartOver when a deadline that has passed counts no more; else "".
std::string DeadlineDropped(const Handoff& handoff, absl::Time now);
// A person acts on a handoff: what its earlier attempts used up no longer counts.
void StartOver(Handoff& handoff, absl::Time now);
// Adds a queued attempt to a handoff that has fewer than kMaxAttempts. `why` is a sentence.
void QueueAttempt(Draft& draft, Handoff& handoff, bool fresh_session, absl::Time not_before,
                  absl::string_view why);
// The same for one without an agent: the checks of a work that a person declared done.
void QueueChecks(Draft& draft, Handoff& handoff, absl::Time not_before, absl::string_view why);

}  // namespace handoff::core
