// Who may call what, as tables: nothing here asks the State.
#pragma once

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "coordinator/core/identity.h"

namespace handoff::core {

// Every call of every service.
enum class Method {
  kSubmit,
  kGet,
  kList,
  kWatch,
  kReadLog,
  kCancel,
  kResume,
  kSend,
  kTakeOver,
  kReturn,
  kSummarize,
  kWhy,
  kGetDocument,
  kEditDocument,
  kImport,
  kDelete,
  kListWorkers,
  kDrainWorker,
  kAskTurns,
  kRemoveWorker,
  kGetPool,
  kSync,
  kReport,
  kSaveCheckpoint,
  kSaveSummary,
  kSavePush,
  kAppendLog,
  kPutObject,
  kGetObject,
  kAddUser,
  kChangeUser,
  kListUsers,
  kCreateTokens,
  kListTokens,
  kRevoke,  // one call; what it is to revoke is one of those that follow
  kRevokeUser,
  kRevokeWorker,
  kRevokeToken,
  kRevokeCredential,
  kListAudit,
  kRedeem,
  kRenew,
  kLoginHere,  // no call: said on a unix socket (coordinator/local_door.h)
};

// kOwn: what is the caller's own, or in the caller's own name: their handoffs, workers, devices,
// tokens. Nobody submits in another's name, and nobody renews another's credential.
enum class Access { kNone, kOwn, kAll };

const std::vector<Method>& AllMethods();
absl::string_view NameOf(Method method);  // "Submit"
// Of the path of a call, "/handoff.v1.Control/Submit"; nothing for one that is not in the table:
// such a call is refused.
std::optional<Method> FindMethod(absl::string_view path);

// Of people and of ci, which call with a user's or a ci credential.
Access AccessOf(Role role, Method method);
// Whether a credential made for this may be used for the call at all. For a user's the role says
// more, for a worker's what it holds.
bool MayCall(CredentialPurpose purpose, Method method);
inline bool Covers(Access access, bool own) {
  return access == Access::kAll || (access == Access::kOwn && own);
}

// The highest priority that they may give a handoff. What is above 0 goes before everybody's
// shares.
int MostPriority(Role role);

// What of a handoff is shown to whom. What is not shown is not found.
enum class Sight {
  kNothing,
  kListed,  // that it is there, without its task and log
  kWhole,
};
Sight SightOf(Role role, bool own, bool is_private);

}  // namespace handoff::core
