// Tokens: who may have one made, and for what.
#include <algorithm>
#include <cstddef>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

constexpr size_t kSecretHashBytes = 64;  // hex SHA-256
constexpr absl::Duration kLeastTtl = absl::Minutes(1);

bool IsHash(absl::string_view text) {
  return text.size() == kSecretHashBytes &&
         text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

absl::Status CheckSecrets(const State& state, const CreateTokens& command) {
  const size_t count = command.secrets.size();
  if (count == 0 || count > kMaxTokensAtOnce) {
    return absl::InvalidArgumentError(absl::StrCat(count, " tokens are asked for; 1 to ",
                                                   kMaxTokensAtOnce,
                                                   " are made at a time. None was made."));
  }
  std::set<std::string> ids;
  for (const CreateTokens::Secret& secret : command.secrets) {
    const bool fresh =
        state.identity().FindToken(secret.id) == nullptr && ids.insert(secret.id).second;
    if (!fresh || secret.id.empty() || !IsHash(secret.hash))
      return absl::InvalidArgumentError("a token's id or hash is not one. None was made.");
  }
  return absl::OkStatus();
}

absl::Status CheckRoom(const State& state, const CreateTokens& command, const Grant& grant,
                       absl::Time now) {
  const size_t most = grant.role == Role::kAdmin ? kMaxOpenTokensOfAdmin : kMaxOpenTokens;
  const size_t open = state.identity().OpenTokensBy(command.caller.name, now);
  if (open + command.secrets.size() <= most) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "'", command.caller.name, "' had ", open, " tokens made that nobody used yet, and ", most,
      " is the limit of one user. None was made: wait until some expire, or revoke them with "
      "`handoff token revoke ID`."));
}

absl::Status CheckTtl(const CreateTokens& command) {
  const absl::Duration most = command.purpose == TokenPurpose::kCi ? kMaxCiTtl : kMaxJoinTtl;
  if (command.ttl >= kLeastTtl && command.ttl <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "a token for ", NameOf(command.purpose), " lives from ", HumanDuration(kLeastTtl), " to ",
      HumanDuration(most), ", and ", HumanDuration(command.ttl), " was asked for. None was made."));
}

// A limit of the one who makes it holds for what it buys, too.
absl::Status CheckRepos(const State& state, const CreateTokens& command) {
  RETURN_IF_ERROR(CheckPatterns(command.repos));
  if (command.purpose == TokenPurpose::kCi && command.repos.empty()) {
    return absl::InvalidArgumentError(
        "a ci token is for certain repositories. None was made: say which, like --repo "
        "'github.com/acme/*'.");
  }
  const User* maker = state.identity().FindUser(command.caller.name);
  if (command.caller.is_coordinator || maker == nullptr || maker->repos.empty() ||
      command.purpose == TokenPurpose::kLogin) {
    return absl::OkStatus();
  }
  const bool within =
      !command.repos.empty() &&
      std::all_of(command.repos.begin(), command.repos.end(), [&](const std::string& pattern) {
        return std::count(maker->repos.begin(), maker->repos.end(), pattern) > 0;
      });
  if (within) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "'", maker->name, "' is limited to ", absl::StrJoin(maker->repos, " "),
      ". None was made: name some of these patterns with --repo, as they stand here."));
}

TokenPlace PlaceOf(const Token& token) { return {token.created_at, token.id}; }

bool IsBefore(const TokenPlace& a, const TokenPlace& b) {
  return a.created_at != b.created_at ? a.created_at > b.created_at : a.id < b.id;
}

// Whom the token is for, completed from who asks.
struct Wish {
  std::string user;
  std::string owner;
};

absl::StatusOr<Wish> WishOfWorker(const State& state, const CreateTokens& command,
                                  const Grant& grant) {
  const std::string owner = command.owner.empty() ? command.caller.name : command.owner;
  const User* user = state.identity().FindUser(owner);
  // The coordinator itself has no name, and a worker of nobody in particular is for all.
  const bool of_nobody = command.caller.is_coordinator && owner.empty() && command.shared;
  if (!of_nobody && (user == nullptr || user->disabled)) return NoSuchUser(owner);
  if (grant.access != Access::kAll && (owner != command.caller.name || command.shared)) {
    return absl::PermissionDeniedError(
        "a worker that takes others' work, or belongs to another user, is invited by an admin. No "
        "token was made: leave out --shared and --owner for one of your own.");
  }
  return Wish{"", owner};
}

absl::StatusOr<Wish> WishOfCi(const State& state, const std::string& name, absl::Time now) {
  RETURN_IF_ERROR(CheckUserName(name));
  Wish wish{absl::StrCat("ci/", name), ""};
  RETURN_IF_ERROR(CheckRoomForCi(state, wish.user, now));
  return wish;
}

