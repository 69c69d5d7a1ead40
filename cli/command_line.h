// The whole command line: finds the verb, parses its flags, runs it, prints its error, and says the
// exit status.
#pragma once

#include <string>
#include <vector>

#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace handoff {

// `arguments` without the program's name.
int RunCommandLine(const std::vector<std::string>& arguments, Terminal& terminal,
                   Interrupt& interrupt);

}  // namespace handoff
