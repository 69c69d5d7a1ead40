#include "coordinator/core/identity_rules.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/peer_name.h"
#include "common/text.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

constexpr size_t kMaxAuditText = 500;
constexpr size_t kMaxNameBytes = 64;  // of one that is shown

AuditEntry EntryFor(const Act& act, AuditOutcome outcome, absl::string_view detail) {
  AuditEntry entry;
  entry.actor = act.caller.is_coordinator ? "coordinator" : OneLine(act.caller.name, kMaxAuditText);
  entry.serial = OneLine(act.caller.serial, kMaxAuditText);
  entry.address = OneLine(act.caller.address, kMaxAuditText);
  entry.action = std::string(NameOf(act.method));
  entry.object = OneLine(act.object, kMaxAuditText);
  entry.outcome = outcome;
  entry.detail = OneLine(detail, kMaxAuditText);
  return entry;
}

absl::Status MayNot(const Caller& caller, Role role, Method method) {
  return absl::PermissionDeniedError(absl::StrCat("'", caller.name, "' is ", NameOf(role),
                                                  ", which may not ", NameOf(method),
                                                  ". Nothing was done: ask an admin of the pool."));
}

}  // namespace

void RecordDone(Draft& draft, const Act& act, absl::string_view detail) {
  draft.Record(EntryFor(act, AuditOutcome::kDone, detail));
}

void RecordRefused(Draft& draft, const Act& act, absl::string_view detail) {
  RefusalCount count = draft.state().identity().refusals();
  if (count.since + absl::Minutes(1) <= draft.now() || draft.now() < count.since) {
    count.since = draft.now();
    count.noted = 0;
  }
  if (count.noted >= kMaxRefusalsNoted) {
    ++count.unnoted;
  } else {
    ++count.noted;
    const std::string more =
        count.unnoted == 0
            ? ""
            : absl::StrCat(count.unnoted, " refusals before this one were not noted. ");
    draft.Record(EntryFor(act, AuditOutcome::kRefused, absl::StrCat(more, detail)));
    count.unnoted = 0;
  }
  draft.Add(SetRefusals{count});
}

absl::StatusOr<Grant> CheckCaller(const State& state, const Caller& caller, Method method) {
  if (caller.is_coordinator) return Grant{Access::kAll, Role::kAdmin};
  const IdentityRecords& identity = state.identity();
  const Credential* credential = identity.FindCredential(caller.serial);
  const bool good = credential != nullptr && credential->revoked_at == absl::InfinitePast() &&
                    credential->subject == caller.name && MayCall(credential->purpose, method);
  const bool is_ci = credential != nullptr && credential->purpose == CredentialPurpose::kCi;
  if (!good || (!is_ci && !identity.IsActive(caller.name))) {
    return absl::PermissionDeniedError(
        absl::StrCat("this credential is not good for ", NameOf(method),
                     ". Nothing was done: sign in again with `handoff login`."));
  }
  const Role role = is_ci ? Role::kCi : identity.FindUser(caller.name)->role;
  const Access access = AccessOf(role, method);
  if (access == Access::kNone) return MayNot(caller, role, method);
  return Grant{access, role};
}

absl::Status NotOwn(const Act& act) {
  return absl::PermissionDeniedError(absl::StrCat(
      "'", act.caller.name, "' may ", NameOf(act.method), " only for what is their own, and '",
      act.object, "' is not. Nothing was done: ask an admin."));
}

absl::Status CheckUserName(absl::string_view name) {
  if (name == "coordinator") {
    return absl::InvalidArgumentError(
        "'coordinator' is what the audit log calls the coordinator itself, and no name for a user. "
        "Nothing was done: choose another one.");
  }
  if (IsPeerName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", OneLine(name, kMaxNameBytes),
                                                 "' is no name for a user: ", kPeerNameRule,
                                                 ". Nothing was done."));
}

absl::Status CheckPatterns(const std::vector<std::string>& patterns) {
  if (patterns.size() > kMaxPatterns) {
    return absl::InvalidArgumentError(absl::StrCat(patterns.size(), " patterns of repositories; ",
                                                   kMaxPatterns,
                                                   " are allowed. Nothing was done."));
  }
  for (const std::string& pattern : patterns) {
    const bool printable = std::all_of(pattern.begin(), pattern.end(), [](char c) {
      return absl::ascii_isgraph(static_cast<unsigned char>(c));
    });
    if (!pattern.empty() && pattern.size() <= kMaxPatternBytes && printable) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "'", OneLine(pattern, kMaxNameBytes), "' is no pattern of repositories: at most ",
        kMaxPatternBytes, " characters without space, like github.com/acme/*. Nothing was done."));
  }
  return absl::OkStatus();
}

absl::Status CheckDeviceName(absl::string_view name) {
  if (!name.empty() && name.size() <= kMaxDeviceName && OneLine(name, kMaxDeviceName) == name)
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a name of one line and at most ", kMaxDeviceName,
                                                 " bytes is needed. Nothing was done."));
}

absl::Status NoSuchUser(absl::string_view name) {
  return absl::NotFoundError(absl::StrCat("no user is named '", OneLine(name, kMaxNameBytes),
                                          "'. `handoff user list` shows those that are."));
}

size_t GoodLines(const State& state, const std::string& subject, absl::Time now) {
  std::set<std::string> lines;
  for (const std::string& serial : state.identity().SerialsOf(subject)) {
    const Credential& credential = *state.identity().FindCredential(serial);
    if (IsGood(credential, now)) lines.insert(credential.line);
  }
  return lines.size();
}

absl::Status CheckRoomForCi(const State& state, const std::string& subject, absl::Time now) {
  if (GoodLines(state, subject, now) < kMaxCiCredentials) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "'", subject, "' has ", kMaxCiCredentials,
      " tokens that are good, which is the limit. No line was given: wait until some expire, "
      "revoke "
      "some with `handoff token revoke ID` (`handoff token list` shows them), or choose another "
      "--name."));
}

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char differs = 0;  // kept from being left early
  for (size_t i = 0; i < a.size(); ++i) {
    differs = static_cast<unsigned char>(differs | (a[i] ^ b[i]));
  }
  return differs == 0;
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

void DropDead(Draft& draft) {
  const IdentityRecords& identity = draft.state().identity();
  size_t dropped = 0;
  for (const auto& [time, id] : identity.dead_tokens()) {
    if (time > draft.now() || dropped++ >= kMaxDropped) break;
    draft.Add(DropToken{id});
  }
  for (const auto& [time, serial] : identity.dead_credentials()) {
    if (time > draft.now() || dropped++ >= kMaxDropped) break;
    draft.Add(DropCredential{serial});
  }
}

void ForgetWorker(Draft& draft, const Worker& worker) {
  const State& state = draft.state();
  for (auto hold = state.holds().lower_bound({worker.uuid, ""});
       hold != state.holds().end() && hold->first.first == worker.uuid; ++hold) {
    draft.Add(DropHold{worker.uuid, hold->first.second});
  }
  // Nobody waits any more until it has removed what was purged.
  for (const auto& [id, told] : state.purged().Of(worker.uuid))
    draft.Add(PurgedFrom{id, worker.uuid});
  draft.Add(DropWorker{worker.uuid});
}

}  // namespace handoff::core
