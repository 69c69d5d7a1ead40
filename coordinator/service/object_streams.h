// The two streams of Objects.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "coordinator/object_store.h"
#include "coordinator/service/reactor.h"
#include "handoff/v1/objects.pb.h"

namespace handoff {

// Owned by itself (reactor.h); the store outlives the server.
class ObjectDownload final : public PulledStream<v1::GetObjectResponse> {
 public:
  ObjectDownload(const v1::GetObjectRequest& request, const ObjectStore& objects);

 private:
  Next Pull(v1::GetObjectResponse& message, absl::Status& status) override;

  const std::string sha256_;
  uint64_t offset_;
  const ObjectStore& objects_;
};

// One upload: says where to continue, takes the rest, and says that it is complete when it is
// durable and its hash was right. A message is read when the one before it was written.
class ObjectUpload final
    : public SerialReactor,
      public grpc::ServerBidiReactor<v1::PutObjectRequest, v1::PutObjectResponse> {
 public:
  explicit ObjectUpload(ObjectStore& objects) : objects_(objects) {}

 private:
  enum class Signal { kNone, kOk, kGone };
  void Step() override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { Release(); }

  absl::Status TakeMessage();
  absl::Status Open();
  void Answer(uint64_t offset, bool complete);
  void End(const absl::Status& status);

  ObjectStore& objects_;
  v1::PutObjectRequest request_;
  v1::PutObjectResponse response_;
  std::unique_ptr<ObjectStore::Upload> upload_;
  uint64_t size_ = 0;
  bool opened_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool complete_ = false;
  bool ended_ = false;
  std::atomic<Signal> read_ = Signal::kNone;
  std::atomic<Signal> write_ = Signal::kNone;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace handoff
