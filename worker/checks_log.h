// attempt-N.checks.log: the logs of an attempt's checks one after the other, each between a line
// with its command and a line with its end. Made anew by each daemon from the same records, so that
// what an earlier one sent of it is its begin. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace handoff::worker {

class ChecksLog {
 public:
  // Nothing is written before Begin.
  explicit ChecksLog(std::string path) : path_(std::move(path)) {}

  // An empty file in place of what is there.
  absl::Status Begin();
  // All of it or nothing counts: after an error it may be tried again.
  absl::Status BeginCheck(absl::string_view command, std::string log);
  // Copies what the check's log has beyond what was copied, up to its first `bytes` and at most
  // `budget` of them. True: there is more.
  absl::StatusOr<bool> Copy(uint64_t bytes, uint64_t budget);
  absl::Status EndCheck(absl::string_view how);

  uint64_t size() const { return size_; }

 private:
  absl::Status Append(absl::string_view text);

  const std::string path_;
  UniqueFd file_;
  uint64_t size_ = 0;
  bool at_line_begin_ = true;
  std::string source_path_;  // the check's log
  UniqueFd source_;
  uint64_t copied_ = 0;
};

}  // namespace handoff::worker
