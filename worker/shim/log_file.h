// The files `log`, `idx` and `stderr.tail` of an attempt (see shim_files.h). Owned by the shim;
// not thread-safe.
//
// A disk that takes no more loses nothing: what could not be written stays here, Stuck() is true,
// and Retry goes on at the very byte.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "common/unique_fd.h"
#include "worker/shim/log_merger.h"
#include "worker/shim/shim_files.h"

namespace handoff {

// A file that only grows, and the bytes it still owes.
class GrowingFile {
 public:
  explicit GrowingFile(UniqueFd fd) : fd_(std::move(fd)) {}
  // Needs Owed() == 0.
  void Append(absl::string_view first, absl::string_view second);
  void Retry();
  size_t Owed() const { return owed_.size(); }
  uint64_t written() const { return written_; }

 private:
  UniqueFd fd_;
  std::string owed_;
  uint64_t written_ = 0;
};

class LogFile {
 public:
  static constexpr size_t kTailBytes = 16 << 10;

  // Makes both files empty: before shim.pid there can be no byte worth keeping.
  static absl::StatusOr<LogFile> Create(const std::string& attempt_dir);
  LogFile(GrowingFile log, GrowingFile index) : log_(std::move(log)), index_(std::move(index)) {}

  // Needs !Stuck(). The index record follows when all bytes of the piece are in the log.
  void Append(int stream, const LogMerger::Piece& piece, BootTime now);
  bool Stuck() const { return log_.Owed() > 0 || index_.Owed() > 0; }
  void Retry();

  // Bytes of the log that the index covers.
  uint64_t size() const { return indexed_; }
  // The last kTailBytes of stderr.
  absl::string_view StderrTail() const;

 private:
  void AppendRecord();

  GrowingFile log_;
  GrowingFile index_;
  IndexRecord record_;  // of the piece that is being written
  uint64_t indexed_ = 0;
  std::string tail_;
};

}  // namespace handoff
