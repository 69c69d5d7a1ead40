// What of a person's would be lost when a work tree turns from one state into another. git asks
// before it overwrites what it does not know, but takes ignored files for worthless.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/git/git.h"

namespace handoff {

// The files at `root` are those of the tree `from`, beside whatever git ignores there.
// FAILED_PRECONDITION names a file that is none of `from` and stands where `to` has one, or in a
// folder that is a file in `to`.
absl::Status CheckNothingInTheWay(git_repository* repo, const std::string& root,
                                  const git_oid& from, const git_oid& to);

}  // namespace handoff
