// How what was given is taken back before its time.
#include "coordinator/core/revoke.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/issue.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

constexpr size_t kMaxListedBytes = 1000;  // of names in one sentence

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

// The lines that a user has under this name: each login there began one.
std::set<std::string> LinesOf(const State& state, const RevokeDevice& command) {
  std::set<std::string> lines;
  for (const std::string& serial : state.identity().SerialsOf(command.user)) {
    const Credential& credential = *state.identity().FindCredential(serial);
    if (credential.device == command.device) lines.insert(credential.line);
  }
  return lines;
}

absl::Status NoSuchDevice(const State& state, const RevokeDevice& command, absl::Time now) {
  std::set<std::string> devices;
  for (const std::string& serial : state.identity().SerialsOf(command.user)) {
    const Credential& credential = *state.identity().FindCredential(serial);
    if (IsGood(credential, now)) devices.insert(credential.device);
  }
  return absl::NotFoundError(absl::StrCat(
      "'", command.user, "' has no device '", OneLine(command.device, 64),
      "'. Nothing was revoked; theirs are: ",
      devices.empty() ? "none" : OneLine(absl::StrJoin(devices, ", "), kMaxListedBytes), "."));
}

absl::Status CheckDevice(const State& state, const RevokeDevice& command, absl::Time now) {
  ASSIGN_OR_RETURN(const Grant grant,
                   CheckCaller(state, command.caller, Method::kRevokeCredential));
  // What is another's is not found by who may not act on it.
  if (state.identity().FindUser(command.user) == nullptr ||
      !Covers(grant.access, command.user == command.caller.name)) {
    return NoSuchUser(command.user);
  }
  return LinesOf(state, command).empty() ? NoSuchDevice(state, command, now) : absl::OkStatus();
}

