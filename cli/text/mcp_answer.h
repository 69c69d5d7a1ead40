// What a tool call answers: the verb's own words, as a result of the Model Context Protocol. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "cli/text/mcp_tools.h"
#include "common/subprocess.h"

namespace handoff {

// What came of the verb that a call became.
struct McpRan {
  ExitStatus exit;
  std::string out;        // stdout from the call's offset on, at most as much as it asks for
  uint64_t out_size = 0;  // of all of it
  std::string notes;      // the last lines of stderr
  bool left = false;      // told to leave at its limit
};

// Short text, `isError`, and what a program reads in `structuredContent`: `exit_status`, and by
// tool `id` (submit), `settled` (wait), `next_offset` and `more` (logs, and what was cut). That a
// handoff failed is no error of the tool that says so.
nlohmann::json McpResult(const McpTool& tool, const McpCommand& command, const McpRan& ran);

// Of a call of which nothing was run.
nlohmann::json McpRefusal(const absl::Status& status);

}  // namespace handoff
