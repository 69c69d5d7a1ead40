// People, and what they are called here.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/status.h"
#include "coordinator/core/identity.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

absl::Status CheckLimits(const User& user) {
  RETURN_IF_ERROR(CheckPatterns(user.repos));
  if (user.role != Role::kCi || !user.repos.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", user.name,
      "' has the role ci and no repository. Nothing was done: say which ones, like --repo "
      "'github.com/acme/*'."));
}

absl::Status CheckAdd(const State& state, const AddUser& command) {
  RETURN_IF_ERROR(CheckCaller(state, command.caller, Method::kAddUser).status());
  RETURN_IF_ERROR(CheckUserName(command.name));
  // A worker's uuid is a subject, too.
  const bool is_subject = state.FindWorker(command.name) != nullptr ||
                          !state.identity().SerialsOf(command.name).empty();
  if (is_subject || state.identity().FindUser(command.name) != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat(
        "there is somebody named '", command.name,
        "' already. Nothing was done: choose another name, or change that user with `handoff user "
        "role ",
        command.name, " ROLE`."));
  }
  if (state.identity().users().size() < kMaxUsers) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the pool has ", kMaxUsers, " users, which is its limit. Nothing was done."));
}

// The pool must not be left without anybody who can let people in.
absl::Status CheckAdminsLeft(const State& state, const User& known, const User& changed) {
  const bool was = known.role == Role::kAdmin && !known.disabled;
  const bool is = changed.role == Role::kAdmin && !changed.disabled;
  if (!was || is || state.identity().ActiveAdmins() > 1) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "'", known.name,
      "' is the last admin of the pool. Nothing was done: make another user an admin first, with "
      "`handoff user role NAME admin`."));
}

struct Made {
  size_t credentials = 0, tokens = 0;
};

// What CI got from them, and tokens that nobody used yet: that they had made, and of one who is
// disabled, that are for them. A worker stays a host of the pool.
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

std::string DescribeUser(const User& user) {
  return absl::StrCat(NameOf(user.role), user.repos.empty() ? "" : ", repositories ",
                      absl::StrJoin(user.repos, " "), user.disabled ? ", disabled" : "");
}

}  // namespace

absl::string_view NameOf(Role role) {
  switch (role) {
    case Role::kAdmin:
      return "admin";
    case Role::kOperator:
      return "operator";
    case Role::kMember:
      return "member";
    case Role::kViewer:
      return "viewer";
    case Role::kCi:
      return "ci";
  }
  CHECK(false);
}

absl::string_view NameOf(TokenPurpose purpose) {
  switch (purpose) {
    case TokenPurpose::kWorker:
      return "worker";
    case TokenPurpose::kLogin:
      return "login";
    case TokenPurpose::kCi:
      return "ci";
  }
  CHECK(false);
}

absl::string_view NameOf(CredentialPurpose purpose) {
  switch (purpose) {
    case CredentialPurpose::kWorker:
      return "worker";
    case CredentialPurpose::kRenewal:
      return "renewal";
    case CredentialPurpose::kUser:
      return "user";
    case CredentialPurpose::kCi:
      return "ci";
    case CredentialPurpose::kBootstrap:
      return "bootstrap";
  }
  CHECK(false);
}

absl::StatusOr<Decision<AddUser::Reply>> Decide(const State& state, const AddUser& command,
                                                absl::Time now) {
  const Act act{command.caller, Method::kAddUser, command.name};
  User user{command.name, command.role, command.repos, now, command.caller.name, false};
  absl::Status refused = CheckAdd(state, command);
  if (refused.ok()) refused = CheckLimits(user);
  if (!refused.ok()) return Refuse<AddUser::Reply>(state, now, act, refused);
  Draft draft(state, now);
  draft.Add(PutUser{user});
  RecordDone(draft, act, DescribeUser(user));
  return Decision<AddUser::Reply>{draft.Take(), {std::move(user)}};
}

absl::StatusOr<Decision<ChangeUser::Reply>> Decide(const State& state, const ChangeUser& command,
                                                   absl::Time now) {
  const Act act{command.caller, Method::kChangeUser, command.name};
  const User* known = state.identity().FindUser(command.name);
  absl::Status refused = CheckCaller(state, command.caller, act.method).status();
  if (refused.ok() && known == nullptr) refused = NoSuchUser(command.name);
  if (!refused.ok()) return Refuse<ChangeUser::Reply>(state, now, act, refused);
  User user = *known;
  user.role = command.role.value_or(user.role);
  user.repos = command.repos.value_or(user.repos);
  user.disabled = command.disabled.value_or(user.disabled);
  refused = CheckLimits(user);
  if (refused.ok()) refused = CheckAdminsLeft(state, *known, user);
  if (!refused.ok()) return Refuse<ChangeUser::Reply>(state, now, act, refused);
  Decision<ChangeUser::Reply> decision{{}, {user}};
  if (user == *known) return decision;
  Draft draft(state, now);
  draft.Add(PutUser{user});
  // They had it made by rights that they have no more.
  const bool same = user.role == known->role && user.repos == known->repos;
  const Made made = same && !user.disabled ? Made{} : RevokeMade(draft, user);
  RecordDone(draft, act,
             absl::StrCat(DescribeUser(*known), " to ", DescribeUser(user), "; revoked ",
                          made.credentials, " credentials of ci and ", made.tokens, " tokens"));
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<ListUsers::Reply>> Decide(const State& state, const ListUsers& command,
                                                  absl::Time) {
  ASSIGN_OR_RETURN(const Grant grant, CheckCaller(state, command.caller, Method::kListUsers));
  Decision<ListUsers::Reply> decision;
  for (const auto& [name, user] : state.identity().users()) {
    if (!Covers(grant.access, name == command.caller.name)) continue;
    ListUsers::Item item{user, {}};
    for (const std::string& serial : state.identity().SerialsOf(name)) {
      item.credentials.push_back(*state.identity().FindCredential(serial));
    }
    decision.reply.users.push_back(std::move(item));
  }
  return decision;
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

absl::StatusOr<Decision<NoteRefusal::Reply>> Decide(const State& state, const NoteRefusal& command,
                                                    absl::Time now) {
  Draft draft(state, now);
  RecordRefused(draft, {command.caller, command.method, command.object}, command.detail);
  return Decision<NoteRefusal::Reply>{draft.Take(), {}};
}

}  // namespace handoff::core
