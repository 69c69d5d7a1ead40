// One AppendLog stream: bytes of one attempt into the log store, acknowledged when durable.
#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "common/mutex.h"
#include "coordinator/service/parts.h"
#include "coordinator/service/reactor.h"
#include "handoff/v1/pool.pb.h"

namespace handoff {

// Owned by itself (reactor.h); what it refers to outlives the server. At most kCreditBytes are
// appended and not yet durable: beyond that nothing is read, and the worker waits.
class LogAppender final
    : public SerialReactor,
      public grpc::ServerBidiReactor<v1::AppendLogRequest, v1::AppendLogResponse> {
 public:
  static constexpr uint64_t kCreditBytes = 4 << 20;

  // `caller_uuid`: the worker whose certificate the call came with.
  LogAppender(const ServiceParts& parts, std::string caller_uuid);
  ~LogAppender() override;

  void Subscribe();  // before Begin

 private:
  // What gRPC's and the log store's threads say to Step.
  struct Signals {
    bool read_done = false;
    bool read_ok = false;
    bool write_done = false;
    bool cancelled = false;
    absl::Status error;      // of an append
    uint64_t durable = 0;    // bytes of the log
    uint64_t in_flight = 0;  // bytes appended and not yet durable
  };
  void Step() override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { Release(); }

  Signals TakeSignals();
  absl::Status TakeMessage();
  // The first message says which attempt. Only the worker that was given it may append, with the
  // epoch that it was given and from the daemon that counts; that the attempt was lost since does
  // not matter.
  absl::Status Open();
  absl::Status CheckSender() const;
  void Append();
  void End(const absl::Status& status);

  const std::string caller_uuid_;
  Engine& engine_;
  Reader& reader_;
  LogStore& logs_;
  Followers& followers_;
  uint64_t token_ = 0;

  // Of Step.
  v1::AppendLogRequest request_;
  v1::AppendLogResponse response_;
  LogKey key_;  // without an id: the first message has not come
  std::string worker_uuid_;
  core::DaemonStart sender_;
  bool reading_ = false;
  bool writing_ = false;
  bool no_more_ = false;  // the worker said that it is done
  bool ended_ = false;
  bool acked_ = false;
  uint64_t acked_offset_ = 0;

  Mutex mutex_;
  Signals signals_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
