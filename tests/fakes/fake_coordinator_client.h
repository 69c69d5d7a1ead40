// The worker's side of a fake pool (fake_pool.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/fake_pool.h"
#include "worker/rpc/coordinator_client.h"

namespace handoff::worker {

// One worker's connection to the pool.
class FakeCoordinatorClient final : public CoordinatorClient {
 public:
  explicit FakeCoordinatorClient(FakePool& pool) : pool_(pool) {}
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
  FakePool& pool_;
};

// A handoff of the agent `command` without a repository.
v1::Handoff CommandHandoff(const std::string& id, const std::vector<std::string>& argv);

}  // namespace handoff::worker
