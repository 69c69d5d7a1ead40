// A first fill of a mirror from a repository on this host: its packs and loose objects as files.
// Much quicker than a fetch, for which libgit2 would build a pack of everything. Copies, not links:
// whoever owns the source may change or collect it later.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "worker/repo/progress.h"

namespace handoff {

// Also what the source borrows through alternates. Existing files are kept.
absl::Status CopyObjects(const std::string& from, const std::string& to, RepoProgress& progress);

}  // namespace handoff
