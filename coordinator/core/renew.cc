// How a credential follows another, and how it ends before its time.
#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/issue.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

bool IsWorkers(const Credential& credential) {
  return credential.purpose == CredentialPurpose::kWorker ||
         credential.purpose == CredentialPurpose::kRenewal;
}

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
  const absl::Duration grace =
      known->purpose == CredentialPurpose::kWorker ? kRenewalGrace : absl::ZeroDuration();
  if (now < known->not_after + grace) return absl::OkStatus();
  return NotRenewed(absl::StrCat("This credential expired at ", TimeText(known->not_after),
                                 of_worker ? ", too long ago." : "."),
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

// Of one that was revoked, whoever had its token made.
bool IsWorkersOwn(const State& state, const std::string& uuid, const std::string& name) {
  const Worker* worker = state.FindWorker(uuid);
  if (worker != nullptr) return worker->owner == name;
  const std::set<std::string>& serials = state.identity().SerialsOf(uuid);
  return !serials.empty() && state.identity().FindCredential(*serials.begin())->sponsor == name;
}

bool IsOwn(const State& state, const Credential& credential, const std::string& name) {
  if (IsWorkers(credential)) return IsWorkersOwn(state, credential.subject, name);
  const bool of_ci = credential.purpose == CredentialPurpose::kCi;
  return of_ci ? credential.sponsor == name : credential.subject == name;
}

absl::StatusOr<const Credential*> FindRevocable(const State& state,
                                                const RevokeCredential& command) {
  ASSIGN_OR_RETURN(const Grant grant,
                   CheckCaller(state, command.caller, Method::kRevokeCredential));
  const Credential* known = state.identity().FindCredential(command.serial);
  // What is another's is not found by who may not act on it.
  if (known != nullptr && Covers(grant.access, IsOwn(state, *known, command.caller.name)))
    return known;
  return absl::NotFoundError(absl::StrCat("no credential has the serial ",
                                          OneLine(command.serial, 64),
                                          ". `handoff user list` shows those that are."));
}

// By name or uuid; one that was revoked has no row any more, but its credentials know it.
std::string SubjectOf(const State& state, const std::string& name) {
  const Worker* worker = state.FindWorkerByName(name);
  if (worker != nullptr) return worker->uuid;
  if (state.FindWorker(name) != nullptr) return name;
  for (const auto& [serial, credential] : state.identity().credentials()) {
    if (IsWorkers(credential) && (credential.device == name || credential.subject == name))
      return credential.subject;
  }
  return "";
}

void Expel(Draft& draft, const std::string& uuid, absl::string_view reason) {
  RevokeSubject(draft, uuid);
  const Worker* worker = draft.state().FindWorker(uuid);
  if (worker == nullptr) return;
  draft.TellOfWorker("worker_revoked", *worker,
                     absl::StrCat("Revoked", reason.empty() ? "." : ": ", Sentence(reason)));
  ForgetWorker(draft, *worker);
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

absl::StatusOr<Decision<RevokeCredential::Reply>> Decide(const State& state,
                                                         const RevokeCredential& command,
                                                         absl::Time now) {
  const Act act{command.caller, Method::kRevokeCredential, command.serial};
  const absl::StatusOr<const Credential*> known = FindRevocable(state, command);
  if (!known.ok()) return Refuse<RevokeCredential::Reply>(state, now, act, known.status());
  const Credential& credential = **known;
  Decision<RevokeCredential::Reply> decision;
  decision.reply.already = credential.revoked_at != absl::InfinitePast();
  if (decision.reply.already) return decision;
  Draft draft(state, now);
  if (IsWorkers(credential)) {
    Expel(draft, credential.subject, command.reason);
  } else {
    RevokeLine(draft, credential.line);
  }
  RecordDone(draft, act, absl::StrCat(DescribeCredential(credential), ". ", command.reason));
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<RevokeWorker::Reply>> Decide(const State& state,
                                                     const RevokeWorker& command, absl::Time now) {
  const Act act{command.caller, Method::kRevokeWorker, command.name};
  const std::string uuid = SubjectOf(state, command.name);
  const absl::StatusOr<Grant> grant = CheckCaller(state, command.caller, act.method);
  absl::Status refused = grant.status();
  if (refused.ok() && uuid.empty()) {
    refused = absl::NotFoundError(absl::StrCat("no worker is named '", OneLine(command.name, 64),
                                               "'. `handoff worker list` shows those that are."));
  }
  if (refused.ok() && !Covers(grant->access, IsWorkersOwn(state, uuid, command.caller.name)))
    refused = NotOwn(act);
  if (!refused.ok()) return Refuse<RevokeWorker::Reply>(state, now, act, refused);
  Decision<RevokeWorker::Reply> decision{{}, {uuid, state.FindWorker(uuid) == nullptr}};
  if (decision.reply.already && state.identity().IsRevoked(uuid)) return decision;
  decision.reply.already = false;
  Draft draft(state, now);
  Expel(draft, uuid, command.reason);
  RecordDone(draft, act, absl::StrCat(uuid, ". ", command.reason));
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
