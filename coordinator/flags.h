// The command line of handoff-coordinator.
#pragma once

#include <variant>

#include "coordinator/config.h"

namespace handoff {

struct CommandLine {
  Config config;
  bool init = false;  // make the pool, say how to go on, and end
};

// What to do, or the exit status: --help, --version and wrong usage are answered here.
std::variant<CommandLine, int> ParseFlags(int argc, const char* const* argv);

}  // namespace handoff
