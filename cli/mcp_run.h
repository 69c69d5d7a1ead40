// A verb that a tool call became, run as a process of its own: with its own current directory and
// exit status, and ended by Ctrl-C's signal, which each verb knows how to leave by.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/text/mcp_answer.h"

namespace handoff {

struct McpRun {
  std::vector<std::string> argv, env;
  std::string directory, input;
  uint64_t offset = 0, most = 0;  // which part of stdout is kept
  absl::Duration limit, to_leave;
};

// Runs to the end. `note` gets each line of stderr as it comes. CANCELLED, with the process ended,
// once `cancel` is readable.
absl::StatusOr<McpRan> RunMcpCommand(const McpRun& run, int cancel,
                                     const std::function<void(absl::string_view line)>& note);

}  // namespace handoff