// By name or uuid; one that was revoked has no row any more, but its credentials know it. Who has a
// row goes by the name there, whatever it was called when it joined.
std::string SubjectOf(const State& state, const std::string& name) {
  const Worker* worker = state.FindWorkerByName(name);
  if (worker != nullptr) return worker->uuid;
  if (state.FindWorker(name) != nullptr) return name;
  for (const auto& [serial, credential] : state.identity().credentials()) {
    const bool called = credential.device == name || credential.subject == name;
    if (IsWorkers(credential) && called && state.FindWorker(credential.subject) == nullptr)
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

// The credential that a ci token bought goes with it. Returns how many were good until now.
size_t RevokeBought(Draft& draft, const Token& token) {
  if (token.purpose != TokenPurpose::kCi) return 0;
  const std::set<std::string> serials = draft.state().identity().SerialsOf(token.user);
  size_t revoked = 0;
  for (const std::string& serial : serials) {
    const Credential* const bought = draft.state().identity().FindCredential(serial);
    if (bought->device == token.id) revoked += RevokeLine(draft, bought->line);
  }
  return revoked;
}

// Of a token that is not for ci: who came in by it and may still come; nullptr when nobody does.
const Credential* InBy(const State& state, const Token& token, absl::Time now) {
  for (const std::string& serial : state.identity().SerialsOfLine(token.line)) {
    const Credential* const credential = state.identity().FindCredential(serial);
    if (IsGood(*credential, now)) return credential;
  }
  return nullptr;
}

// Who pasted it, and how what they got is taken back.
std::string UsedBy(const State& state, const Credential& bought) {
  if (!IsWorkers(bought)) {
    return absl::StrCat("by ", bought.subject, " (", bought.device,
                        "), who may still come in. Nothing was revoked: cut that machine off with "
                        "`handoff user revoke ",
                        bought.subject, " --device ", ShellQuote(bought.device), "`.");
  }
  const Worker* const worker = state.FindWorker(bought.subject);
  const std::string& name = worker == nullptr ? bought.subject : worker->name;
  return absl::StrCat("by the worker ", name,
                      ", which is still in. Nothing was revoked: cut it off with `handoff worker "
                      "revoke ",
                      name, "`.");
}

// The line let somebody in, and taking it back would not put them out.
absl::Status CheckUnused(const State& state, const Token& token, absl::Time now) {
  if (token.purpose == TokenPurpose::kCi || token.used_at == absl::InfinitePast())
    return absl::OkStatus();
  const Credential* const bought = InBy(state, token, now);
  if (bought == nullptr && !token.line.empty()) return absl::OkStatus();
  const std::string by = bought == nullptr
                             ? "by somebody who may still come in. Nothing was revoked: `handoff "
                               "audit` says who, and they are cut off with `handoff user revoke "
                               "NAME --device NAME` or `handoff worker revoke NAME`."
                             : UsedBy(state, *bought);
  return absl::FailedPreconditionError(
      absl::StrCat("token ", token.id, " was used at ", TimeText(token.used_at), " ", by));
}

}  // namespace

size_t RevokeLine(Draft& draft, const std::string& line) {
  size_t revoked = 0;
  for (const std::string& serial : draft.state().identity().SerialsOfLine(line)) {
    Credential credential = *draft.state().identity().FindCredential(serial);
    if (credential.revoked_at != absl::InfinitePast()) continue;
    credential.revoked_at = draft.now();
    draft.Add(PutCredential{std::move(credential)});
    ++revoked;
  }
  return revoked;
}

size_t RevokeSubject(Draft& draft, const std::string& subject) {
  const IdentityRecords& identity = draft.state().identity();
  std::set<std::string> lines;
  for (const std::string& serial : identity.SerialsOf(subject)) {
    lines.insert(identity.FindCredential(serial)->line);
  }
  size_t revoked = 0;
  for (const std::string& line : lines) revoked += RevokeLine(draft, line);
  return revoked;
}

Made RevokeMade(Draft& draft, const User& user) {
  const IdentityRecords& identity = draft.state().identity();
  Made made;
  for (const auto& [serial, credential] : identity.credentials()) {
    const bool of_ci = credential.purpose == CredentialPurpose::kCi;
    if (of_ci && credential.sponsor == user.name)
      made.credentials += RevokeLine(draft, credential.line);
  }
  for (const auto& [id, token] : identity.tokens()) {
    const bool theirs = token.created_by == user.name || (user.disabled && token.user == user.name);
    if (!theirs || !IsOpen(token)) continue;
    Token revoked = token;
    revoked.revoked_at = draft.now();
    draft.Add(PutToken{std::move(revoked)});
    ++made.tokens;
  }
  return made;
}

absl::StatusOr<Decision<RevokeUser::Reply>> Decide(const State& state, const RevokeUser& command,
                                                   absl::Time now) {
  const Act act{command.caller, Method::kRevokeUser, command.name};
  const User* known = state.identity().FindUser(command.name);
  absl::Status refused = CheckCaller(state, command.caller, act.method).status();
  if (refused.ok() && known == nullptr) refused = NoSuchUser(command.name);
  if (!refused.ok()) return Refuse<RevokeUser::Reply>(state, now, act, refused);
  User user = *known;
  user.disabled = true;
  refused = CheckAdminsLeft(state, *known, user);
  if (!refused.ok()) return Refuse<RevokeUser::Reply>(state, now, act, refused);
  Draft draft(state, now);
  Decision<RevokeUser::Reply> decision;
  const Made made = RevokeMade(draft, user);
  decision.reply.credentials = made.credentials + RevokeSubject(draft, user.name);
  decision.reply.tokens = made.tokens;
  decision.reply.already =
      known->disabled && decision.reply.credentials == 0 && decision.reply.tokens == 0;
  if (decision.reply.already) return decision;
  draft.Add(PutUser{std::move(user)});
  RecordDone(draft, act,
             absl::StrCat(decision.reply.credentials, " credentials, ", decision.reply.tokens,
                          " tokens. ", command.reason));
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<RevokeToken::Reply>> Decide(const State& state, const RevokeToken& command,
                                                    absl::Time now) {
  const Act act{command.caller, Method::kRevokeToken, command.id};
  const Token* known = state.identity().FindToken(command.id);
  const absl::StatusOr<Grant> grant = CheckCaller(state, command.caller, act.method);
  absl::Status refused = grant.status();
  const bool own = known != nullptr &&
                   (known->created_by == command.caller.name || known->user == command.caller.name);
  // What is another's is not found by who may not act on it.
  if (refused.ok() && (known == nullptr || !Covers(grant->access, own))) {
    refused = absl::NotFoundError(absl::StrCat("there is no token ", OneLine(command.id, 64),
                                               ". `handoff token list` shows those that are."));
  }
  if (refused.ok()) refused = CheckUnused(state, *known, now);
  if (!refused.ok()) return Refuse<RevokeToken::Reply>(state, now, act, refused);
  Decision<RevokeToken::Reply> decision;
  Draft draft(state, now);
  const size_t revoked = RevokeBought(draft, *known);
  decision.reply.already = revoked == 0 && !IsOpen(*known);
  if (decision.reply.already) return decision;
  Token token = *known;
  token.revoked_at = now;
  draft.Add(PutToken{std::move(token)});
  RecordDone(draft, act, command.reason);
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<RevokeDevice::Reply>> Decide(const State& state,
                                                     const RevokeDevice& command, absl::Time now) {
  const Act act{command.caller, Method::kRevokeCredential,
                absl::StrCat(command.user, " (", command.device, ")")};
  const absl::Status refused = CheckDevice(state, command, now);
  if (!refused.ok()) return Refuse<RevokeDevice::Reply>(state, now, act, refused);
  Draft draft(state, now);
  Decision<RevokeDevice::Reply> decision;
  for (const std::string& line : LinesOf(state, command))
    decision.reply.credentials += RevokeLine(draft, line);
  decision.reply.already = decision.reply.credentials == 0;
  if (decision.reply.already) return decision;
  RecordDone(
      draft, act,
      absl::StrCat(CountText(decision.reply.credentials, "credential"), ". ", command.reason));
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
