// How somebody who has an account on the coordinator's host comes in: the kernel says who they are.
#include "coordinator/core/local_login.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/issue.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

constexpr absl::string_view kLocalSponsor = "uid ";

absl::Status NotActive(const LoginHere& command, bool known) {
  return absl::PermissionDeniedError(absl::StrCat(
      "the coordinator's configuration says that uid ", command.uid, " is '",
      OneLine(command.caller.name, 64), "', ",
      known ? "who is disabled. Nothing was done: ask an admin of the pool."
            : absl::StrCat("and the pool has no such user. Nothing was done: an admin adds them "
                           "with `handoff user add ",
                           OneLine(command.caller.name, 64), "`.")));
}

// Those of this account, the latest first.
std::vector<const Credential*> EarlierOf(const State& state, const LoginHere& command) {
  std::vector<const Credential*> earlier;
  for (const std::string& serial : state.identity().SerialsOf(command.caller.name)) {
    const Credential& credential = *state.identity().FindCredential(serial);
    if (credential.sponsor == LocalSponsor(command.uid) &&
        credential.revoked_at == absl::InfinitePast()) {
      earlier.push_back(&credential);
    }
  }
  std::sort(earlier.begin(), earlier.end(),
            [](const Credential* a, const Credential* b) { return a->generation > b->generation; });
  return earlier;
}

}  // namespace

std::string LocalSponsor(unsigned uid) { return absl::StrCat(kLocalSponsor, uid); }

bool IsLocal(const Credential& credential) {
  return absl::StartsWith(credential.sponsor, kLocalSponsor);
}

absl::StatusOr<Decision<LoginHere::Reply>> Decide(const State& state, const LoginHere& command,
                                                  absl::Time now) {
  const Act act{command.caller, Method::kLoginHere, LocalSponsor(command.uid)};
  absl::Status refused = CheckSerials(state, false, command.serial, "");
  if (refused.ok() && !state.identity().IsActive(command.caller.name)) {
    refused = NotActive(command, state.identity().FindUser(command.caller.name) != nullptr);
  }
  if (!refused.ok()) return Refuse<LoginHere::Reply>(state, now, act, refused);
  Draft draft(state, now);
  DropDead(draft);
  Decision<LoginHere::Reply> decision;
  Credential& credential = decision.reply.credential;
  credential.serial = credential.line = command.serial;
  credential.purpose = CredentialPurpose::kUser;
  credential.subject = command.caller.name;
  credential.device = absl::StrCat("the coordinator's host, uid ", command.uid);
  credential.sponsor = LocalSponsor(command.uid);
  credential.issued_at = now;
  credential.not_after = absl::FromUnixSeconds(absl::ToUnixSeconds(now + kLocalLife));
  // An account has two at most: an answer may have been lost.
  const std::vector<const Credential*> earlier = EarlierOf(state, command);
  if (!earlier.empty()) {
    credential.line = earlier.front()->line;
    credential.generation = earlier.front()->generation + 1;
  }
  for (size_t i = 1; i < earlier.size(); ++i) draft.Add(DropCredential{earlier[i]->serial});
  draft.Add(PutCredential{credential});
  RecordDone(draft, act, DescribeCredential(credential));
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
