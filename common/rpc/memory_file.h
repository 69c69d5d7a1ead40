// A file in memory at a path that stays, whose whole content changes at once. Another process does
// not see it, and nothing of it is left when this one ends.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff {

// Not thread-safe. Its descriptor is never closed: gRPC's thread that watches the path may outlive
// everything of ours, and must not find another file under that number. So: one or two a process.
class MemoryFile {
 public:
  // Who reads the path sees the old or the new content. Each content has another modification time,
  // by whole seconds: that is how gRPC finds out that what it read was replaced meanwhile.
  absl::Status Replace(absl::string_view content);
  std::string path() const;

 private:
  int fd_ = -1;
  int generation_ = 0;
};

}  // namespace handoff
