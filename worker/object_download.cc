#include "worker/object_download.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/regular_file.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(200), absl::Seconds(5)};
constexpr uint64_t kMostBytes = uint64_t{4} << 30;  // no coordinator takes a larger object

}  // namespace

std::string ObjectPath(const Surroundings& around, const std::string& sha256,
                       const std::string& handoff_id) {
  return around.data.object(absl::StrCat(sha256, ".", handoff_id));
}

absl::Status ObjectDownload::Run() {
  // It becomes a path.
  if (!IsSha256Hex(sha256_)) {
    return absl::InvalidArgumentError("the object's name is no SHA-256 in lower-case hex");
  }
  const std::string path = ObjectPath(around_, sha256_, board_.Status().key.handoff_id);
  const std::string part = absl::StrCat(path, ".part");
  absl::Status status = Persist(path, part);
  if (!status.ok() && !control_.leaving()) RemoveTree(part).IgnoreError();
  return status;
}

absl::Status ObjectDownload::Persist(const std::string& path, const std::string& part) {
  for (int failures = 0;;) {
    absl::Status status = Try(path, part);
    const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!away || control_.interrupt().raised()) return status;
    ++failures;
    control_.Wait(around_.clock, around_.clock.Boot() + kBackoff.Delay(failures, 0.5));
  }
}

// A host that lost its power may have kept the name and not the content.
absl::StatusOr<bool> ObjectDownload::IsThere(const std::string& path) const {
  const auto fd = OpenRegular(path);
  if (absl::IsNotFound(fd.status())) return false;
  if (fd.ok()) {
    ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
    ASSIGN_OR_RETURN(const std::string sum, HashOf(fd->get(), size));
    if (sum == sha256_) return true;
  }
  RETURN_IF_ERROR(RemoveTree(path));
  return false;
}

absl::Status ObjectDownload::Try(const std::string& path, const std::string& part) {
  ASSIGN_OR_RETURN(const bool there, IsThere(path));
  if (there) return absl::OkStatus();
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(part, O_RDWR | O_CREAT));
  ASSIGN_OR_RETURN(uint64_t offset, FileSize(part));
  const uint64_t most = bytes_ > 0 ? std::min(bytes_, kMostBytes) : kMostBytes;
  const auto sink = [&](absl::string_view data) -> absl::Status {
    if (offset > most || data.size() > most - offset) {
      return absl::DataLossError(absl::StrCat("more than its ", most, " bytes arrived"));
    }
    RETURN_IF_ERROR(PWriteAll(fd.get(), data, offset));
    offset += data.size();
    Show(offset);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(around_.client.GetObject(sha256_, offset, sink, control_.interrupt().token()));
  ASSIGN_OR_RETURN(const std::string sum, HashOf(fd.get(), offset));
  if (sum != sha256_) return absl::DataLossError("it arrived damaged");
  RETURN_IF_ERROR(SyncData(fd.get()));
  if (std::rename(part.c_str(), path.c_str()) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("renaming to ", path));
  }
  return absl::OkStatus();
}

void ObjectDownload::Show(uint64_t offset) {
  const uint64_t total = std::max<uint64_t>(bytes_, 1);
  const uint64_t percent = std::min<uint64_t>(100, offset * 100 / total);
  if (percent == shown_) return;
  shown_ = percent;
  board_.SetStage(Stage::kPreparing, absl::StrCat("preparing (downloading ", percent, " %)"),
                  AttemptBoard::Urgency::kSoon);
}

}  // namespace handoff::worker
