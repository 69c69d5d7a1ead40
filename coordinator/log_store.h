// Attempt logs: append-only files DIR/<id>/attempt-N.log, of the agent, and attempt-N.checks.log,
// of the checks that the worker ran after it. Bytes never pass through the engine. One thread syncs
// for many appends; an offset is durable, and shown to readers, only after that. The file is the
// only buffer, for writers and for followers, so memory does not grow with a log or with a slow
// reader. Thread-safe.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

struct LogKey {
  std::string id;  // of the handoff
  int attempt = 0;
  bool checks = false;  // attempt-N.checks.log
  friend auto operator<=>(const LogKey&, const LogKey&) = default;
};

struct LogStoreOptions {
  uint64_t reserve_bytes = uint64_t{256} << 20;  // appends are refused below this much free space
  size_t max_open = 1024;  // files kept open; further ones close those that were idle longest
  std::function<absl::Status(int fd)> sync;  // fdatasync; replaced in tests
};

class LogStore {
 public:
  static absl::StatusOr<std::unique_ptr<LogStore>> Open(const std::string& directory,
                                                        LogStoreOptions options = {});
  ~LogStore();  // syncs what is pending

  // Durable bytes held; 0 for a log that nobody wrote.
  absl::StatusOr<uint64_t> Size(const LogKey& key);

  // Idempotent: bytes below the held size are skipped. OUT_OF_RANGE when `offset` would leave a
  // gap; RESOURCE_EXHAUSTED below the disk reserve. `done` gets the durable offset after a sync
  // that covers these bytes, or the error; always on the sync thread. The bytes are in the file
  // when Append returns: who appends waits with more until enough of it was answered.
  void Append(const LogKey& key, uint64_t offset, absl::string_view data,
              absl::AnyInvocable<void(absl::StatusOr<uint64_t>)> done);

  // At most `max` durable bytes from `offset`; "" at the end.
  absl::StatusOr<std::string> Read(const LogKey& key, uint64_t offset, size_t max);

  // SHA-256 of the durable bytes; kept incrementally for logs written in this process, else read
  // once.
  absl::StatusOr<std::string> Sha256Of(const LogKey& key);

  // No more appends are expected: closes the file and forgets what is kept in memory.
  void Finish(const LogKey& key);

  // Removes all logs of a handoff. From now on it has none, and appends to them get NOT_FOUND; what
  // has one of them open reads no more of it.
  absl::Status Remove(const std::string& id);
  // Handoffs that have logs.
  absl::StatusOr<std::vector<std::string>> Ids() const;

  // `wake` runs (on the sync thread, briefly) each time more of that log is durable, until
  // Unfollow(token), which waits for one that runs on another thread.
  uint64_t Follow(const LogKey& key, absl::AnyInvocable<void()> wake);
  void Unfollow(uint64_t token);

 private:
  struct Impl;
  explicit LogStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace handoff
