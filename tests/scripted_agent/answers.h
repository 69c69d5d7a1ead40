// What the scripted agent answers without a script. `executable` is its path as it was called: a
// file beside it may change the answers (see main.cc).
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace handoff::scripted {

// The exit status of the process.
int CreateChat(const std::string& executable);
int Status(const std::string& executable);
// What stands after `key` in the file beside it; empty: nothing.
std::string ConfiguredText(const std::string& executable, absl::string_view key);
bool HasForgotten(const std::string& executable, const std::string& session);

}  // namespace handoff::scripted
