// handoff.md beside the work of a person who took a handoff over. What they write there is theirs:
// takeover leaves it, and return sends it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/local_document.h"
#include "cli/verb.h"

namespace handoff {

// Puts the newest there; where the person changed theirs, beside it. A note then, which says so.
absl::StatusOr<std::string> PutDocument(const DocumentBase& newest, const LocalDocument& local,
                                        const std::string& id);

// Sends what they changed, and says so; or that it was not sent, why, and how to. The work goes
// back either way.
void SendTakenDocument(const std::string& id, const std::string& root, Context& context);

}  // namespace handoff
