// Daemon logging: spdlog to stderr, one line an event. Use SPDLOG_INFO and friends through
// <spdlog/spdlog.h>.
#pragma once

#include <string>

namespace handoff {

// level: trace, debug, info, warn, error. Unknown levels mean info. Not thread-safe: call once in
// main.
void InitLogging(const std::string& program, const std::string& level);

}  // namespace handoff
