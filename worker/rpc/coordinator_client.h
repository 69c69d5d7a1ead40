// The coordinator as the worker sees it. Pure interface in core types, so that tests run against a
// fake; the gRPC one stands beside it. Thread-safe. Nothing here retries: callers know what a
// failed call means for them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/core/model.h"

namespace handoff::worker {

// A call in flight. The destructor cancels it; the callback still runs exactly once.
class SyncCall {
 public:
  virtual ~SyncCall() = default;
};

// Which log of an attempt.
enum class LogKind {
  kAgent,  // attempt-N.log
  kChecks  // attempt-N.checks.log
};

// One AppendLog stream. Never blocks. The destructor cancels what is not written.
class LogStream {
 public:
  virtual ~LogStream() = default;
  // The coordinator holds this much on stable storage; absent until it said so.
  virtual std::optional<uint64_t> durable() const = 0;
  // Another chunk may be written now.
  virtual bool ready() const = 0;
  // At most 256 KiB, only when ready().
  virtual void Write(uint64_t offset, std::string data) = 0;
  // Not OK: the stream is over; open another.
  virtual absl::Status status() const = 0;
};

struct AttemptReport {
  std::string pool_id;
  AttemptKey key;
  uint64_t epoch = 0;
  std::string end;  // serialised handoff.v1.AttemptEnd
};
struct ReportAnswer {
  bool accepted = false;
  bool current = false;
  bool push = false;        // push now, and say with SavePush what became of it
  uint64_t log_offset = 0;  // when not accepted: the logs have to be sent from here on
  uint64_t checks_log_offset = 0;
  std::string handoff;  // serialised handoff.v1.Handoff as it stands now
};

struct CheckpointSave {
  std::string pool_id;
  AttemptKey key;
  uint64_t epoch = 0;
  std::string checkpoint;  // serialised handoff.v1.Checkpoint
};
struct CheckpointAnswer {
  bool current = false;              // false: it came too late to decide anything
  std::vector<std::string> missing;  // packs that have to be put first; nothing was kept
};

struct PushSave {
  std::string pool_id;
  AttemptKey key;
  uint64_t epoch = 0;
  std::string result;  // serialised handoff.v1.PushResult
};

struct SummarySave {
  std::string pool_id;
  AttemptKey key;
  uint64_t wish = 0;
  std::string summary;  // serialised handoff.v1.Summary
};

class CoordinatorClient {
 public:
  virtual ~CoordinatorClient() = default;

  // `done` runs exactly once, on any thread, possibly before Sync returns.
  virtual std::unique_ptr<SyncCall> Sync(const SyncRequest& request,
                                         std::function<void(absl::StatusOr<SyncAnswer>)> done) = 0;
  // Blocks. CANCELLED when `stop` was requested.
  virtual absl::StatusOr<ReportAnswer> Report(const AttemptReport& report,
                                              std::stop_token stop) = 0;
  // `wake` runs on any thread whenever durable(), ready() or status() may have changed, until the
  // stream is destroyed.
  virtual std::unique_ptr<LogStream> OpenLog(const AttemptKey& key, LogKind kind, uint64_t epoch,
                                             std::function<void()> wake) = 0;
  // Blocks; hands the object's bytes from `offset` on to `sink` in order. An error of `sink` ends
  // it.
  using Sink = std::function<absl::Status(absl::string_view)>;
  virtual absl::Status GetObject(const std::string& sha256, uint64_t offset, const Sink& sink,
                                 std::stop_token stop) = 0;
  // Blocks; the file at `path` becomes the object. Goes on where the coordinator's copy of it ends.
  virtual absl::Status PutObject(const std::string& sha256, const std::string& path,
                                 std::stop_token stop) = 0;
  // Blocks. CANCELLED when `stop` was requested.
  virtual absl::StatusOr<CheckpointAnswer> SaveCheckpoint(const CheckpointSave& save,
                                                          std::stop_token stop) = 0;
  // Blocks. CANCELLED when `stop` was requested.
  virtual absl::Status SavePush(const PushSave& save, std::stop_token stop) = 0;
  // Blocks. A serialised handoff.v1.Handoff, as it stands now.
  virtual absl::StatusOr<std::string> GetHandoff(const std::string& id, std::stop_token stop) = 0;
  // Blocks. False: nobody waits for it any more.
  virtual absl::StatusOr<bool> SaveSummary(const SummarySave& save, std::stop_token stop) = 0;
  // Blocks; as GetObject does with what the coordinator holds of an attempt's log now, from its
  // begin.
  virtual absl::Status ReadLog(const AttemptKey& key, LogKind kind, const Sink& sink,
                               std::stop_token stop) = 0;
};

}  // namespace handoff::worker
