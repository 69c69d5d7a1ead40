// Which attempt last worked in a workspace, as its store says: a file beside the objects, written
// by handoff-repo and read by the daemon, too.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace handoff {

// 0: none, or nobody wrote it down.
int LastAttempt(const std::string& store);
// What its checkout has to say; empty for another one than the last.
std::vector<std::string> NotesOfAttempt(const std::string& store, int attempt);
// One that is not later than the last changes nothing. `notes`: one line each.
absl::Status RememberAttempt(const std::string& store, int attempt,
                             const std::vector<std::string>& notes);

}  // namespace handoff
