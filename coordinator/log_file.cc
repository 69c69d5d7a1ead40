#include "coordinator/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kHashChunk = 1 << 20;

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

absl::StatusOr<std::string> ReadAt(int fd, uint64_t offset, size_t bytes) {
  std::string data(bytes, '\0');
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = ::pread(fd, data.data() + got, bytes - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading a log");
    if (n == 0) return absl::DataLossError("a log is shorter than what was stored of it");
    got += static_cast<size_t>(n);
  }
  return data;
}

}  // namespace

absl::StatusOr<std::shared_ptr<LogFile>> LogFile::Open(const std::string& path, bool create,
                                                       SyncFunction sync) {
  if (create) RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
  absl::StatusOr<UniqueFd> fd = OpenFile(path, O_RDWR | O_NOFOLLOW);
  if (create && absl::IsNotFound(fd.status())) {
    fd = OpenFile(path, O_RDWR | O_NOFOLLOW | O_CREAT);
  }
  RETURN_IF_ERROR(fd.status());
  ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
  const absl::Status synced = size == 0 ? absl::OkStatus() : sync(fd->get());
  if (!synced.ok()) {
    return absl::DataLossError(absl::StrCat("syncing ", path, ": ", synced.message(),
                                            "; what it holds is not sure to be on the disk"));
  }
  return std::shared_ptr<LogFile>(
      new LogFile(path, std::move(sync), std::make_shared<UniqueFd>(*std::move(fd)), size));
}

LogFile::LogFile(std::string path, SyncFunction sync, std::shared_ptr<UniqueFd> fd, uint64_t size)
    : path_(std::move(path)),
      sync_(std::move(sync)),
      fd_(std::move(fd)),
      written_(size),
      durable_(size) {
  if (size == 0) hash_.emplace();
}

absl::StatusOr<uint64_t> LogFile::Append(uint64_t offset, absl::string_view data) {
  MutexLock append(append_);
  uint64_t written;
  std::shared_ptr<UniqueFd> fd;
  {
    MutexLock lock(state_);
    if (broken_) return absl::InternalError(absl::StrCat(path_, " failed and takes no more"));
    written = written_;
    fd = fd_;
  }
  if (offset > written) {
    return absl::OutOfRangeError(absl::StrCat("the log has ", written, " bytes; appending at ",
                                              offset, " would leave a gap; send from ", written));
  }
  const uint64_t end = offset + data.size();
  if (end <= written) return end;
  data.remove_prefix(written - offset);
  RETURN_IF_ERROR(Annotate(PWriteAll(fd->get(), data, written), path_));
  if (hash_.has_value()) hash_->Update(data);
  MutexLock lock(state_);
  written_ = end;
  return end;
}

absl::StatusOr<uint64_t> LogFile::Sync() {
  uint64_t target;
  std::shared_ptr<UniqueFd> fd;
  bool names_synced;
  {
    MutexLock lock(state_);
    if (durable_ == written_) return durable_;
    target = written_;
    fd = fd_;
    names_synced = names_synced_;
  }
  absl::Status status = sync_(fd->get());
  if (status.ok() && !names_synced) status = SyncNames();
  if (status.ok()) {
    MutexLock lock(state_);
    names_synced_ = true;
    return durable_ = target;
  }
  MutexLock append(append_);
  const absl::Status cut = CutBack();
  if (!cut.ok()) {
    MutexLock lock(state_);
    broken_ = true;
  }
  return Annotate(status, absl::StrCat("syncing ", path_));
}

// After a failed sync the kernel takes the lost pages for clean: only bytes that are written again
// are synced again.
absl::Status LogFile::CutBack() {
  MutexLock lock(state_);
  hash_.reset();
  if (durable_ == 0) hash_.emplace();
  written_ = durable_;
  ASSIGN_OR_RETURN(UniqueFd again, OpenFile(path_, O_RDWR | O_NOFOLLOW));
  if (::ftruncate(again.get(), static_cast<off_t>(durable_)) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("truncating ", path_));
  }
  RETURN_IF_ERROR(sync_(again.get()));
  fd_ = std::make_shared<UniqueFd>(std::move(again));
  return absl::OkStatus();
}

// Without its name on the disk a synced file is lost: the file's in its directory, and that one's.
// Done once by each process, since the one that made them may have been killed before.
absl::Status LogFile::SyncNames() {
  const std::string directory = DirectoryOf(path_);
  RETURN_IF_ERROR(SyncDirectory(directory));
  return SyncDirectory(DirectoryOf(directory));
}

std::shared_ptr<UniqueFd> LogFile::fd() const {
  MutexLock lock(state_);
  return fd_;
}

uint64_t LogFile::durable() const {
  MutexLock lock(state_);
  return durable_;
}

bool LogFile::broken() const {
  MutexLock lock(state_);
  return broken_;
}

absl::StatusOr<std::string> LogFile::Read(uint64_t offset, size_t max) const {
  const uint64_t end = durable();
  if (offset >= end) return "";
  return ReadAt(fd()->get(), offset, static_cast<size_t>(std::min<uint64_t>(max, end - offset)));
}

absl::StatusOr<std::string> LogFile::Sha256Hex() {
  {
    MutexLock append(append_);
    MutexLock lock(state_);
    if (hash_.has_value() && written_ == durable_) return hash_->Hex();
  }
  Sha256 hash;
  const uint64_t size = durable();
  for (uint64_t offset = 0; offset < size;) {
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(kHashChunk, size - offset));
    ASSIGN_OR_RETURN(const std::string data, ReadAt(fd()->get(), offset, bytes));
    hash.Update(data);
    offset += data.size();
  }
  std::string hex = hash.Hex();
  MutexLock append(append_);
  MutexLock lock(state_);
  if (!hash_.has_value() && written_ == size) hash_ = std::move(hash);
  return hex;
}

}  // namespace handoff
