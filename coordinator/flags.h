// The command line of handoff-coordinator.
#pragma once

#include <variant>

#include "coordinator/config.h"

namespace handoff {

// A Config to start with, or the exit status: --help, --version and wrong usage are answered here.
std::variant<Config, int> ParseFlags(int argc, const char* const* argv);

}  // namespace handoff
