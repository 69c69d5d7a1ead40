// What the tools of `handoff mcp` are, in words that tell an agent how to use them. Pure.
#pragma once

#include <vector>

#include "cli/text/mcp_tools.h"

namespace handoff {

std::vector<McpTool> MakeMcpTools();

}  // namespace handoff
