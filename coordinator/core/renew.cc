// How a credential follows another.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/issue.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

absl::Status NotRenewed(absl::string_view why, bool of_worker) {
  return absl::UnauthenticatedError(absl::StrCat(
      why, " It was not renewed: ",
      of_worker ? "join the host again with a new token (`handoff worker invite`)."
                : "sign in again with a new token, from an admin or from another device of yours "
                  "(`handoff login --link`)."));
}

absl::Status CheckRenewable(const State& state, const Credential* known, absl::Time now) {
  // What was renewed twice since is forgotten: so this may be a copy of a worker's directory, of
  // which the other one went on.
  if (known == nullptr) {
    return absl::UnauthenticatedError(
        "this credential is not known: it was made long ago, replaced since, or the records were "
        "restored from an older copy. It was not renewed: join or sign in again with a new token.");
  }
  const bool of_worker = IsWorkers(*known);
  if (known->revoked_at != absl::InfinitePast()) {
    return NotRenewed(
        absl::StrCat("This credential was revoked at ", TimeText(known->revoked_at), "."),
        of_worker);
  }
  if (known->purpose == CredentialPurpose::kCi) {
    return absl::PermissionDeniedError(
        "a ci credential ends with its token. It was not renewed: have a new token made with "
        "`handoff token create`.");
  }
  if (IsLocal(*known)) {
    return absl::PermissionDeniedError(
        "a credential of a login on the coordinator's host ends after a day. It was not renewed: "
        "log in there again (`handoff login --socket PATH`).");
  }
  if (known->purpose == CredentialPurpose::kUser && !state.identity().IsActive(known->subject))
    return NotRenewed(absl::StrCat("User '", known->subject, "' is disabled."), of_worker);
  if (now < known->not_after) return absl::OkStatus();
  return NotRenewed(absl::StrCat("This credential expired at ", TimeText(known->not_after), "."),
                    of_worker);
}

int LatestGeneration(const State& state, const std::string& line) {
  int latest = 0;
  for (const std::string& serial : state.identity().SerialsOfLine(line)) {
    latest = std::max(latest, state.identity().FindCredential(serial)->generation);
  }
  return latest;
}

// The certificates of one generation are signed one after the other.
constexpr absl::Duration kSameGeneration = absl::Seconds(2);

// The newest of the worker that is good; nullptr: there is none.
const Credential* NewestOf(const State& state, const std::string& uuid) {
  const Credential* newest = nullptr;
  for (const std::string& serial : state.identity().SerialsOf(uuid)) {
    const Credential* credential = state.identity().FindCredential(serial);
    if (!IsWorkers(*credential) || credential->revoked_at != absl::InfinitePast()) continue;
    if (newest == nullptr || credential->issued_at > newest->issued_at) newest = credential;
  }
  return newest;
}

// One that was issued in the same moment as `issued_at`: the other one of its generation.
const Credential* SiblingAt(const State& state, const std::string& line, absl::Time issued_at) {
  for (const std::string& serial : state.identity().SerialsOfLine(line)) {
    const Credential* credential = state.identity().FindCredential(serial);
    if (absl::AbsDuration(credential->issued_at - issued_at) <= kSameGeneration) return credential;
  }
  return nullptr;
}

absl::Status NewerThanTheRecords(const Credential& newest) {
  return absl::UnauthenticatedError(absl::StrCat(
      "this certificate of ", newest.device,
      " was issued after all that these records know of that worker (", TimeText(newest.issued_at),
      "): they were restored from a backup. It was not renewed: stop the coordinator, run "
      "`handoff-coordinator --data-dir DIR restored` on its host, and start it again. The worker "
      "then comes back by itself: leave its data directory as it is."));
}

