// The person's own git, for what libgit2 does not know: their credential helpers, ssh configuration
// and filter programs (docs/adr/0012). It never asks, runs no hook and leaves the index alone.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

// What it said on stdout, at most 1 MiB. `settings` are variables (NAME=value) in place of this
// process's of the same name; LC_ALL=C makes git's words plain, and would change what filters do.
// UNAVAILABLE with git's words when it fails or takes longer than `timeout`.
absl::StatusOr<std::string> RunOwnGit(const std::string& root, std::vector<std::string> arguments,
                                      std::vector<std::string> settings, absl::string_view input,
                                      absl::Duration timeout);

}  // namespace handoff
