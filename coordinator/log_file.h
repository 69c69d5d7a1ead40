// One append-only file of which a prefix is known to be on stable storage. Appends go to the file
// at once and count when a Sync covered them. Thread-safe; appends of one file are in turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/hash.h"
#include "common/mutex.h"
#include "common/unique_fd.h"

namespace handoff {

class LogFile {
 public:
  using SyncFunction = std::function<absl::Status(int fd)>;  // replaced in tests

  // What the file has is synced first, so that all of it is durable; DATA_LOSS when that fails.
  // With `create` the file and its directory are made if absent.
  static absl::StatusOr<std::shared_ptr<LogFile>> Open(const std::string& path, bool create,
                                                       SyncFunction sync);

  // The offset after `data`. What the file has of it is skipped; OUT_OF_RANGE when bytes would be
  // missing before it.
  absl::StatusOr<uint64_t> Append(uint64_t offset, absl::string_view data);

  // Makes durable what was appended before the call; the durable size. A failed sync may have
  // dropped any of it, so the file is cut back to what was durable before; when that fails too, the
  // file takes nothing more.
  absl::StatusOr<uint64_t> Sync();

  uint64_t durable() const;
  bool broken() const;
  // Durable bytes only.
  absl::StatusOr<std::string> Read(uint64_t offset, size_t max) const;
  absl::StatusOr<std::string> Sha256Hex();

 private:
  LogFile(std::string path, SyncFunction sync, std::shared_ptr<UniqueFd> fd, uint64_t size);
  absl::Status CutBack() ABSL_EXCLUSIVE_LOCKS_REQUIRED(append_);
  absl::Status SyncNames();
  std::shared_ptr<UniqueFd> fd() const;

  const std::string path_;
  const SyncFunction sync_;

  // Held while bytes are written and hashed; never by readers. Before state_.
  Mutex append_;
  // Of all bytes written; absent when they were not all written through this object.
  std::optional<Sha256> hash_ ABSL_GUARDED_BY(append_);

  mutable Mutex state_;
  // Shared with readers that are at it while the file is opened again.
  std::shared_ptr<UniqueFd> fd_ ABSL_GUARDED_BY(state_);
  uint64_t written_ ABSL_GUARDED_BY(state_);  // changed with append_ held
  uint64_t durable_ ABSL_GUARDED_BY(state_);
  bool names_synced_ ABSL_GUARDED_BY(state_) = false;
  bool broken_ ABSL_GUARDED_BY(state_) = false;
};

}  // namespace handoff
