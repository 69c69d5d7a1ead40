// handoff.md on its way out to people, and what they write into it on its way in.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/core/control_commands.h"
#include "coordinator/service/parts.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

// `id` is a full id or a part of one.
absl::StatusOr<v1::Document> RenderDocument(const std::string& id, const ServiceParts& parts);

// Which sections a person changed, from the document that they began with and the one that they
// left; `id` is the full one, `actor` who changed them. INVALID_ARGUMENT with the line or the
// section that cannot be taken.
absl::StatusOr<core::EditSections> ToEdit(const v1::EditDocumentRequest& request,
                                          const std::string& id, const std::string& actor);

// A record that was kept by hand: its sections are `owner`'s, and they have it. INVALID_ARGUMENT
// with what cannot be taken.
absl::StatusOr<core::Submit> ToImport(const v1::ImportRequest& request, const std::string& owner,
                                      absl::Time now);

}  // namespace handoff
