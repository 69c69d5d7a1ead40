// Runs what an adapter wants to know about its CLI. Blocks for as long as the CLI takes, at most
// `limit` a command: call it from a thread that may wait, never with a lock held.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "worker/agent/agent.h"

namespace handoff {

struct ProbeSettings {
  std::string
      binary;  // [agents.NAME] binary of the config: a path, or a name in PATH; may be empty
  std::vector<std::string> env;  // NAME=value, complete
  // Of the agent's own: not for a program of which it is not known yet that it is that agent.
  std::vector<std::string> own_env = {};
  // Cursor's `status` takes 4 s on a good day; probes of 3 s reported false logouts.
  absl::Duration limit = absl::Seconds(15);
  int cancel = -1;  // a byte here ends the probe at once
};

// Absent when no candidate exists and shows its banner. A configured binary is the only candidate
// and is taken at its word: the banner is not asked for.
std::optional<ProbeOutput> RunProbe(const ProbeSpec& spec, const ProbeSettings& settings);

}  // namespace handoff
