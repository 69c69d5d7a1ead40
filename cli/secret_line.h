// A line that nobody else may see, from a person or a pipe: never from the command line, which
// every user of the host can read.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "common/identity/secret.h"

namespace handoff {

// Of standard input, without white space around it. From a terminal after `prompt` and without
// echo, which is as it was before when this returns, also after Ctrl-C (CANCELLED).
// INVALID_ARGUMENT when there is none, or it is longer than any line of ours.
absl::StatusOr<Secret> ReadSecretLine(absl::string_view prompt, Terminal& terminal,
                                      Interrupt& interrupt);

}  // namespace handoff
