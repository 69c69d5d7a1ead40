// Whole files and directories, with the durability said in the name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace handoff {

absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, int mode = 0600);

// NOT_FOUND when absent; RESOURCE_EXHAUSTED above max_bytes.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes = 64 << 20);

// Temporary file in the same directory, then rename: readers see the old or the new content.
// Survives the death of this process, not of the host.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content,
                                 int mode = 0600);
// The same, and synced with its directory: survives power loss.
absl::Status WriteFileDurably(const std::string& path, absl::string_view content, int mode = 0600);

// Writes all of it, through short writes and EINTR.
absl::Status WriteAll(int fd, absl::string_view data);
absl::Status PWriteAll(int fd, absl::string_view data, uint64_t offset);
absl::Status SyncData(int fd);
absl::Status SyncDirectory(const std::string& path);

// mkdir -p with 0700.
absl::Status MakeDirectories(const std::string& path);
// rm -rf, also through directories that deny their owner, of any depth; absent is fine. Never
// follows a symlink. Goes on after a failure and gives the first.
absl::Status RemoveTree(const std::string& path);
// Names without "." and "..", sorted.
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);
// False too when it cannot be told.
bool PathExists(const std::string& path);
// Only an absent path is false; what cannot be told is an error.
absl::StatusOr<bool> IsThere(const std::string& path);
absl::StatusOr<uint64_t> FileSize(const std::string& path);
// Bytes that an unprivileged process may still write on the file system of `path`.
absl::StatusOr<uint64_t> FreeDiskBytes(const std::string& path);

// An exclusive flock on `path`, made if absent. FAILED_PRECONDITION when another process holds it.
absl::StatusOr<UniqueFd> LockFile(const std::string& path);

// A fresh directory below $TMPDIR or /tmp, removed by the destructor.
class TempDir {
 public:
  static absl::StatusOr<TempDir> Make(absl::string_view prefix);
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  const std::string& path() const { return path_; }
  // It stays.
  void Release() { path_.clear(); }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace handoff