absl::StatusOr<Wish> WishOf(const State& state, const CreateTokens& command, const Grant& grant,
                            absl::Time now) {
  const bool all = grant.access == Access::kAll;
  if (grant.role == Role::kViewer && command.purpose != TokenPurpose::kLogin) {
    return absl::PermissionDeniedError(absl::StrCat("a viewer may not have a token for ",
                                                    NameOf(command.purpose),
                                                    " made. None was: ask an admin of the pool."));
  }
  if (command.purpose == TokenPurpose::kWorker) return WishOfWorker(state, command, grant);
  const std::string name = command.user.empty() ? command.caller.name : command.user;
  if (!all && name != command.caller.name) {
    return absl::PermissionDeniedError(
        absl::StrCat("a token for '", OneLine(name, 64), "' is made by an admin. None was made."));
  }
  if (command.purpose == TokenPurpose::kLogin) {
    if (state.identity().IsActive(name)) return Wish{name, ""};
    return NoSuchUser(name);
  }
  return WishOfCi(state, name, now);
}

absl::StatusOr<Wish> Check(const State& state, const CreateTokens& command, absl::Time now) {
  ASSIGN_OR_RETURN(const Grant grant, CheckCaller(state, command.caller, Method::kCreateTokens));
  RETURN_IF_ERROR(CheckSecrets(state, command));
  RETURN_IF_ERROR(CheckRoom(state, command, grant, now));
  RETURN_IF_ERROR(CheckTtl(command));
  RETURN_IF_ERROR(CheckRepos(state, command));
  return WishOf(state, command, grant, now);
}

Token WithoutHash(Token token) {
  token.secret_hash.clear();
  return token;
}

std::string Describe(const CreateTokens& command, const Token& token) {
  std::string text =
      absl::StrCat("for ", NameOf(token.purpose), " until ", TimeText(token.expires_at));
  if (command.secrets.size() > 1)
    text = absl::StrCat(CountText(command.secrets.size(), "token"), " ", text);
  if (!token.user.empty()) absl::StrAppend(&text, ", ", token.user);
  if (!token.owner.empty()) absl::StrAppend(&text, ", of ", token.owner);
  if (token.shared) absl::StrAppend(&text, ", shared");
  if (!token.repos.empty()) absl::StrAppend(&text, ", ", absl::StrJoin(token.repos, " "));
  return text;
}

}  // namespace

absl::StatusOr<Decision<CreateTokens::Reply>> Decide(const State& state,
                                                     const CreateTokens& command, absl::Time now) {
  Act act{command.caller, Method::kCreateTokens,
          command.secrets.empty() ? "" : command.secrets[0].id};
  const absl::StatusOr<Wish> wish = Check(state, command, now);
  if (!wish.ok()) return Refuse<CreateTokens::Reply>(state, now, act, wish.status());
  Token token;
  token.purpose = command.purpose;
  token.user = wish->user;
  if (command.purpose != TokenPurpose::kLogin) token.repos = command.repos;
  token.expires_at = now + command.ttl;
  token.created_at = now;
  token.created_by = command.caller.name;
  token.owner = wish->owner;
  if (command.purpose == TokenPurpose::kWorker) {
    token.labels = command.labels;
    token.shared = command.shared;
  }
  Draft draft(state, now);
  DropDead(draft);
  Decision<CreateTokens::Reply> decision;
  for (const CreateTokens::Secret& secret : command.secrets) {
    token.id = secret.id;
    token.secret_hash = secret.hash;
    draft.Add(PutToken{token});
    decision.reply.tokens.push_back(WithoutHash(token));
    // Each may be asked for by its id; the first entry says what they are for.
    act.object = secret.id;
    RecordDone(draft, act, Describe(command, token));
  }
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<ListTokens::Reply>> Decide(const State& state, const ListTokens& command,
                                                   absl::Time) {
  ASSIGN_OR_RETURN(const Grant grant, CheckCaller(state, command.caller, Method::kListTokens));
  std::vector<const Token*> rest;
  for (const auto& [id, token] : state.identity().tokens()) {
    const bool own = token.created_by == command.caller.name || token.user == command.caller.name;
    if (Covers(grant.access, own) && IsBefore(command.after, PlaceOf(token)))
      rest.push_back(&token);
  }
  const size_t count = std::min(rest.size(), command.most);
  std::partial_sort(
      rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count), rest.end(),
      [](const Token* a, const Token* b) { return IsBefore(PlaceOf(*a), PlaceOf(*b)); });
  Decision<ListTokens::Reply> decision;
  decision.reply.more = count < rest.size();
  rest.resize(count);
  for (const Token* token : rest) decision.reply.tokens.push_back(WithoutHash(*token));
  return decision;
}

}  // namespace handoff::core
