// How a line that is a secret gets from a person to us: at a prompt that shows nothing of it, or on
// stdin. Never as an argument, which everybody on the host can read.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/secret.h"

namespace handoff::worker {

// The first line from `in`. Where that is a terminal, `prompt` is written to `out` and nothing that
// is typed is shown; the terminal is as it was afterwards, also when a signal ends this process.
// INVALID_ARGUMENT when there is none, or it is longer than any line that a pool makes.
absl::StatusOr<Secret> ReadPastedLine(int in, int out, absl::string_view prompt);

// INVALID_ARGUMENT, without repeating it, when one of `arguments` looks like such a line.
absl::Status RefuseLinesIn(const std::vector<std::string>& arguments);

}  // namespace handoff::worker
