// What the calls carry, against a service that keeps what it was sent.

#include "worker/rpc/grpc_coordinator_client.h"

#include <memory>

#include "common/file.h"
#include "common/hash.h"
#include "common/mutex.h"
#include "common/rpc/server.h"
#include "gtest/gtest.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "tests/fakes/fake_coordinator.h"

namespace handoff::worker {
namespace {

class KeepingPool final : public v1::Pool::Service {
 public:
  grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest* request,
                      v1::ReportResponse* response) override {
    response->set_accepted(true);
    MutexLock lock(mutex_);
    report_ = *request;
    return grpc::Status::OK;
  }
  grpc::Status SaveCheckpoint(grpc::ServerContext*, const v1::SaveCheckpointRequest* request,
                              v1::SaveCheckpointResponse* response) override {
    response->set_current(true);
    response->add_missing("a pack");
    MutexLock lock(mutex_);
    checkpoint_ = *request;
    return grpc::Status::OK;
  }
  grpc::Status AppendLog(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::AppendLogResponse, v1::AppendLogRequest>* stream) override {
    v1::AppendLogRequest request;
    while (stream->Read(&request)) {
      MutexLock lock(mutex_);
      chunks_.push_back(request);
      changed_.NotifyAll();
    }
    return grpc::Status::OK;
  }
  v1::ReportRequest report() {
    MutexLock lock(mutex_);
    return report_;
  }
  v1::SaveCheckpointRequest checkpoint() {
    MutexLock lock(mutex_);
    return checkpoint_;
  }
  v1::AppendLogRequest Await(size_t number) {
    MutexLock lock(mutex_);
    while (chunks_.size() <= number) changed_.Wait(mutex_);
    return chunks_[number];
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  v1::ReportRequest report_ ABSL_GUARDED_BY(mutex_);
  v1::SaveCheckpointRequest checkpoint_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::AppendLogRequest> chunks_ ABSL_GUARDED_BY(mutex_);
};

TEST(GrpcCoordinatorClient, AReportAndALogSayWhichStartOfWhichWorkerTheyAreOf) {
  KeepingPool pool;
  const auto server = RpcServer::Start("127.0.0.1:0", {&pool}).value();
  GrpcCoordinatorClient client(server->address(), Identity{"uuid", 3, 9, "pool", ""});
  ASSERT_TRUE(client.Report({"pool", {"h", 1}, 7, ""}, {}).ok());
  EXPECT_EQ(pool.report().worker_uuid(), "uuid");
  EXPECT_EQ(pool.report().worker_start(), 3u);
  EXPECT_EQ(pool.report().worker_nonce(), 9u);
  {
    const auto stream = client.OpenLog({"h", 1}, LogKind::kAgent, 7, [] {});
    stream->Write(0, "text");
    const v1::AppendLogRequest first = pool.Await(0);
    EXPECT_EQ(first.worker_uuid(), "uuid");
    EXPECT_EQ(first.worker_start(), 3u);
    EXPECT_EQ(first.worker_nonce(), 9u);
    EXPECT_EQ(pool.Await(1).worker_start(), 0u) << "once a stream is enough";
  }
  server->Stop(absl::ZeroDuration());
}

TEST(GrpcCoordinatorClient, ACheckpointSaysOfWhichAttemptItIsAndHearsWhatIsMissing) {
  KeepingPool pool;
  const auto server = RpcServer::Start("127.0.0.1:0", {&pool}).value();
  GrpcCoordinatorClient client(server->address(), Identity{"uuid", 3, 9, "pool", ""});
  v1::Checkpoint checkpoint;
  checkpoint.set_commit("c");
  const auto answer =
      client.SaveCheckpoint({"pool", {"h", 2}, 7, checkpoint.SerializeAsString()}, {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->current);
  EXPECT_EQ(answer->missing, std::vector<std::string>{"a pack"});
  EXPECT_EQ(pool.checkpoint().worker_uuid(), "uuid");
  EXPECT_EQ(pool.checkpoint().worker_start(), 3u);
  EXPECT_EQ(pool.checkpoint().worker_nonce(), 9u);
  EXPECT_EQ(pool.checkpoint().number(), 2);
  EXPECT_EQ(pool.checkpoint().epoch(), 7u);
  EXPECT_EQ(pool.checkpoint().checkpoint().commit(), "c");
  server->Stop(absl::ZeroDuration());
}

TEST(GrpcCoordinatorClient, AnUploadGoesOnWhereItBroke) {
  FakeCoordinator coordinator;
  GrpcCoordinatorClient client(coordinator.address(), Identity{"uuid", 3, 9, "pool", ""});
  const auto dir = TempDir::Make("upload-");
  const std::string path = dir->path() + "/pack", bytes(1'000'000, 'p');
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  coordinator.BreakUploadAfter(300'000);
  const std::string sha256 = Sha256Hex(bytes);
  EXPECT_TRUE(absl::IsUnavailable(client.PutObject(sha256, path, {})));
  EXPECT_TRUE(client.PutObject(sha256, path, {}).ok());
  EXPECT_TRUE(client.PutObject(sha256, path, {}).ok()) << "it is there";
  EXPECT_EQ(coordinator.objects()[sha256], bytes);
  const std::vector<uint64_t> starts = coordinator.upload_starts();
  ASSERT_EQ(starts.size(), 3u);
  EXPECT_EQ(starts[0], 0u);
  EXPECT_GE(starts[1], 300'000u);
  EXPECT_EQ(starts[2], bytes.size());
}

TEST(GrpcCoordinatorClient, AFileThatIsNotHereIsNotTheCoordinatorsNotFound) {
  FakeCoordinator coordinator;
  GrpcCoordinatorClient client(coordinator.address(), Identity{"uuid", 3, 9, "pool", ""});
  const auto dir = TempDir::Make("upload-");
  const absl::Status put = client.PutObject(Sha256Hex("pack"), dir->path() + "/pack", {});
  EXPECT_TRUE(absl::IsDataLoss(put)) << put;
}

}  // namespace
}  // namespace handoff::worker
