#include "coordinator/service/show.h"

#include "common/status.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

// The log grows while the attempt lives, and no record of it is written then; nor is one when the
// worker was lost before it could report.
void SetLogBytes(const ServiceParts& parts, v1::Handoff& handoff) {
  for (v1::Attempt& attempt : *handoff.mutable_attempts()) {
    const bool unknown = attempt.log_bytes() == 0 && attempt.state() != v1::Attempt::QUEUED;
    if (!unknown) continue;
    const auto size = parts.logs.Size({handoff.id(), attempt.number()});
    if (size.ok()) attempt.set_log_bytes(*size);
  }
}

}  // namespace

v1::Handoff Show(const core::Handoff& from, Detail detail, const ServiceParts& parts) {
  v1::Handoff handoff = ToProto(from, detail);
  if (!core::IsAtRest(from.status)) {
    Overlay(parts.engine.ViewOf(from.id), parts.engine.LeaseOf(from.id), handoff);
  }
  SetLogBytes(parts, handoff);
  if (detail == Detail::kFull) {
    handoff.set_owner_stored_limit(parts.engine.quotas().Of(from.owner).stored_bytes);
  }
  return handoff;
}

absl::StatusOr<v1::Handoff> Show(const std::string& id, const ServiceParts& parts) {
  ASSIGN_OR_RETURN(const std::string full_id, ResolveId(id, parts));
  ASSIGN_OR_RETURN(const core::Handoff handoff, parts.reader.Get(full_id));
  return Show(handoff, Detail::kFull, parts);
}

absl::StatusOr<std::string> ResolveId(const std::string& part, const ServiceParts& parts,
                                      IdRule rule, const Eyes& eyes) {
  RETURN_IF_ERROR(ValidateIdPart(part));
  return parts.reader.Resolve(part, rule, eyes);
}

}  // namespace handoff
