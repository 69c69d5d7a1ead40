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

int LatestGeneration(const State& state, const std::string& line) {
  int latest = 0;
  for (const std::string& serial : state.identity().SerialsOfLine(line)) {
    latest = std::max(latest, state.identity().FindCredential(serial)->generation);
  }
  return latest;
}

}  // namespace

absl::StatusOr<Decision<RenewCredential::Reply>> Decide(const State& state,
                                                        const RenewCredential& command,
                                                        absl::Time now) {
  const Act act{command.caller, Method::kRenew, command.caller.serial};
  const Credential* known = state.identity().FindCredential(command.caller.serial);
  absl::Status refused = CheckRenewable(state, known, now);
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
  credential.generation = LatestGeneration(state, known->line) + 1;
  credential.issued_at = now;
  credential.not_after = EndOfLife(credential.purpose, now);
  const size_t newer = DropOthers(draft, *known);
  draft.Add(PutCredential{credential});
  if (of_worker) {
    decision.reply.renewal = RenewalFor(credential, command.renewal_serial);
    draft.Add(PutCredential{*decision.reply.renewal});
  }
  RecordDone(draft, act,
             absl::StrCat(DescribeCredential(credential),
                          newer == 0 ? ""
                                     : ". It was renewed before: that answer was lost, or another "
                                       "host has a copy of the key; what it got is good no more"));
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
