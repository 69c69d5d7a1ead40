// What a person is told when `init` has made a pool.
#pragma once

#include <string>
#include <vector>

#include "coordinator/flags.h"

namespace handoff {

// How it is started, who is an admin on this host, and what to do with the line that comes after
// this. `addresses` are those in the line: of where only this host gets, that is said, unless it
// was asked for.
std::string DescribeMadePool(const CommandLine& line, const std::vector<std::string>& addresses);

}  // namespace handoff
