// Follows the log of record of one attempt and hands out the lines of stdout. Reads big blocks and
// never holds more than one unfinished line. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "common/unique_fd.h"
#include "worker/shim/shim_files.h"

namespace handoff::worker {

// A longer line is handed out cut to this, once.
inline constexpr size_t kMaxLineBytes = 64 << 20;

class LogTail {
 public:
  // Both files may not exist yet.
  explicit LogTail(std::string attempt_dir);

  // `at` is when the shim read the line's last piece.
  using OnLine = std::function<void(absl::string_view line, BootTime at)>;
  // Hands out the lines that are there, from at most `budget` bytes of log. True: there is more.
  absl::StatusOr<bool> Read(const OnLine& on_line, uint64_t budget = 8 << 20);
  // No more will come: hands out a last line without its newline.
  void Finish(const OnLine& on_line);

 private:
  absl::Status Open();
  absl::StatusOr<bool> NextRecord();
  void Take(absl::string_view data, const OnLine& on_line);
  void TakePiece(absl::string_view piece);

  const std::string directory_;
  UniqueFd log_;
  UniqueFd index_;
  uint64_t index_offset_ = 0;
  IndexRecord record_;        // being read; length 0: none
  uint64_t record_done_ = 0;  // bytes of it that were taken
  std::string block_;         // read buffer
  std::string index_block_;   // records not yet looked at
  size_t index_used_ = 0;
  std::string line_;  // the begin of an unfinished line
  bool cut_ = false;  // the rest of a line that was too long is skipped
  BootTime at_;
};

}  // namespace handoff::worker
