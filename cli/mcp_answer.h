// What a tool call answers: the verb's own words, as a result of the Model Context Protocol. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "cli/mcp_run.h"
#include "cli/mcp_tools.h"

namespace handoff {

// Short text, `isError`, and what a program reads in `structuredContent`: `exit_status`, and by
// tool `id` (submit), `settled` (wait), `next_offset` and `more` (logs, and what was cut). That a
// handoff failed is no error of the tool that says so.
nlohmann::json McpResult(const McpTool& tool, const McpCommand& command, const McpRan& ran);

// Of a call of which nothing was run.
nlohmann::json McpRefusal(const absl::Status& status);

}  // namespace handoff
