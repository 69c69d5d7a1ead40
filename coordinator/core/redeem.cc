// How a token becomes a credential, once.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/peer_name.h"
#include "common/status.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/issue.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

// One sentence for all that may be wrong with it: who guesses learns nothing.
absl::Status NotGood() {
  return absl::UnauthenticatedError(
      "this token is not good: it was used already, has expired or was revoked, or it is none of "
      "this pool. Nothing was done: have a new one made (`handoff worker invite`, `handoff user "
      "add`, `handoff login --link`).");
}

// Why, for the audit log; "" when it is good.
std::string Fault(const State& state, const RedeemToken& command, absl::Time now) {
  static const std::string no_secret(64, '0');
  const Token* token = state.identity().FindToken(command.token_id);
  // Compared for an unknown one, too, so that it takes as long.
  const bool same =
      EqualInConstantTime(token == nullptr ? no_secret : token->secret_hash, command.secret_hash);
  if (token == nullptr) return "No such token.";
  if (!same) return "Wrong secret.";
  if (token->used_at != absl::InfinitePast()) return "It was used before.";
  if (token->revoked_at != absl::InfinitePast()) return "It was revoked.";
  if (now >= token->expires_at) return "It has expired.";
  if (token->purpose != command.purpose)
    return absl::StrCat("It is for ", NameOf(token->purpose), ", not ", NameOf(command.purpose));
  return "";
}

// A worker names itself: with what is a user's or ci's it would be taken for them, and for what no
// certificate can say it would get none and the token would be gone.
absl::Status CheckUuid(const State& state, const std::string& uuid) {
  if (state.identity().FindUser(uuid) == nullptr && IsPeerName(uuid)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the identity of this worker is not one. Nothing was done, and the token is still good: give "
      "the worker an empty data directory.");
}

absl::Status CheckWorker(const State& state, const RedeemToken& command) {
  RETURN_IF_ERROR(CheckDeviceName(command.device));
  RETURN_IF_ERROR(CheckUuid(state, command.worker_uuid));
  if (!state.identity().SerialsOf(command.worker_uuid).empty()) {
    return absl::AlreadyExistsError(
        "a worker with this identity has joined before. Nothing was done, and the token is still "
        "good: give the worker an empty data directory.");
  }
  const Worker* holder = state.FindWorkerByName(command.device);
  if (holder != nullptr && holder->uuid != command.worker_uuid) {
    return absl::AlreadyExistsError(absl::StrCat(
        "there is a worker named '", command.device,
        "' already. Nothing was done, and the token is still good: join with another --name, or "
        "run `handoff worker remove ",
        command.device, "` first."));
  }
  const bool known = state.FindWorker(command.worker_uuid) != nullptr;
  if (known || state.workers().size() < kMaxWorkers) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the pool has ", kMaxWorkers,
      " workers, which is its limit. Nothing was done: remove some with `handoff worker remove "
      "NAME`."));
}

absl::Status CheckRoomFor(const State& state, const Token& token, absl::Time now) {
  if (token.purpose == TokenPurpose::kCi) return CheckRoomForCi(state, token.user, now);
  if (GoodLines(state, token.user, now) < kMaxDevices) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "'", token.user, "' has ", kMaxDevices,
      " credentials that are good, which is the limit. Nothing was done, and the token is still "
      "good: revoke those that are not used any more (`handoff user list` shows them)."));
}

absl::Status CheckRedeemer(const State& state, const RedeemToken& command, const Token& token,
                           absl::Time now) {
  RETURN_IF_ERROR(CheckSerials(state, token.purpose == TokenPurpose::kWorker, command.serial,
                               command.renewal_serial));
  if (token.purpose == TokenPurpose::kWorker) return CheckWorker(state, command);
  if (token.purpose == TokenPurpose::kLogin) RETURN_IF_ERROR(CheckDeviceName(command.device));
  return CheckRoomFor(state, token, now);
}

// A worker of an earlier pool without identities keeps what is known of it.
void PutJoined(Draft& draft, const RedeemToken& command, const Token& token) {
  const Worker* known = draft.state().FindWorker(command.worker_uuid);
  Worker worker = known == nullptr ? Worker{} : *known;
  worker.uuid = command.worker_uuid;
  worker.name = command.device;
  if (known == nullptr) worker.registered_at = draft.now();
  worker.owner = token.owner;
  worker.shared = token.shared;
  worker.repos = token.repos;
  draft.TellOfWorker("worker_joined", worker, "Joined the pool.");
  draft.Add(PutWorker{std::move(worker)});
}

Credential FirstOf(const RedeemToken& command, const Token& token, absl::Time now) {
  Credential credential;
  credential.serial = credential.line = command.serial;
  credential.device = command.device;
  credential.sponsor = token.created_by;
  credential.issued_at = now;
  switch (token.purpose) {
    case TokenPurpose::kWorker:
      credential.purpose = CredentialPurpose::kWorker;
      credential.subject = command.worker_uuid;
      credential.not_after = EndOfLife(CredentialPurpose::kWorker, now);
      break;
    case TokenPurpose::kLogin:
      credential.purpose = CredentialPurpose::kUser;
      credential.subject = token.user;
      credential.not_after = EndOfLife(CredentialPurpose::kUser, now);
      break;
    case TokenPurpose::kCi:
      credential.purpose = CredentialPurpose::kCi;
      credential.subject = token.user;
      credential.repos = token.repos;
      credential.device = token.id;  // by which it is revoked
      credential.not_after = token.expires_at;
      break;
  }
  return credential;
}

}  // namespace

absl::StatusOr<Decision<RedeemToken::Reply>> Decide(const State& state, const RedeemToken& command,
                                                    absl::Time now) {
  const Act act{command.caller, Method::kRedeem, command.token_id};
  const std::string fault = Fault(state, command, now);
  if (!fault.empty()) return Refuse<RedeemToken::Reply>(state, now, act, NotGood(), fault);
  Token token = *state.identity().FindToken(command.token_id);
  const absl::Status refused = CheckRedeemer(state, command, token, now);
  if (!refused.ok()) return Refuse<RedeemToken::Reply>(state, now, act, refused);
  Draft draft(state, now);
  DropDead(draft);
  // Used, and what it buys is there: one edit, so neither is ever without the other.
  token.used_at = now;
  token.line = command.serial;
  draft.Add(PutToken{token});
  Decision<RedeemToken::Reply> decision;
  RedeemToken::Reply& reply = decision.reply;
  reply.credential = FirstOf(command, token, now);
  draft.Add(PutCredential{reply.credential});
  if (token.purpose == TokenPurpose::kWorker) {
    PutJoined(draft, command, token);
    reply.renewal = RenewalFor(reply.credential, command.renewal_serial);
    draft.Add(PutCredential{*reply.renewal});
  }
  RecordDone(draft, act, DescribeCredential(reply.credential));
  decision.edit = draft.Take();
  token.secret_hash.clear();
  reply.token = std::move(token);
  return decision;
}

}  // namespace handoff::core
