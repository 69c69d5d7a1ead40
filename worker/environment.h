// The environment of an agent: put together name by name, never the daemon's own. What is not
// listed here (SSH_AUTH_SOCK, markers of an agent around this daemon, tokens) does not reach it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace handoff::worker {

using Environment = std::map<std::string, std::string>;

// HOME, USER, LOGNAME, LANG, TERM=dumb and PATH of the account that the daemon runs as. `path` wins
// over the daemon's PATH when it is not empty.
Environment BaseEnvironment(const std::string& path);

// Later maps win.
std::vector<std::string> Flatten(const std::vector<Environment>& layers);

}  // namespace handoff::worker
