// A verb that takes several ids does all that it can.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/verb.h"

namespace handoff {

// Tries `one` with each. The first failure is the answer; the others are told.
VerbResult TryEach(const std::vector<std::string>& ids, const Context& context,
                   const std::function<VerbResult(const std::string& id)>& one);

}  // namespace handoff
