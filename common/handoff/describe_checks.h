// What is said of a check, the same wherever it is said. Pure.
#pragma once

#include <string>

namespace handoff {

namespace v1 {
class CheckResult;
}

// "exit status 1 after 3.2 s", "ended at its time limit after 30 min".
std::string HowCheckEnded(const v1::CheckResult& result);

}  // namespace handoff