// What the records would say of that certificate, had they not been restored from a copy. A
// generation that was replaced before the copy was made is older than the newest that they know,
// and what was given after the restore they do know.
absl::StatusOr<Credential> AsBeforeRestore(const State& state, const UnknownCertificate& shown,
                                           const std::string& serial) {
  const absl::Time restored_at = state.identity().restored_at();
  const Credential* newest = NewestOf(state, shown.worker_uuid);
  if (newest == nullptr) {
    return absl::UnauthenticatedError(
        "these records do not know this worker, or it was revoked: it joined after they were "
        "copied, or was removed. It was not renewed: join the host again with a new token "
        "(`handoff worker invite`).");
  }
  const Credential* sibling =
      shown.issued_at <= restored_at ? SiblingAt(state, newest->line, shown.issued_at) : nullptr;
  const bool newer = shown.issued_at > newest->issued_at;
  if (newer && shown.issued_at > restored_at) return NewerThanTheRecords(*newest);
  if (!newer && sibling == nullptr) {
    return NotRenewed(
        "This certificate was replaced: these records know a newer one of that worker, and this "
        "may be a copy of its directory.",
        /*of_worker=*/true);
  }
  Credential known = *newest;
  known.serial = serial;
  known.purpose = shown.purpose;
  known.generation =
      sibling == nullptr ? LatestGeneration(state, newest->line) + 1 : sibling->generation;
  known.issued_at = shown.issued_at;
  known.not_after = shown.not_after;
  return known;
}

// All of the line but the generation that was presented: the latest and that one are good.
// Returns how many were newer than that one.
size_t DropOthers(Draft& draft, const Credential& presented) {
  const IdentityRecords& identity = draft.state().identity();
  size_t newer = 0;
  for (const std::string& serial : identity.SerialsOfLine(presented.line)) {
    const int generation = identity.FindCredential(serial)->generation;
    if (generation == presented.generation) continue;
    if (generation > presented.generation) ++newer;
    draft.Add(DropCredential{serial});
  }
  return newer;
}

}  // namespace

absl::StatusOr<Decision<RenewCredential::Reply>> Decide(const State& state,
                                                        const RenewCredential& command,
                                                        absl::Time now) {
  const Act act{command.caller, Method::kRenew, command.caller.serial};
  const Credential* known = state.identity().FindCredential(command.caller.serial);
  absl::StatusOr<Credential> forgotten = absl::NotFoundError("");
  absl::Status refused;
  if (known == nullptr && command.unknown) {
    forgotten = AsBeforeRestore(state, *command.unknown, command.caller.serial);
    refused = forgotten.status();
    if (forgotten.ok()) known = &*forgotten;
  }
  if (refused.ok()) refused = CheckRenewable(state, known, now);
  const bool of_worker = known != nullptr && IsWorkers(*known);
  if (refused.ok())
    refused = CheckSerials(state, of_worker, command.serial, command.renewal_serial);
  if (!refused.ok()) return Refuse<RenewCredential::Reply>(state, now, act, refused);
  Draft draft(state, now);
  DropDead(draft);
  Decision<RenewCredential::Reply> decision;
  Credential& credential = decision.reply.credential;
  credential = *known;
  credential.serial = command.serial;
  credential.purpose = of_worker ? CredentialPurpose::kWorker : CredentialPurpose::kUser;
  credential.generation = std::max(LatestGeneration(state, known->line), known->generation) + 1;
  credential.issued_at = now;
  credential.not_after = EndOfLife(credential.purpose, now);
  const size_t newer = DropOthers(draft, *known);
  if (forgotten.ok()) draft.Add(PutCredential{*forgotten});
  draft.Add(PutCredential{credential});
  if (of_worker) {
    decision.reply.renewal = RenewalFor(credential, command.renewal_serial);
    draft.Add(PutCredential{*decision.reply.renewal});
  }
  RecordDone(draft, act,
             absl::StrCat(DescribeCredential(credential),
                          forgotten.ok() ? ". It showed one that was issued before these records "
                                           "were restored, and that they did not know"
                                         : "",
                          newer == 0 ? ""
                                     : ". It was renewed before: that answer was lost, or another "
                                       "host has a copy of the key; what it got is good no more"));
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
