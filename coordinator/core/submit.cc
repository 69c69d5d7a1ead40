#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {
namespace {

absl::StatusOr<Decision<Submit::Reply>> SameKeyAgain(const Handoff& known, const Submit& command) {
  if (known.content_hash == command.handoff.content_hash)
    return Decision<Submit::Reply>{{}, {known, /*existing=*/true}};
  return absl::AlreadyExistsError(
      absl::StrCat("idempotency key '", known.idempotency_key, "' was used for ", known.id,
                   ", which asks for something else. Nothing was submitted: use another key, or "
                   "submit exactly the same again."));
}

bool IsSeen(const Submit& command, const Handoff& known) {
  if (known.owner == command.handoff.owner) return true;
  return known.is_private ? command.sees_private : command.sees_others;
}

// An equivalent handoff that has not ended; nullptr: there is none, or it does not matter.
const Handoff* SameWork(const State& state, const Submit& command) {
  if (command.duplicates == Submit::Duplicates::kAllow || command.handoff.dedupe_key.empty())
    return nullptr;
  const auto seen = [&](const Handoff& known) { return IsSeen(command, known); };
  const Handoff* live = state.FindByDedupeKey(command.handoff.dedupe_key, seen);
  if (live != nullptr) return live;
  return command.same_work.has_value() && seen(*command.same_work) ? &*command.same_work : nullptr;
}

absl::Status RefuseSameWork(const Handoff& known) {
  return absl::AlreadyExistsError(absl::StrCat(
      known.id, " (", StatusName(known.status), ", of ", known.owner,
      ") asks for the same. Nothing was submitted: `handoff show ", known.id,
      "` says how far it is; --reuse takes that one, --allow-duplicate submits another."));
}

absl::StatusOr<std::string> ChooseId(const State& state, const Submit& command) {
  if (command.wished_id.empty()) {
    if (state.FindHandoff(command.free_id) == nullptr && !command.free_id.empty())
      return command.free_id;
    return absl::AbortedError(
        absl::StrCat("id '", command.free_id,
                     "' was taken in the same moment. Nothing was submitted: try again."));
  }
  if (!command.wished_id_taken && state.FindHandoff(command.wished_id) == nullptr)
    return command.wished_id;
  return absl::AlreadyExistsError(absl::StrCat(
      "there is a handoff '", command.wished_id,
      "' already. Nothing was submitted: choose another --id, or leave it out to get a free one."));
}

}  // namespace

absl::StatusOr<Decision<Submit::Reply>> Decide(const State& state, const Submit& command,
                                               absl::Time now) {
  const Handoff& asked = command.handoff;
  if (!asked.idempotency_key.empty()) {
    // The one in memory is newer than the stored one.
    const Handoff* live = state.FindByIdempotencyKey(asked.owner, asked.idempotency_key);
    if (live != nullptr) return SameKeyAgain(*live, command);
    if (command.same_key.has_value()) return SameKeyAgain(*command.same_key, command);
  }
  if (const Handoff* known = SameWork(state, command); known != nullptr) {
    if (command.duplicates == Submit::Duplicates::kRefuse) return RefuseSameWork(*known);
    return Decision<Submit::Reply>{{}, {*known, /*existing=*/true}};
  }
  RETURN_IF_ERROR(CheckAgent(state, asked.agent, "nothing was handed over"));
  const Entry entry = command.imported.has_value() ? Entry::kInHands : Entry::kQueued;
  RETURN_IF_ERROR(CheckQuota(state, asked.owner, entry, now, "Nothing was submitted"));
  RETURN_IF_ERROR(CheckRoom(state, command.handoff.spec.size(), "Nothing was submitted"));
  ASSIGN_OR_RETURN(const std::string id, ChooseId(state, command));

  Draft draft(state, now);
  draft.Add(PayForSubmit(state, asked.owner, now));
  Handoff handoff = asked;
  handoff.id = id;
  handoff.seq = state.next_seq;
  handoff.status = HandoffStatus::kQueued;
  handoff.reason = "Waits for a worker.";
  handoff.created_at = now;
  Attempt first;
  first.number = 1;
  first.created_at = now;
  handoff.attempts = {first};
  if (command.imported.has_value()) MakeImported(*command.imported, now, handoff);
  const Handoff& added = draft.Add(std::move(handoff));
  if (command.imported.has_value()) {
    draft.Tell("imported", added, added.reason);
  } else {
    draft.Tell("submitted", added, absl::StrCat("Submitted by ", added.owner, "."));
  }
  Decision<Submit::Reply> decision{{}, {added, /*existing=*/false}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
