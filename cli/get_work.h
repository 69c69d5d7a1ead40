// The packs of a checkpoint, from the coordinator.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "cli/fetched/fetched_objects.h"
#include "cli/verb.h"

namespace handoff {

namespace v1 {
class Checkpoint;
class Handoff;
}  // namespace v1

// Adds packs, into files below `directory`, until `complete` finds nothing missing: those of the
// checkpoint, then the one that was submitted. DATA_LOSS: what they are is not what the record
// says. FAILED_PRECONDITION: the rest lies only in the handoff's repository, and `objects` has it
// not; the sentence says where to try again.
absl::Status GetWork(const v1::Handoff& handoff, const v1::Checkpoint& checkpoint,
                     const std::string& directory, bool in_repository, Context& context,
                     FetchedObjects& objects, const std::function<absl::Status()>& complete);

}  // namespace handoff
