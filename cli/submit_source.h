// Where the work of a submit starts from: the repository around the person, another one, or none.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/submit_spec.h"
#include "cli/verb.h"
#include "common/file.h"

namespace handoff {

// Asked for by --repo and --ref: the workers fetch it, and nothing of it is here.
bool IsRemote(const SubmitFlags& flags);

// The root whose .handoff.toml counts; "" without a local repository.
std::string ProjectRootFor(const SubmitFlags& flags);

// Where the repository is: an address or a real path. Refuses what can be told at once.
absl::StatusOr<std::string> CheckSource(const SubmitFlags& flags);

// Sets the spec's repository and says on the terminal what leaves. Returns the path of the pack
// that has to be sent, in `temp`; "" when there is none. `where` is what CheckSource said.
absl::StatusOr<std::string> AddRepository(const SubmitFlags& flags, const std::string& where,
                                          const TempDir& temp, Context& context,
                                          v1::HandoffSpec* spec);

// A failure of the snapshot as the command's own, so that its exit status is not one of the
// coordinator's: what the person must mend first is INVALID_ARGUMENT, what failed here is INTERNAL.
absl::Status AsLocal(const absl::Status& status);

}  // namespace handoff
