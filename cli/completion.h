// What the shells' completion asks for while a person types.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/terminal.h"

namespace handoff {

// `handoff __complete WORD...` is for the scripts of `handoff completion`, and in no help.
inline constexpr absl::string_view kCompleteWord = "__complete";

// Prints what may stand in place of the last word: on the first line what the shell is to do
// (words, files, directories, or "command N"), then a word a line, with what it is behind a tab.
// Within two seconds, or what HANDOFF_COMPLETION_TIMEOUT says, whatever the pool
// does, and without an error: then there is less. The exit
// status.
int PrintCompletion(const std::vector<std::string>& typed,
                    const std::vector<std::string>& environment, Terminal& terminal);

}  // namespace handoff
