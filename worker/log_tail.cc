#include "worker/log_tail.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/regular_file.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

constexpr size_t kBlock = 1 << 20;
constexpr size_t kIndexBlock = 4096 * sizeof(IndexRecord);
constexpr uint32_t kStdout = 1;

absl::StatusOr<size_t> PRead(int fd, char* out, size_t size, uint64_t offset) {
  while (true) {
    const ssize_t n = ::pread(fd, out, size, static_cast<off_t>(offset));
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return ErrnoToStatus(errno, "reading the log");
  }
}

}  // namespace

LogTail::LogTail(std::string attempt_dir) : directory_(std::move(attempt_dir)) {}

absl::Status LogTail::Open() {
  if (!index_.valid()) {
    ASSIGN_OR_RETURN(index_, OpenRegular(directory_ + "/idx"));
  }
  if (!log_.valid()) {
    ASSIGN_OR_RETURN(log_, OpenRegular(directory_ + "/log"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> LogTail::NextRecord() {
  if (index_used_ + sizeof(IndexRecord) > index_block_.size()) {
    index_block_.resize(kIndexBlock);
    auto n = PRead(index_.get(), index_block_.data(), kIndexBlock, index_offset_);
    // Half a record is one that is just being written.
    index_block_.resize(n.ok() ? *n - *n % sizeof(IndexRecord) : 0);
    RETURN_IF_ERROR(n.status());
    index_used_ = 0;
    index_offset_ += index_block_.size();
    if (index_block_.empty()) return false;
  }
  std::memcpy(&record_, index_block_.data() + index_used_, sizeof(record_));
  index_used_ += sizeof(record_);
  record_done_ = 0;
  return true;
}

absl::StatusOr<bool> LogTail::Read(const OnLine& on_line, uint64_t budget) {
  if (absl::Status opened = Open(); !opened.ok()) {
    if (absl::IsNotFound(opened)) return false;
    return opened;
  }
  while (true) {
    if (record_done_ >= record_.length || record_.stream != kStdout) {
      ASSIGN_OR_RETURN(const bool found, NextRecord());
      if (!found) {
        record_.length = 0;
        return false;
      }
      continue;
    }
    if (budget == 0) return true;
    const size_t want =
        static_cast<size_t>(std::min<uint64_t>({kBlock, record_.length - record_done_, budget}));
    block_.resize(std::max(block_.size(), want));
    ASSIGN_OR_RETURN(const size_t got,
                     PRead(log_.get(), block_.data(), want, record_.offset + record_done_));
    if (got == 0) return false;  // the index is ahead of the log; it will catch up
    at_ = {record_.boottime_ns};
    Take(absl::string_view(block_.data(), got), on_line);
    record_done_ += got;
    budget -= got;
  }
}

void LogTail::Take(absl::string_view data, const OnLine& on_line) {
  while (!data.empty()) {
    const void* newline = std::memchr(data.data(), '\n', data.size());
    if (newline == nullptr) {
      TakePiece(data);
      return;
    }
    const size_t length = static_cast<size_t>(static_cast<const char*>(newline) - data.data());
    if (line_.empty() && !cut_) {
      on_line(data.substr(0, length), at_);
    } else {
      TakePiece(data.substr(0, length));
      on_line(line_, at_);
      // A line of megabytes is rare: its memory is given back.
      if (line_.capacity() > kBlock) line_ = std::string();
      line_.clear();
      cut_ = false;
    }
    data.remove_prefix(length + 1);
  }
}

void LogTail::TakePiece(absl::string_view piece) {
  const size_t room = kMaxLineBytes - line_.size();
  cut_ = cut_ || piece.size() > room;
  absl::StrAppend(&line_, piece.substr(0, room));
}

void LogTail::Finish(const OnLine& on_line) {
  if (!line_.empty()) on_line(line_, at_);
  line_ = std::string();
  cut_ = false;
}

}  // namespace handoff::worker
