// What a CI system is told of a handoff. Pure. What came from an agent, a repository or whoever
// opened a pull request stands in code, where it can neither link, mention nor end anything.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/ci.h"

namespace handoff {

namespace v1 {
class Handoff;
}

// id, status, branch, head, in that order; of letters, digits and "._/-", or empty.
std::vector<std::pair<std::string, std::string>> CiOutputs(const v1::Handoff& handoff);
// As lines: "id=…" to be appended on GitHub, "HANDOFF_RESULT_ID=…" of a file elsewhere.
std::string CiOutputLines(CiSystem system, const v1::Handoff& handoff);

// `existing`: an equivalent one was there.
std::string RenderCiSummary(const v1::Handoff& handoff, CiSystem system, bool existing);
// "success", "error", "warning", "info": Buildkite's words for how it looks.
std::string CiStyle(const v1::Handoff& handoff);

}  // namespace handoff
