#include "worker/shim/log_file.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

// Any error counts as "not now": full and over quota pass, and for the others there is nothing
// better to do with bytes that exist nowhere else.
size_t WriteSome(int fd, absl::string_view first, absl::string_view second) {
  size_t done = 0;
  while (!first.empty() || !second.empty()) {
    iovec parts[] = {{const_cast<char*>(first.data()), first.size()},
                     {const_cast<char*>(second.data()), second.size()}};
    const ssize_t n = first.empty() ? ::write(fd, second.data(), second.size())
                                    : ::writev(fd, parts, second.empty() ? 1 : 2);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const size_t from_first = std::min(static_cast<size_t>(n), first.size());
    first.remove_prefix(from_first);
    second.remove_prefix(static_cast<size_t>(n) - from_first);
    done += static_cast<size_t>(n);
  }
  return done;
}

}  // namespace

void GrowingFile::Append(absl::string_view first, absl::string_view second) {
  CHECK(owed_.empty());
  const size_t done = WriteSome(fd_.get(), first, second);
  written_ += done;
  if (done == first.size() + second.size()) return;
  owed_ = absl::StrCat(first.substr(std::min(done, first.size())),
                       second.substr(done - std::min(done, first.size())));
}

void GrowingFile::Retry() {
  const size_t done = WriteSome(fd_.get(), owed_, "");
  written_ += done;
  owed_.erase(0, done);
  if (owed_.empty()) std::string().swap(owed_);
}

absl::StatusOr<LogFile> LogFile::Create(const std::string& attempt_dir) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW;
  ASSIGN_OR_RETURN(UniqueFd log, OpenFile(absl::StrCat(attempt_dir, "/log"), flags));
  ASSIGN_OR_RETURN(UniqueFd index, OpenFile(absl::StrCat(attempt_dir, "/idx"), flags));
  return LogFile(GrowingFile(std::move(log)), GrowingFile(std::move(index)));
}

void LogFile::Append(int stream, const LogMerger::Piece& piece, BootTime now) {
  CHECK(!Stuck());
  if (piece.size() == 0) return;
  record_ = {log_.written(), static_cast<uint32_t>(piece.size()), static_cast<uint32_t>(stream),
             now.ns};
  if (stream == 2) {
    absl::StrAppend(&tail_, piece.held);
    // Of a big piece only its end can matter; the tail is cut when it has doubled.
    absl::StrAppend(
        &tail_, piece.fresh.substr(piece.fresh.size() - std::min(piece.fresh.size(), kTailBytes)));
    if (tail_.size() > 2 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  }
  log_.Append(piece.held, piece.fresh);
  if (log_.Owed() == 0) AppendRecord();
}

void LogFile::AppendRecord() {
  index_.Append({reinterpret_cast<const char*>(&record_), sizeof(record_)}, "");
  if (index_.Owed() == 0) indexed_ = log_.written();
}

void LogFile::Retry() {
  if (index_.Owed() > 0) {
    index_.Retry();
    if (index_.Owed() == 0) indexed_ = log_.written();
  } else if (log_.Owed() > 0) {
    log_.Retry();
    if (log_.Owed() == 0) AppendRecord();
  }
}

absl::string_view LogFile::StderrTail() const {
  const absl::string_view tail = tail_;
  return tail.substr(tail.size() - std::min(tail.size(), kTailBytes));
}

}  // namespace handoff
