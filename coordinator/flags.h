// The command line of handoff-coordinator.
#pragma once

#include <string>
#include <variant>

#include "coordinator/config.h"

namespace handoff {

struct CommandLine {
  Config config;
  bool init = false;        // make the pool, say how to go on, and end
  bool restored = false;    // note that the data directory was restored from a copy, and end
  std::string config_file;  // as it was given; empty: none was
  // What the flags said, and not only the file.
  struct Given {
    bool listen = false, advertise = false, log_level = false;
  };
  Given given;
};

// What to do, or the exit status: --help, --version and wrong usage are answered here.
std::variant<CommandLine, int> ParseFlags(int argc, const char* const* argv);

}  // namespace handoff
