// A handoff as a person is shown it: the stored record, and over it what its worker said last.
#pragma once

#include "absl/status/statusor.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/parts.h"
#include "handoff/v1/types.pb.h"

namespace handoff {

// Thread-safe: reads the store and the engine's views, and waits for neither.
v1::Handoff Show(const core::Handoff& handoff, Detail detail, const ServiceParts& parts);
// `id` is a full id or a part of one.
absl::StatusOr<v1::Handoff> Show(const std::string& id, const ServiceParts& parts);
// A full id or part of one, validated, to the full id.
absl::StatusOr<std::string> ResolveId(const std::string& part, const ServiceParts& parts,
                                      IdRule rule = IdRule::kPreferLive, const Eyes& eyes = {});

}  // namespace handoff
