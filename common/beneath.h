// Files inside a directory that somebody hostile can write. Every call resolves with openat2:
// beneath the directory, through no symlink at all; only regular files with one link are opened;
// sizes are capped. A FIFO, a device or a symlink in the way is FAILED_PRECONDITION that names it,
// never a hang and never outside. There is no weaker way for old kernels: Linux 5.6 or newer is
// required, and the error says so. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace handoff {

class Beneath {
 public:
  // `root` itself is trusted (may be reached through symlinks).
  static absl::StatusOr<Beneath> Open(const std::string& root);

  // Paths are relative, without "." and "..". One directory after the other.
  absl::Status MakeDirectories(const std::string& path, unsigned mode = 0755) const;
  absl::StatusOr<std::string> Read(const std::string& path, uint64_t max_bytes) const;
  // Temporary name in the same directory, then rename over whatever file or link stood there. Not
  // synced: survives the death of this process, not of the host.
  absl::Status WriteAtomically(const std::string& path, absl::string_view content) const;
  // Copies an open file's first `bytes` bytes there, the same way.
  absl::Status CopyFrom(int source, uint64_t bytes, const std::string& path,
                        unsigned mode = 0644) const;
  // The name goes, whatever file or link it is of. NOT_FOUND when there is none.
  absl::Status Remove(const std::string& path) const;
  absl::StatusOr<UniqueFd> OpenForRead(const std::string& path) const;
  // Made when absent. Readable, too; every write goes to the end.
  absl::StatusOr<UniqueFd> OpenForAppend(const std::string& path, unsigned mode = 0644) const;

 private:
  explicit Beneath(UniqueFd root) : root_(std::move(root)) {}
  absl::StatusOr<UniqueFd> OpenAt(const std::string& path, uint64_t flags, uint64_t mode) const;
  template <typename Fill>
  absl::Status Replace(const std::string& path, unsigned mode, const Fill& fill) const;
  UniqueFd root_;
};

}  // namespace handoff
