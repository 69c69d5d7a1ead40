#include "cli/text/checkpoints.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/text/words.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

bool IsHeld(const v1::Checkpoint& checkpoint) {
  return !checkpoint.commit().empty() && checkpoint.only_on_worker().empty();
}

std::string Short(const std::string& commit) { return OneLine(commit, 64).substr(0, 10); }

// How much longer it worked than what counts of it says.
absl::Duration MoreWork(const v1::Attempt& attempt) {
  const absl::Time from =
      TimeOf(IsHeld(attempt.checkpoint()) ? attempt.checkpoint().taken_at() : attempt.started_at());
  const absl::Time to = TimeOf(attempt.late_checkpoint().taken_at());
  const bool known = from != absl::InfinitePast() && to != absl::InfinitePast();
  return known ? to - from : absl::ZeroDuration();
}

absl::Status NothingHeld(const v1::Handoff& handoff, const v1::Attempt& attempt) {
  const std::string& why = attempt.checkpoint().only_on_worker();
  const std::string what = absl::StrCat("the work of attempt ", attempt.number(), " of ",
                                        handoff.id(), " is not at the coordinator");
  if (why.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, ": no checkpoint of it arrived. Nothing was done; 'handoff show ",
                     handoff.id(), "' says how it stands"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      what, ", only on ", OneLine(attempt.worker(), 64), ": ", OneLine(why, 300),
      " Nothing was done; it lies there in ",
      attempt.workspace().empty() ? "its workspace" : OneLine(attempt.workspace(), 300)));
}

}  // namespace

const v1::Checkpoint* LastCheckpoint(const v1::Attempt& attempt) {
  if (IsHeld(attempt.late_checkpoint())) return &attempt.late_checkpoint();
  return IsHeld(attempt.checkpoint()) ? &attempt.checkpoint() : nullptr;
}

absl::StatusOr<ChosenCheckpoint> ChooseCheckpoint(const v1::Handoff& handoff, int attempt) {
  const auto& attempts = handoff.attempts();
  if (attempt > 0) {
    const auto asked = std::find_if(attempts.begin(), attempts.end(),
                                    [&](const v1::Attempt& a) { return a.number() == attempt; });
    if (asked == attempts.end()) {
      return absl::NotFoundError(absl::StrCat(handoff.id(), " has no attempt ", attempt));
    }
    const v1::Checkpoint* const last = LastCheckpoint(*asked);
    if (last == nullptr) return NothingHeld(handoff, *asked);
    return ChosenCheckpoint{attempt, last};
  }
  for (auto a = attempts.rbegin(); a != attempts.rend(); ++a) {
    if (a->number() <= handoff.returned_after()) break;
    if (IsHeld(a->checkpoint())) return ChosenCheckpoint{a->number(), &a->checkpoint()};
  }
  if (IsHeld(handoff.returned())) {
    return ChosenCheckpoint{handoff.returned_after(), &handoff.returned(), true};
  }
  for (auto a = attempts.rbegin(); a != attempts.rend(); ++a) {
    if (IsHeld(a->checkpoint())) return ChosenCheckpoint{a->number(), &a->checkpoint()};
  }
  if (handoff.repo().empty() && !handoff.spec().has_repository()) {
    return absl::FailedPreconditionError(
        absl::StrCat(handoff.id(), " has no repository, so there is no work to get"));
  }
  if (attempts.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(handoff.id(), " has no attempt yet"));
  }
  return NothingHeld(handoff, *attempts.rbegin());
}

absl::StatusOr<TakeoverBase> ChooseBase(const v1::Handoff& handoff) {
  const auto chosen = ChooseCheckpoint(handoff, 0);
  if (chosen.ok()) return TakeoverBase{*chosen, chosen->checkpoint->commit(), false};
  if (!handoff.spec().has_repository()) return chosen.status();
  const auto& attempts = handoff.attempts();
  const auto kept = std::find_if(attempts.rbegin(), attempts.rend(), [](const v1::Attempt& each) {
    return !each.checkpoint().only_on_worker().empty();
  });
  if (kept != attempts.rend()) {
    const absl::Status held = NothingHeld(handoff, *kept);
    return absl::Status(held.code(), absl::StrCat(held.message(), "; --on-host takes it there"));
  }
  const v1::Repository& submitted = handoff.spec().repository();
  TakeoverBase base;
  base.from.checkpoint = &v1::Checkpoint::default_instance();
  base.plain = submitted.worktree_commit().empty();
  base.commit = base.plain ? submitted.commit() : submitted.worktree_commit();
  if (!base.commit.empty()) return base;
  return absl::FailedPreconditionError(
      absl::StrCat(handoff.id(), " starts from ", OneLine(submitted.url(), 300),
                   ", which no worker has looked at yet. Nothing was changed: there is no work to "
                   "take over, clone that"));
}

std::string CheckpointWords(const v1::Attempt& attempt, absl::Time now) {
  const v1::Checkpoint* held = LastCheckpoint(attempt);
  if (held == nullptr) {
    const std::string& why = attempt.checkpoint().only_on_worker();
    if (why.empty()) return "";
    return absl::StrCat("only on ", OneLine(attempt.worker(), 64), ": ", OneLine(why, 300));
  }
  return absl::StrCat(Short(held->commit()), ", ", Relative(TimeOf(held->taken_at()), now),
                      !held->session().empty()    ? ", with the agent's session"
                      : attempt.session().empty() ? ""  // it has none
                                                  : ", without the agent's session",
                      held == &attempt.late_checkpoint() ? "; arrived after loss" : "");
}

std::string StartWords(const v1::Attempt& attempt) {
  if (attempt.from_attempt() == 0) return "";
  return absl::StrCat("from attempt ", attempt.from_attempt(), " (", Short(attempt.from_commit()),
                      ")");
}

std::string LateWords(const v1::Handoff& handoff, const v1::Attempt& attempt) {
  if (!IsHeld(attempt.late_checkpoint())) return "";
  const std::string& late = attempt.late_checkpoint().commit();
  const bool used = std::any_of(
      handoff.attempts().begin(), handoff.attempts().end(), [&](const v1::Attempt& later) {
        return later.number() > attempt.number() && later.from_commit() == late;
      });
  if (used) return "";
  const absl::Duration more = MoreWork(attempt);
  const int latest = handoff.attempts().rbegin()->number();
  return absl::StrCat(
      "attempt ", attempt.number(), " came back with ",
      more > absl::ZeroDuration() ? absl::StrCat(HumanDuration(more), " of work") : "work",
      latest == attempt.number() ? " that came too late"
                                 : absl::StrCat(" that attempt ", latest, " lacks"),
      "; 'handoff resume ", handoff.id(), " --from-attempt ", attempt.number(), "' uses it");
}

}  // namespace handoff
