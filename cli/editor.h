// The person's editor.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cli/verb.h"

namespace handoff {

// Whether one can be used from here: a terminal, or a program that the environment names.
bool HasEditor(const Context& context);

// $VISUAL, $EDITOR or vi on that file, until it is left. INVALID_ARGUMENT when it ended with an
// error; what the person wrote may be in the file all the same.
absl::Status RunEditor(const std::string& path, Context& context);

}  // namespace handoff
