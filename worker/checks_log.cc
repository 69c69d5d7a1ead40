#include "worker/checks_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/regular_file.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kBlock = 256 << 10;

}  // namespace

absl::Status ChecksLog::Begin() {
  RETURN_IF_ERROR(RemoveTree(path_));  // whatever the agent put there
  ASSIGN_OR_RETURN(file_, OpenFile(path_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  size_ = 0;
  at_line_begin_ = true;
  return absl::OkStatus();
}

absl::Status ChecksLog::BeginCheck(absl::string_view command, std::string log) {
  RETURN_IF_ERROR(Append(absl::StrCat("$ ", command, "\n")));
  source_path_ = std::move(log);
  source_.Reset();
  copied_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> ChecksLog::Copy(uint64_t bytes, uint64_t budget) {
  if (copied_ >= bytes) return false;
  if (!source_.valid()) {
    ASSIGN_OR_RETURN(source_, OpenRegular(source_path_));
  }
  std::string block;
  while (copied_ < bytes && budget > 0) {
    block.resize(std::min({kBlock, bytes - copied_, budget}));
    const ssize_t n =
        ::pread(source_.get(), block.data(), block.size(), static_cast<off_t>(copied_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", source_path_));
    if (n == 0) return absl::OutOfRangeError(absl::StrCat(source_path_, " is shorter than it was"));
    block.resize(static_cast<size_t>(n));
    RETURN_IF_ERROR(Append(block));
    copied_ += block.size();
    budget -= block.size();
  }
  return copied_ < bytes;
}

absl::Status ChecksLog::EndCheck(absl::string_view how) {
  return Append(absl::StrCat(at_line_begin_ ? "" : "\n", "[", how, "]\n"));
}

absl::Status ChecksLog::Append(absl::string_view text) {
  RETURN_IF_ERROR(Annotate(PWriteAll(file_.get(), text, size_), path_));
  size_ += text.size();
  at_line_begin_ = text.back() == '\n';
  return absl::OkStatus();
}

}  // namespace handoff::worker
