#include "coordinator/service/rights.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/handoff/repo_pattern.h"
#include "common/status.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/refusal.h"
#include "coordinator/service/show.h"

namespace handoff {
namespace {

bool HeldBy(const core::Handoff& handoff, const std::string& worker_uuid) {
  return std::any_of(handoff.attempts.begin(), handoff.attempts.end(),
                     [&](const auto& attempt) { return attempt.worker_uuid == worker_uuid; });
}

}  // namespace

bool IsOwn(const Guest& guest, const core::Handoff& handoff, const ServiceParts& parts) {
  if (guest.purpose != core::CredentialPurpose::kWorker) return handoff.owner == guest.subject;
  return HeldBy(handoff, guest.subject) || parts.engine.Summarises(guest.subject, handoff.id);
}

core::Sight SightOf(const Guest& guest, const core::Handoff& handoff, const ServiceParts& parts) {
  const bool own = IsOwn(guest, handoff, parts);
  if (guest.purpose == core::CredentialPurpose::kWorker)
    return own ? core::Sight::kWhole : core::Sight::kNothing;
  return core::SightOf(guest.role, own, handoff.is_private);
}

Eyes EyesOf(const Guest& guest) {
  Eyes eyes;
  if (guest.purpose == core::CredentialPurpose::kWorker) return eyes;
  eyes.subject = guest.subject;
  eyes.others = core::SightOf(guest.role, false, false) == core::Sight::kWhole;
  eyes.others_listed = core::SightOf(guest.role, false, true) != core::Sight::kNothing;
  eyes.others_private = core::SightOf(guest.role, false, true) == core::Sight::kWhole;
  return eyes;
}

absl::StatusOr<Found> FindFor(const grpc::ServerContextBase& context, core::Method method,
                              const std::string& part, const ServiceParts& parts, IdRule rule,
                              const absl::Status& valid) {
  Found found;
  ASSIGN_OR_RETURN(found.guest, parts.door.Enter(context, method, valid));
  ASSIGN_OR_RETURN(found.id, ResolveId(part, parts, rule, EyesOf(found.guest)));
  ASSIGN_OR_RETURN(found.handoff, parts.reader.Get(found.id));
  // A worker names handoffs in full, and may see those that it was given.
  if (SightOf(found.guest, found.handoff, parts) != core::Sight::kWhole)
    return core::NoSuchHandoff(part);
  if (found.guest.purpose == core::CredentialPurpose::kWorker) return found;
  const core::Access access = core::AccessOf(found.guest.role, method);
  if (core::Covers(access, IsOwn(found.guest, found.handoff, parts))) return found;
  return parts.door.Refuse(
      found.guest, method, found.id,
      absl::StrCat(found.id, " is ", found.handoff.owner, "'s, and the role ",
                   core::NameOf(found.guest.role), " acts on its own handoffs only"));
}

absl::StatusOr<Guest> CheckWorker(const grpc::ServerContextBase& context, core::Method method,
                                  const std::string& worker_uuid, const ServiceParts& parts,
                                  const absl::Status& valid) {
  ASSIGN_OR_RETURN(Guest guest, parts.door.Enter(context, method, valid));
  if (guest.purpose == core::CredentialPurpose::kWorker && guest.subject == worker_uuid)
    return guest;
  return parts.door.Refuse(guest, method, worker_uuid,
                           absl::StrCat("this certificate is not that of worker ", worker_uuid));
}

absl::Status CheckRepository(const Guest& guest, const std::string& url) {
  if (guest.repos.empty()) return absl::OkStatus();
  if (MatchesAnyRepo(guest.repos, url)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "'", guest.subject, "' may hand over work of ", absl::StrJoin(guest.repos, " "),
      " only, and this is ", url.empty() ? "no repository" : url, ". Nothing was submitted"));
}

absl::Status CheckPriority(const Guest& guest, int priority) {
  const int most = core::MostPriority(guest.role);
  // Who has all of the range gets the sentence about the range.
  if (priority <= most || most == core::kMostPriority) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "priority ", priority, " is above ", most, ", the highest for the role ",
      core::NameOf(guest.role),
      ": above 0 goes before everybody else's work. Nothing was submitted: ask for less, or have "
      "an operator or admin of the pool submit it"));
}

}  // namespace handoff
