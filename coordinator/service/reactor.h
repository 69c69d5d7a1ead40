// The bases of every stream of ours: one place for the life and the order of gRPC's reactions.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/rpc/status.h"
#include "coordinator/service/open_calls.h"

namespace handoff {

// Somebody that may be told from any thread that something changed.
class Wakeable {
 public:
  virtual ~Wakeable() = default;
  virtual void Wake() = 0;
};

// Runs Step one at a time, on whatever thread woke it, and once more for every Wake that came
// meanwhile. gRPC's operations are started in Step only, so that none can follow Finish.
//
// Owns itself from Begin until OnDone, because gRPC does; whoever wakes it holds a weak_ptr.
class SerialReactor : public Wakeable,
                      public Cuttable,
                      public std::enable_shared_from_this<SerialReactor> {
 public:
  void Begin() {
    self_ = shared_from_this();
    Wake();
  }
  // Before Begin: the call ends when this certificate is revoked.
  void EndWith(const std::string& serial, OpenCalls& calls) {
    entry_ = calls.Enter(serial, weak_from_this());
    if (!calls.IsGood(serial)) cut_ = true;
  }
  void Cut() final {
    cut_ = true;
    Wake();
  }
  void Wake() final {
    if (wakes_.fetch_add(1, std::memory_order_acq_rel) != 0) return;
    const auto alive = shared_from_this();  // Finish in Step may end gRPC's share at once
    int seen = 1;
    do {
      Step();
      seen = wakes_.fetch_sub(seen, std::memory_order_acq_rel) - seen;
    } while (seen != 0);
  }

 protected:
  virtual void Step() = 0;
  bool cut() const { return cut_; }
  void Release() { const auto last = std::move(self_); }

 private:
  std::atomic<int> wakes_ = 0;
  std::shared_ptr<SerialReactor> self_;
  std::atomic<bool> cut_ = false;
  OpenCalls::Entry entry_;
};

// A stream that only says why there is none.
template <typename Stream>
class RefusedStream final : public SerialReactor, public Stream {
 public:
  explicit RefusedStream(absl::Status status) : status_(std::move(status)) {}

 private:
  void Step() override {
    if (!ended_) this->Finish(ToGrpc(status_));
    ended_ = true;
  }
  void OnDone() override { Release(); }

  const absl::Status status_;
  bool ended_ = false;
};
template <typename Stream>
Stream* RefuseStream(const absl::Status& status) {
  const auto stream = std::make_shared<RefusedStream<Stream>>(status);
  stream->Begin();
  return stream.get();
}

// A server's stream that is pulled: the next message is made when the last one was taken, so a
// reader that does not read costs one message. Followers wait in between until they are woken.
template <typename Message>
class PulledStream : public SerialReactor, public grpc::ServerWriteReactor<Message> {
 protected:
  enum class Next { kMessage, kWait, kEnd };
  // Called in order. kMessage: `message` is to be sent. kEnd: the stream ends with `status`.
  virtual Next Pull(Message& message, absl::Status& status) = 0;

 private:
  void Step() final {
    if (ended_ || writing_) return;
    absl::Status status;
    Next next = Next::kEnd;
    if (cancelled_) {
      status = absl::CancelledError("the caller has gone");
    } else if (cut()) {
      status = WasRevoked();
    } else {
      message_.Clear();
      next = Pull(message_, status);
    }
    if (next == Next::kMessage) {
      writing_ = true;
      this->StartWrite(&message_);
    } else if (next == Next::kEnd) {
      ended_ = true;
      this->Finish(ToGrpc(status));
    }
  }
  void OnWriteDone(bool ok) final {
    if (!ok) cancelled_ = true;
    writing_ = false;
    Wake();
  }
  void OnCancel() final {
    cancelled_ = true;
    Wake();
  }
  void OnDone() final { Release(); }

  Message message_;
  bool ended_ = false;
  std::atomic<bool> writing_ = false;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace handoff
