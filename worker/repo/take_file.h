// One file of a workspace on its way into an object database, while somebody may be writing it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "common/git/work_tree.h"

namespace handoff {

struct TakenFile {
  git_oid id = {};
  uint32_t mode = 0;
};

// Writes what lies at `path` (below `root`, the root of `tree`) to `odb`. NOT_FOUND: gone, or no
// file any more. RESOURCE_EXHAUSTED: above `max_bytes` (0: no limit). ABORTED: it changed while it
// was read, twice. Other errors say why it cannot be read.
absl::StatusOr<TakenFile> TakeFile(const WorkTree& tree, const std::string& root,
                                   const std::string& path, uint64_t max_bytes, git_odb* odb);

// The next `size` bytes of `fd` as a blob, in pieces. ABORTED when there are fewer.
absl::StatusOr<git_oid> WriteBlob(int fd, uint64_t size, const std::string& name, git_odb* odb);

}  // namespace handoff
