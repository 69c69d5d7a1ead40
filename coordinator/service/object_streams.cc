#include "coordinator/service/object_streams.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr size_t kChunkBytes = 256 << 10;

absl::Status ValidateHash(const std::string& sha256) {
  if (IsSha256Hex(sha256)) return absl::OkStatus();
  return absl::InvalidArgumentError("sha256 must be 64 lower-case hex digits");
}

}  // namespace

ObjectDownload::ObjectDownload(const v1::GetObjectRequest& request, const ObjectStore& objects)
    : sha256_(request.sha256()), offset_(request.offset()), objects_(objects) {}

ObjectDownload::Next ObjectDownload::Pull(v1::GetObjectResponse& message, absl::Status& status) {
  status = ValidateHash(sha256_);
  if (!status.ok()) return Next::kEnd;
  const auto size = objects_.Size(sha256_);
  if (!size.ok()) {
    status = size.status();
    return Next::kEnd;
  }
  if (offset_ >= *size) {
    if (offset_ > *size) status = absl::OutOfRangeError("offset is behind the end of the object");
    return Next::kEnd;
  }
  auto data = objects_.Read(sha256_, offset_, kChunkBytes);
  if (!data.ok()) {
    status = data.status();
    return Next::kEnd;
  }
  message.set_size(*size);
  message.set_offset(offset_);
  offset_ += data->size();
  message.set_data(*std::move(data));
  return Next::kMessage;
}

void ObjectUpload::OnReadDone(bool ok) {
  read_ = ok ? Signal::kOk : Signal::kGone;
  Wake();
}

void ObjectUpload::OnWriteDone(bool ok) {
  write_ = ok ? Signal::kOk : Signal::kGone;
  Wake();
}

void ObjectUpload::OnCancel() {
  cancelled_ = true;
  Wake();
}

void ObjectUpload::Step() {
  if (ended_) return;
  const Signal write = write_.exchange(Signal::kNone);
  if (write != Signal::kNone) writing_ = false;
  if (writing_) return;
  if (cancelled_ || write == Signal::kGone) return End(absl::CancelledError("the caller has gone"));
  if (complete_) return End(absl::OkStatus());
  if (cut()) return End(WasRevoked());
  const Signal read = read_.exchange(Signal::kNone);
  if (read == Signal::kGone) {
    return End(absl::AbortedError(absl::StrCat(
        "the upload stopped before its end; what arrived is kept, so put it again to continue")));
  }
  if (read == Signal::kOk) {
    reading_ = false;
    if (const absl::Status taken = TakeMessage(); !taken.ok()) return End(taken);
    if (writing_) return;
  }
  if (reading_) return;
  reading_ = true;
  StartRead(&request_);
}

absl::Status ObjectUpload::TakeMessage() {
  if (!opened_) {
    if (!request_.data().empty()) {
      return absl::InvalidArgumentError(
          "the first message only names the object: its bytes follow the first answer, which says "
          "from where");
    }
    return Open();
  }
  if (request_.offset() > size_ || request_.data().size() > size_ - request_.offset()) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than the ", size_, " bytes that the first message named"));
  }
  RETURN_IF_ERROR(upload_->Write(request_.offset(), request_.data()));
  if (upload_->offset() < size_) return absl::OkStatus();
  RETURN_IF_ERROR(upload_->Finish());
  Answer(size_, true);
  return absl::OkStatus();
}

absl::Status ObjectUpload::Open() {
  RETURN_IF_ERROR(ValidateHash(request_.sha256()));
  size_ = request_.size();
  if (size_ == 0) return absl::InvalidArgumentError("size is missing in the first message");
  if (size_ > ObjectStore::kMaxBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the object has ", HumanBytes(size_), ": at most 4 GiB are taken"));
  }
  opened_ = true;
  ASSIGN_OR_RETURN(upload_, objects_.Begin(request_.sha256(), size_));
  if (upload_ == nullptr) {
    Answer(size_, true);
  } else if (upload_->offset() == size_) {
    RETURN_IF_ERROR(upload_->Finish());
    Answer(size_, true);
  } else {
    Answer(upload_->offset(), false);
  }
  return absl::OkStatus();
}

void ObjectUpload::Answer(uint64_t offset, bool complete) {
  complete_ = complete;
  writing_ = true;
  response_.set_offset(offset);
  response_.set_complete(complete);
  StartWrite(&response_);
}

void ObjectUpload::End(const absl::Status& status) {
  ended_ = true;
  upload_.reset();  // another stream may go on with it at once
  Finish(ToGrpc(status));
}

}  // namespace handoff
