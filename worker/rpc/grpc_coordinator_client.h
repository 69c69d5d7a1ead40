// The coordinator over gRPC. Which connection a call goes by is the route's business, and
// reconnecting is the channel's.
#pragma once

#include <memory>
#include <string>

#include "worker/identity.h"
#include "worker/rpc/coordinator_client.h"
#include "worker/rpc/coordinator_route.h"

namespace handoff::worker {

class GrpcCoordinatorClient final : public CoordinatorClient {
 public:
  GrpcCoordinatorClient(std::shared_ptr<CoordinatorRoute> route, Identity worker);
  // In plaintext, to a fake.
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
  const std::shared_ptr<CoordinatorRoute> route_;
};

}  // namespace handoff::worker
