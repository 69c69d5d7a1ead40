// What the calls carry, against a service that keeps what it was sent.

#include "worker/rpc/grpc_coordinator_client.h"

#include <memory>

#include "common/mutex.h"
#include "common/rpc/server.h"
#include "gtest/gtest.h"
#include "handoff/v1/pool.grpc.pb.h"

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
  v1::AppendLogRequest Await(size_t number) {
    MutexLock lock(mutex_);
    while (chunks_.size() <= number) changed_.Wait(mutex_);
    return chunks_[number];
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  v1::ReportRequest report_ ABSL_GUARDED_BY(mutex_);
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

}  // namespace
}  // namespace handoff::worker
