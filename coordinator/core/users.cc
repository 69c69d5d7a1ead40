// People.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/revoke.h"

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

// Every log-in that was revoked is kept until it would have expired, and there is no bound to them.
ListUsers::Item ItemFor(const IdentityRecords& identity, const User& user) {
  ListUsers::Item item{user, {}};
  std::vector<const Credential*> revoked;
  for (const std::string& serial : identity.SerialsOf(user.name)) {
    const Credential* credential = identity.FindCredential(serial);
    const bool good = credential->revoked_at == absl::InfinitePast();
    if (good) item.credentials.push_back(*credential);
    if (!good) revoked.push_back(credential);
  }
  std::stable_sort(revoked.begin(), revoked.end(),
                   [](const auto* a, const auto* b) { return a->revoked_at > b->revoked_at; });
  revoked.resize(std::min(revoked.size(), kMaxRevokedShown));
  for (const Credential* credential : revoked) item.credentials.push_back(*credential);
  return item;
}

std::string DescribeUser(const User& user) {
  return absl::StrCat(NameOf(user.role), user.repos.empty() ? "" : ", repositories ",
                      absl::StrJoin(user.repos, " "), user.disabled ? ", disabled" : "");
}

}  // namespace

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
  Decision<ChangeUser::Reply> decision{{}, {user, 0, 0}};
  if (user == *known) return decision;
  Draft draft(state, now);
  draft.Add(PutUser{user});
  // They had it made by rights that they have no more.
  const bool same = user.role == known->role && user.repos == known->repos;
  const Made made = same && !user.disabled ? Made{} : RevokeMade(draft, user);
  RecordDone(draft, act,
             absl::StrCat(DescribeUser(*known), " to ", DescribeUser(user), "; revoked ",
                          made.credentials, " credentials of ci and ", made.tokens, " tokens"));
  decision.reply.revoked_credentials = made.credentials;
  decision.reply.revoked_tokens = made.tokens;
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<ListUsers::Reply>> Decide(const State& state, const ListUsers& command,
                                                  absl::Time) {
  ASSIGN_OR_RETURN(const Grant grant, CheckCaller(state, command.caller, Method::kListUsers));
  const auto seen = [&](const User& user) {
    return Covers(grant.access, user.name == command.caller.name);
  };
  const IdentityRecords& identity = state.identity();
  Decision<ListUsers::Reply> decision;
  if (!command.name.empty()) {
    const User* user = identity.FindUser(command.name);
    if (user == nullptr || !seen(*user)) return NoSuchUser(command.name);
    if (command.after < user->name) decision.reply.users.push_back(ItemFor(identity, *user));
    return decision;
  }
  const auto& users = identity.users();
  for (auto it = users.upper_bound(command.after); it != users.end(); ++it) {
    if (!seen(it->second)) continue;
    decision.reply.more = decision.reply.users.size() >= command.most;
    if (decision.reply.more) break;
    decision.reply.users.push_back(ItemFor(identity, it->second));
  }
  return decision;
}

}  // namespace handoff::core
