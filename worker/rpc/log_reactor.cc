#include "worker/rpc/log_reactor.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <utility>

#include "common/mutex.h"
#include "common/rpc/status.h"
#include "handoff/v1/pool.grpc.pb.h"

namespace handoff::worker {
namespace {

// Chunks given to us and not yet to gRPC: enough that the next one is there when one was written.
constexpr size_t kQueued = 4;

// Kept alive by itself from Start until OnDone, since gRPC calls it until then.
class LogReactor final
    : public grpc::ClientBidiReactor<v1::AppendLogRequest, v1::AppendLogResponse> {
 public:
  LogReactor(std::unique_ptr<v1::Pool::Stub> stub, std::function<void()> wake)
      : stub_(std::move(stub)), wake_(std::move(wake)) {}

  void Start(std::shared_ptr<LogReactor> self, v1::AppendLogRequest first) {
    self_ = std::move(self);
    stub_->async()->AppendLog(&context_, this);
    // One hold for writes that come from outside of the reactions; given up with the stream.
    AddHold();
    {
      MutexLock lock(mutex_);
      queue_.push_back(std::move(first));
      WriteNext();
    }
    StartRead(&response_);
    StartCall();
  }

  void Write(v1::AppendLogRequest request) {
    MutexLock lock(mutex_);
    if (over_) return;
    queue_.push_back(std::move(request));
    WriteNext();
  }

  // The owner is gone: no wake from here on.
  void Abandon() {
    {
      MutexLock lock(wake_mutex_);
      wake_ = nullptr;
    }
    context_.TryCancel();
    End(absl::CancelledError("the stream was closed"));
  }

  std::optional<uint64_t> durable() const {
    MutexLock lock(mutex_);
    return durable_;
  }
  bool ready() const {
    MutexLock lock(mutex_);
    return !over_ && queue_.size() < kQueued;
  }
  absl::Status status() const {
    MutexLock lock(mutex_);
    return status_;
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End(absl::UnavailableError("the log stream ended"));
      return;
    }
    {
      MutexLock lock(mutex_);
      durable_ = response_.durable_offset();
    }
    StartRead(&response_);
    Wake();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      End(absl::UnavailableError("the log stream broke"));
      return;
    }
    {
      MutexLock lock(mutex_);
      queue_.pop_front();
      writing_ = false;
      WriteNext();
    }
    Wake();
  }

  void OnDone(const grpc::Status& status) override {
    {
      MutexLock lock(mutex_);
      over_ = true;
      status_ = status.ok() ? absl::UnavailableError("the coordinator closed the log stream")
                            : FromGrpc(status);
    }
    Wake();
    const std::shared_ptr<LogReactor> self = std::move(self_);
  }

 private:
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (over_ || writing_ || queue_.empty()) return;
    writing_ = true;
    StartWrite(&queue_.front());
  }

  // Nothing will be written any more, so gRPC may come to OnDone.
  void End(absl::Status why) {
    {
      MutexLock lock(mutex_);
      if (over_) return;
      over_ = true;
      status_ = std::move(why);
    }
    RemoveHold();
    Wake();
  }

  void Wake() {
    MutexLock lock(wake_mutex_);
    if (wake_) wake_();
  }

  const std::unique_ptr<v1::Pool::Stub> stub_;
  grpc::ClientContext context_;
  v1::AppendLogResponse response_;
  std::shared_ptr<LogReactor> self_;
  Mutex wake_mutex_;
  std::function<void()> wake_ ABSL_GUARDED_BY(wake_mutex_);
  mutable Mutex mutex_;
  std::deque<v1::AppendLogRequest> queue_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::optional<uint64_t> durable_ ABSL_GUARDED_BY(mutex_);
};

class GrpcLogStream final : public LogStream {
 public:
  explicit GrpcLogStream(std::shared_ptr<LogReactor> reactor) : reactor_(std::move(reactor)) {}
  ~GrpcLogStream() override { reactor_->Abandon(); }
  std::optional<uint64_t> durable() const override { return reactor_->durable(); }
  bool ready() const override { return reactor_->ready(); }
  absl::Status status() const override { return reactor_->status(); }
  void Write(uint64_t offset, std::string data) override {
    v1::AppendLogRequest request;
    request.set_offset(offset);
    request.set_data(std::move(data));
    reactor_->Write(std::move(request));
  }

 private:
  const std::shared_ptr<LogReactor> reactor_;
};

}  // namespace

std::unique_ptr<LogStream> OpenLogStream(const std::shared_ptr<grpc::Channel>& channel,
                                         const Identity& worker, const AttemptKey& key,
                                         LogKind kind, uint64_t epoch, std::function<void()> wake) {
  v1::AppendLogRequest first;
  first.set_worker_uuid(worker.uuid);
  first.set_worker_start(worker.start);
  first.set_worker_nonce(worker.nonce);
  first.set_handoff_id(key.handoff_id);
  first.set_number(key.number);
  first.set_epoch(epoch);
  first.set_checks(kind == LogKind::kChecks);
  auto reactor = std::make_shared<LogReactor>(v1::Pool::NewStub(channel), std::move(wake));
  reactor->Start(reactor, std::move(first));
  return std::make_unique<GrpcLogStream>(std::move(reactor));
}

}  // namespace handoff::worker
