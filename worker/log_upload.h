// Sends one log of an attempt to the coordinator, from whatever it holds, and hashes it on
// the way. The file is the buffer: at most 4 MiB are unacknowledged, and a coordinator that is away
// costs nothing but time. Never blocks. Not thread-safe; owned by the attempt's runner.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/unique_fd.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff::worker {

class LogUpload {
 public:
  // `fresh`: nobody has sent anything of this log yet, so the first chunk need not wait for the
  // coordinator's offset. `wake` runs on any thread when Pump has something to do.
  LogUpload(CoordinatorClient& client, AttemptKey key, LogKind kind, uint64_t epoch,
            std::string path, bool fresh, std::function<void()> wake);

  // The file has that many bytes now.
  void Grown(uint64_t bytes);
  // Sends, hashes and reconnects as far as possible now. An error is the file's: it is logged by
  // the caller, and tried again at the next call.
  absl::Status Pump(BootTime now);
  // When Pump has something to do without a wake; in the far future when it has not.
  BootTime next() const;

  // The rest of the file cannot be read: what was read is all of it.
  void EndHere();

  // All bytes are on stable storage at the coordinator, and hashed here as far as they can be read.
  bool complete() const { return acked_ >= size_ && (cut_ || hashed_ == size_); }
  // The last stream broke before anything was acknowledged on it.
  bool failing() const { return failures_ > 0; }
  uint64_t size() const { return size_; }
  std::string HashSoFar() const { return hash_.Hex(); }
  // Hashes the rest without sending it.
  absl::Status HashAll();
  // The coordinator says that it holds less than it had acknowledged: send again from there.
  void Rewind(uint64_t offset);

 private:
  absl::Status Hash(uint64_t to, uint64_t budget);
  absl::Status SendChunks();
  absl::StatusOr<std::string> ReadChunk(uint64_t offset, uint64_t most);
  void Disconnect(BootTime now, const absl::Status& why);

  CoordinatorClient& client_;
  const AttemptKey key_;
  const LogKind kind_;
  const uint64_t epoch_;
  const std::string path_;
  const std::function<void()> wake_;
  UniqueFd file_;
  std::unique_ptr<LogStream> stream_;
  bool cut_ = false;  // by EndHere
  bool positioned_;   // `sent_` is where the stream goes on
  uint64_t size_ = 0;
  uint64_t hashed_ = 0;
  uint64_t sent_ = 0;
  uint64_t acked_ = 0;
  int failures_ = 0;
  BootTime retry_at_;
  Sha256 hash_;
};

// Both logs of one attempt.
struct AttemptLogs {
  LogUpload agent;
  LogUpload checks;
};

}  // namespace handoff::worker
