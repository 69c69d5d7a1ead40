// Refusals that several commands share, each with the sentence that a person reads.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/core/handoff.h"

namespace handoff::core {

absl::Status NoSuchHandoff(absl::string_view id);
// A worker that belongs to another pool than this one.
absl::Status OtherPool(absl::string_view theirs, absl::string_view ours);

absl::string_view StatusName(HandoffStatus status);  // "queued"

}  // namespace handoff::core
