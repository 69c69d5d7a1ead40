#include "worker/journal.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff::worker {
namespace {

constexpr size_t kHeader = 12;
constexpr uint64_t kRewriteAbove = 4 << 20;

void AppendU32(std::string& out, uint32_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
uint32_t ReadU32(absl::string_view data) {
  uint32_t value;
  std::memcpy(&value, data.data(), sizeof(value));
  return value;
}

std::string Sum(absl::string_view payload) {
  return FromHex(absl::string_view(Sha256Hex(payload)).substr(0, 16)).value();
}

void AppendFrame(std::string& out, char kind, absl::string_view key, absl::string_view value) {
  std::string payload(1, kind);
  AppendU32(payload, static_cast<uint32_t>(key.size()));
  absl::StrAppend(&payload, key, value);
  AppendU32(out, static_cast<uint32_t>(payload.size()));
  absl::StrAppend(&out, Sum(payload), payload);
}

// Applies the frame at the begin of `data`; its size, or 0 when there is no whole, sound frame.
size_t ApplyFrame(absl::string_view data, std::map<std::string, std::string>& entries) {
  if (data.size() < kHeader) return 0;
  const size_t length = ReadU32(data);
  if (length < 5 || data.size() - kHeader < length) return 0;
  absl::string_view payload = data.substr(kHeader, length);
  if (Sum(payload) != data.substr(4, 8)) return 0;
  const char kind = payload[0];
  const size_t key_size = ReadU32(payload.substr(1));
  payload.remove_prefix(5);
  if (key_size > payload.size()) return 0;
  std::string key(payload.substr(0, key_size));
  if (kind == 'P') {
    entries[std::move(key)] = std::string(payload.substr(key_size));
  } else {
    entries.erase(key);
  }
  return kHeader + length;
}

std::string Frames(const std::map<std::string, std::string>& entries) {
  std::string bytes;
  for (const auto& [key, value] : entries) AppendFrame(bytes, 'P', key, value);
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& path) {
  std::map<std::string, std::string> entries;
  uint64_t sound = 0;  // bytes of whole records
  if (PathExists(path)) {
    ASSIGN_OR_RETURN(const std::string content, ReadFile(path, uint64_t{1} << 32));
    absl::string_view rest = content;
    while (const size_t used = ApplyFrame(rest, entries)) rest.remove_prefix(used);
    sound = content.size() - rest.size();
    // After a kill in the middle of a put nothing is missing; after a fault of the disk ends may
    // be.
    if (!rest.empty()) {
      const absl::Status kept = WriteFileDurably(path + ".damaged", rest);
      SPDLOG_WARN(
          "{}: the last {} bytes, from {} on, are no whole record; ends in them are found again "
          "only "
          "where the attempt's directory tells them. They are kept in {}.damaged{}",
          path, rest.size(), content.size() - rest.size(), path,
          kept.ok() ? "" : absl::StrCat(" (not even that: ", kept.message(), ")"));
    }
  }
  // Whatever tail was torn, and whatever was dead, goes with the old file.
  const std::string bytes = Frames(entries);
  const absl::Status rewritten = WriteFileDurably(path, bytes);
  // On a full disk the old file goes on without that tail: agents that run must be adopted.
  const bool goes_on = absl::IsResourceExhausted(rewritten) && PathExists(path);
  if (!goes_on) RETURN_IF_ERROR(rewritten);
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY | O_APPEND));
  if (goes_on && ::ftruncate(fd.get(), static_cast<off_t>(sound)) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("cutting ", path));
  }
  return std::unique_ptr<Journal>(
      new Journal(path, std::move(fd), std::move(entries), goes_on ? sound : bytes.size()));
}

Journal::Journal(std::string path, UniqueFd fd, std::map<std::string, std::string> entries,
                 uint64_t size)
    : path_(std::move(path)),
      fd_(std::move(fd)),
      size_(size),
      entries_(std::move(entries)),
      next_(std::make_shared<Batch>()) {}

absl::Status Journal::Put(const std::string& key, const std::string& value) {
  MutexLock lock(mutex_);
  const std::shared_ptr<Batch> batch = next_;
  AppendFrame(batch->bytes, 'P', key, value);
  entries_[key] = value;
  while (!batch->done) {
    if (writing_) {
      written_.Wait(mutex_);
    } else {
      WriteBatch();
    }
  }
  return batch->result;
}

void Journal::Remove(const std::string& key) {
  MutexLock lock(mutex_);
  if (entries_.erase(key) != 0) AppendFrame(next_->bytes, 'R', key, "");
}

std::map<std::string, std::string> Journal::Entries() const {
  MutexLock lock(mutex_);
  return entries_;
}

void Journal::WriteBatch() {
  const std::shared_ptr<Batch> batch = std::exchange(next_, std::make_shared<Batch>());
  absl::Status result = broken_;
  if (result.ok()) {
    uint64_t live = 0;
    for (const auto& [key, value] : entries_) live += kHeader + 5 + key.size() + value.size();
    const bool rewrite = size_ > kRewriteAbove && live < size_ / 4;
    const std::string all = rewrite ? Frames(entries_) : "";
    writing_ = true;
    mutex_.Unlock();
    result = rewrite ? Rewrite(all) : Append(batch->bytes);
    if (rewrite && absl::IsResourceExhausted(result)) result = Append(batch->bytes);
    mutex_.Lock();
    writing_ = false;
    if (absl::IsDataLoss(result)) broken_ = result;
  }
  batch->done = true;
  batch->result = std::move(result);
  written_.NotifyAll();
}

absl::Status Journal::Append(const std::string& bytes) {
  if (absl::Status status = WriteAll(fd_.get(), bytes); !status.ok()) {
    // Half a frame in the middle would hide all that follow.
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
      return absl::DataLossError(absl::StrCat(
          "the journal ", path_, " is damaged: ", ErrnoToStatus(errno, "ftruncate").message()));
    }
    return Annotate(status, absl::StrCat("writing ", path_));
  }
  if (absl::Status status = SyncData(fd_.get()); !status.ok()) {
    return absl::DataLossError(absl::StrCat("syncing ", path_, ": ", status.message()));
  }
  size_ += bytes.size();
  return absl::OkStatus();
}

absl::Status Journal::Rewrite(const std::string& bytes) {
  if (absl::Status status = WriteFileDurably(path_, bytes); !status.ok()) {
    if (absl::IsResourceExhausted(status)) return status;  // the old file still stands
    return absl::DataLossError(absl::StrCat("rewriting the journal: ", status.message()));
  }
  auto fd = OpenFile(path_, O_WRONLY | O_APPEND);
  if (!fd.ok()) return absl::DataLossError(fd.status().message());
  fd_ = *std::move(fd);
  size_ = bytes.size();
  return absl::OkStatus();
}

}  // namespace handoff::worker
