#include "coordinator/core/access.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

constexpr Access kNone = Access::kNone, kOwn = Access::kOwn, kAll = Access::kAll;

struct Row {
  Method method;
  absl::string_view service, name;  // without a service: a part of another call
  Access access[5];                 // admin, operator, member, viewer, ci
  bool worker;
};

constexpr Row kRows[] = {
    {Method::kSubmit, "Control", "Submit", {kOwn, kOwn, kOwn, kNone, kOwn}, false},
    {Method::kGet, "Control", "Get", {kAll, kAll, kAll, kAll, kOwn}, true},
    {Method::kList, "Control", "List", {kAll, kAll, kAll, kAll, kOwn}, false},
    {Method::kWatch, "Control", "Watch", {kAll, kAll, kAll, kAll, kOwn}, false},
    {Method::kReadLog, "Control", "ReadLog", {kAll, kAll, kAll, kAll, kOwn}, true},
    {Method::kCancel, "Control", "Cancel", {kAll, kAll, kOwn, kNone, kOwn}, false},
    {Method::kResume, "Control", "Resume", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kSend, "Control", "Send", {kAll, kAll, kOwn, kNone, kOwn}, false},
    {Method::kTakeOver, "Control", "TakeOver", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kReturn, "Control", "Return", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kSummarize, "Control", "Summarize", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kWhy, "Control", "Why", {kAll, kAll, kAll, kAll, kOwn}, false},
    {Method::kGetDocument, "Control", "GetDocument", {kAll, kAll, kAll, kAll, kOwn}, false},
    {Method::kEditDocument, "Control", "EditDocument", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kImport, "Control", "Import", {kOwn, kOwn, kOwn, kNone, kNone}, false},
    {Method::kDelete, "Control", "Delete", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kListWorkers, "Control", "ListWorkers", {kAll, kAll, kAll, kAll, kNone}, false},
    {Method::kDrainWorker, "Control", "DrainWorker", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kAskTurns, "Control", "AskTurns", {kAll, kAll, kOwn, kNone, kNone}, false},
    {Method::kRemoveWorker, "Control", "RemoveWorker", {kAll, kOwn, kOwn, kNone, kNone}, false},
    {Method::kGetPool, "Control", "GetPool", {kAll, kAll, kAll, kAll, kAll}, true},
    {Method::kSync, "Pool", "Sync", {kNone, kNone, kNone, kNone, kNone}, true},
    {Method::kReport, "Pool", "Report", {kNone, kNone, kNone, kNone, kNone}, true},
    {Method::kSaveCheckpoint, "Pool", "SaveCheckpoint", {kNone, kNone, kNone, kNone, kNone}, true},
    {Method::kSaveSummary, "Pool", "SaveSummary", {kNone, kNone, kNone, kNone, kNone}, true},
    {Method::kSavePush, "Pool", "SavePush", {kNone, kNone, kNone, kNone, kNone}, true},
    {Method::kAppendLog, "Pool", "AppendLog", {kNone, kNone, kNone, kNone, kNone}, true},
    {Method::kPutObject, "Objects", "Put", {kOwn, kOwn, kOwn, kNone, kOwn}, true},
    {Method::kGetObject, "Objects", "Get", {kAll, kAll, kAll, kAll, kOwn}, true},
    {Method::kAddUser, "Identity", "AddUser", {kAll, kNone, kNone, kNone, kNone}, false},
    {Method::kChangeUser, "Identity", "ChangeUser", {kAll, kNone, kNone, kNone, kNone}, false},
    {Method::kListUsers, "Identity", "ListUsers", {kAll, kOwn, kOwn, kOwn, kNone}, false},
    {Method::kCreateTokens, "Identity", "CreateTokens", {kAll, kOwn, kOwn, kOwn, kNone}, false},
    {Method::kListTokens, "Identity", "ListTokens", {kAll, kOwn, kOwn, kOwn, kNone}, false},
    {Method::kRevoke, "Identity", "Revoke", {kAll, kOwn, kOwn, kOwn, kNone}, false},
    {Method::kRevokeUser, "", "RevokeUser", {kAll, kNone, kNone, kNone, kNone}, false},
    {Method::kRevokeWorker, "", "RevokeWorker", {kAll, kOwn, kOwn, kNone, kNone}, false},
    {Method::kRevokeToken, "", "RevokeToken", {kAll, kOwn, kOwn, kOwn, kNone}, false},
    {Method::kRevokeCredential, "", "RevokeCredential", {kAll, kOwn, kOwn, kOwn, kNone}, false},
    {Method::kListAudit, "Identity", "ListAudit", {kAll, kNone, kNone, kNone, kNone}, false},
    {Method::kRedeem, "Identity", "Redeem", {kNone, kNone, kNone, kNone, kNone}, false},
    {Method::kRenew, "Identity", "Renew", {kOwn, kOwn, kOwn, kOwn, kNone}, true},
    {Method::kLoginHere, "", "LoginHere", {kNone, kNone, kNone, kNone, kNone}, false},
};

const Row& RowOf(Method method) {
  const Row& row = kRows[static_cast<size_t>(method)];
  CHECK(row.method == method);
  return row;
}

}  // namespace

const std::vector<Method>& AllMethods() {
  static const std::vector<Method> all = [] {
    std::vector<Method> methods;
    for (const Row& row : kRows) methods.push_back(row.method);
    return methods;
  }();
  return all;
}

absl::string_view NameOf(Method method) {
  // Two services have a Get.
  if (method == Method::kPutObject) return "PutObject";
  if (method == Method::kGetObject) return "GetObject";
  return RowOf(method).name;
}

std::optional<Method> FindMethod(absl::string_view path) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) {
    return !r.service.empty() && path == absl::StrCat("/handoff.v1.", r.service, "/", r.name);
  });
  return row == std::end(kRows) ? std::nullopt : std::optional(row->method);
}

Access AccessOf(Role role, Method method) {
  const size_t column = static_cast<size_t>(role) - static_cast<size_t>(Role::kAdmin);
  CHECK(column < std::size(RowOf(method).access));
  return RowOf(method).access[column];
}

bool MayCall(CredentialPurpose purpose, Method method) {
  const Row& row = RowOf(method);
  switch (purpose) {
    case CredentialPurpose::kWorker:
      return row.worker;
    case CredentialPurpose::kRenewal:
      return method == Method::kRenew;
    case CredentialPurpose::kUser:
      // Some role may.
      return std::any_of(std::begin(row.access), std::end(row.access),
                         [](Access access) { return access != kNone; });
    case CredentialPurpose::kCi:
      return AccessOf(Role::kCi, method) != kNone;
    case CredentialPurpose::kBootstrap:
      return method == Method::kRedeem;
  }
  CHECK(false);
}

int MostPriority(Role role) {
  return role == Role::kAdmin || role == Role::kOperator ? kMostPriority : 0;
}

Sight SightOf(Role role, bool own, bool is_private) {
  if (own) return Sight::kWhole;
  switch (role) {
    case Role::kAdmin:
    case Role::kOperator:
      return Sight::kWhole;
    case Role::kMember:
      return is_private ? Sight::kListed : Sight::kWhole;
    case Role::kViewer:
      return is_private ? Sight::kNothing : Sight::kWhole;
    case Role::kCi:
      return Sight::kNothing;
  }
  CHECK(false);
}

}  // namespace handoff::core
