#include "worker/log_upload.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/regular_file.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

constexpr BootTime kNever{std::numeric_limits<int64_t>::max()};
constexpr uint64_t kChunk = 256 << 10;
constexpr uint64_t kCredit = 4 << 20;
// What one call may hash of bytes that the coordinator has already: the clocks must not wait.
constexpr uint64_t kHashBudget = 16 << 20;
constexpr Backoff kBackoff{absl::Milliseconds(100), absl::Seconds(5)};

}  // namespace

LogUpload::LogUpload(CoordinatorClient& client, AttemptKey key, LogKind kind, uint64_t epoch,
                     std::string path, bool fresh, std::function<void()> wake)
    : client_(client),
      key_(std::move(key)),
      kind_(kind),
      epoch_(epoch),
      path_(std::move(path)),
      wake_(std::move(wake)),
      positioned_(fresh),
      retry_at_(kNever) {}

void LogUpload::Grown(uint64_t bytes) { size_ = std::max(size_, bytes); }

// A stream that broke with nothing left to send is opened again only once there is more.
BootTime LogUpload::next() const { return acked_ < size_ ? retry_at_ : kNever; }

void LogUpload::EndHere() {
  cut_ = true;
  size_ = std::min(size_, std::max(sent_, acked_));
}

absl::Status LogUpload::Pump(BootTime now) {
  if (size_ == 0) return absl::OkStatus();
  if (!file_.valid()) {
    ASSIGN_OR_RETURN(file_, OpenRegular(path_));
  }
  if (stream_ && !stream_->status().ok()) Disconnect(now, stream_->status());
  if (!stream_ && (retry_at_ == kNever || now >= retry_at_) && acked_ < size_) {
    retry_at_ = kNever;
    stream_ = client_.OpenLog(key_, kind_, epoch_, wake_);
  }
  if (!stream_) return Hash(size_, kHashBudget);
  if (const auto durable = stream_->durable()) {
    if (*durable > acked_) failures_ = 0;
    acked_ = std::max(acked_, *durable);
    // What it holds already (sent by an earlier daemon, or before the stream broke) is skipped.
    if (!positioned_) sent_ = *durable;
    positioned_ = true;
    sent_ = std::max(sent_, acked_);
  }
  if (positioned_) RETURN_IF_ERROR(SendChunks());
  return Hash(std::min(sent_, size_), kHashBudget);
}

absl::Status LogUpload::SendChunks() {
  while (sent_ < size_ && stream_->ready() && sent_ - std::min(acked_, sent_) < kCredit) {
    ASSIGN_OR_RETURN(std::string chunk, ReadChunk(sent_, std::min(kChunk, size_ - sent_)));
    if (hashed_ == sent_) {
      hash_.Update(chunk);
      hashed_ += chunk.size();
    }
    const uint64_t offset = sent_;
    sent_ += chunk.size();
    stream_->Write(offset, std::move(chunk));
  }
  return absl::OkStatus();
}

absl::Status LogUpload::Hash(uint64_t to, uint64_t budget) {
  if (cut_) return absl::OkStatus();  // nothing that is cut is vouched for
  while (hashed_ < to && budget > 0) {
    ASSIGN_OR_RETURN(const std::string chunk, ReadChunk(hashed_, std::min(kChunk, to - hashed_)));
    hash_.Update(chunk);
    hashed_ += chunk.size();
    budget -= std::min<uint64_t>(budget, chunk.size());
  }
  if (hashed_ < to) wake_();
  return absl::OkStatus();
}

absl::Status LogUpload::HashAll() {
  if (hashed_ == size_) return absl::OkStatus();
  if (!file_.valid()) {
    ASSIGN_OR_RETURN(file_, OpenRegular(path_));
  }
  return Hash(size_, std::numeric_limits<uint64_t>::max());
}

absl::StatusOr<std::string> LogUpload::ReadChunk(uint64_t offset, uint64_t most) {
  std::string chunk(most, '\0');
  ssize_t n;
  do {
    n = ::pread(file_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset));
  } while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", path_));
  if (n == 0) return absl::OutOfRangeError(absl::StrCat(path_, " is shorter than it was"));
  chunk.resize(static_cast<size_t>(n));
  return chunk;
}

void LogUpload::Disconnect(BootTime now, const absl::Status& why) {
  stream_.reset();
  positioned_ = false;
  ++failures_;
  // Spread by attempt, so that all slots do not come back at once.
  const double spread = static_cast<double>(std::hash<std::string>()(key_.handoff_id) % 100) / 100;
  retry_at_ = now + kBackoff.Delay(failures_, spread);
  spdlog::debug("{}: the log stream broke: {}", key_.ToString(), std::string(why.message()));
}

void LogUpload::Rewind(uint64_t offset) {
  if (offset >= size_) return;
  stream_.reset();
  positioned_ = false;
  acked_ = std::min(acked_, offset);
  failures_ = 0;
  retry_at_ = kNever;
}

}  // namespace handoff::worker
