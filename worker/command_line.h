// The flags of handoff-worker.
#pragma once

#include <optional>

#include "worker/config.h"
#include "worker/joining/join.h"

namespace handoff::worker {

// Flags win over HANDOFF_COORDINATOR and HANDOFF_DATA_DIR.
struct CommandLine {
  WorkerConfig config;
  bool doctor = false;              // `handoff-worker doctor`
  std::optional<JoinOptions> join;  // `handoff-worker join`; of the rest only log_level counts then
  // The program has nothing more to do (--help, --version, wrong usage, all said already).
  std::optional<int> exit_status;
};
CommandLine ParseCommandLine(int argc, char** argv);

}  // namespace handoff::worker
