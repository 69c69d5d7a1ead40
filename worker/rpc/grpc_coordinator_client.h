// The coordinator over gRPC: one channel for calls, one for logs, so that a busy log does not hold
// up a Sync. Reconnecting is the channel's business.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/objects.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "worker/identity.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff::worker {

class GrpcCoordinatorClient final : public CoordinatorClient {
 public:
  GrpcCoordinatorClient(const std::string& address, Identity worker);

  std::unique_ptr<SyncCall> Sync(const SyncRequest& request,
                                 std::function<void(absl::StatusOr<SyncAnswer>)> done) override;
  absl::StatusOr<ReportAnswer> Report(const AttemptReport& report, std::stop_token stop) override;
  std::unique_ptr<LogStream> OpenLog(const AttemptKey& key, LogKind kind, uint64_t epoch,
                                     std::function<void()> wake) override;
  absl::Status GetObject(const std::string& sha256, uint64_t offset, const Sink& sink,
                         std::stop_token stop) override;
  absl::Status PutObject(const std::string& sha256, const std::string& path,
                         std::stop_token stop) override;
  absl::StatusOr<CheckpointAnswer> SaveCheckpoint(const CheckpointSave& save,
                                                  std::stop_token stop) override;
  absl::Status SavePush(const PushSave& save, std::stop_token stop) override;
  absl::StatusOr<std::string> GetHandoff(const std::string& id, std::stop_token stop) override;
  absl::StatusOr<bool> SaveSummary(const SummarySave& save, std::stop_token stop) override;
  absl::Status ReadLog(const AttemptKey& key, LogKind kind, const Sink& sink,
                       std::stop_token stop) override;

 private:
  const Identity worker_;
  const std::shared_ptr<grpc::Channel> calls_;
  const std::shared_ptr<grpc::Channel> logs_;
  const std::unique_ptr<v1::Pool::Stub> pool_;
  const std::unique_ptr<v1::Objects::Stub> objects_;
  const std::unique_ptr<v1::Control::Stub> control_;
};

}  // namespace handoff::worker
