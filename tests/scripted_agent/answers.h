// What the scripted agent answers without a script. `executable` is its path as it was called: a
// file beside it may change the answers (see main.cc).
#pragma once

#include <string>

namespace handoff::scripted {

// The exit status of the process.
int CreateChat(const std::string& executable);
int Status(const std::string& executable);

}  // namespace handoff::scripted
