// Where the text of a task comes from.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/submit_spec.h"
#include "cli/verb.h"

namespace handoff {

// The argument, a file, standard input for "-", the words behind "--", or what the person writes in
// their editor when there is nothing of these and a terminal.
absl::StatusOr<std::string> ReadTask(const SubmitFlags& flags, const Context& context);

}  // namespace handoff
