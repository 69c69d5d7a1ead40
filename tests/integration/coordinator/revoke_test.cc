// A worker is revoked while it holds an attempt: its calls end at once and before others', nothing
// that it says later is taken, and another worker goes on.

#include <string>

#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

// A Sync that the coordinator holds.
class HeldSync {
 public:
  explicit HeldSync(ScriptedWorker& worker) {
    SetDeadline(context_);
    call_ = worker.stub().AsyncSync(&context_, worker.Request(), &queue_);
    call_->Finish(&response_, &status_, nullptr);
  }
  bool HasEnded() {
    return ended_ || (ended_ = queue_.AsyncNext(&tag_, &ok_, gpr_time_0(GPR_CLOCK_REALTIME)) ==
                               grpc::CompletionQueue::GOT_EVENT);
  }
  absl::Status Wait() {
    if (!ended_) ended_ = queue_.Next(&tag_, &ok_);
    return FromGrpc(status_);
  }
  void End() {
    context_.TryCancel();
    EXPECT_TRUE(absl::IsCancelled(Wait()));
  }

 private:
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  v1::SyncResponse response_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::SyncResponse>> call_;
  void* tag_ = nullptr;
  bool ok_ = false, ended_ = false;
};

class RevokeTest : public CoordinatorTest {
 protected:
  void Revoke(const std::string& worker) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::RevokeRequest request;
    request.set_worker(worker);
    v1::RevokeResponse response;
    ASSERT_TRUE(v1::Identity::NewStub(guests_.Admin())->Revoke(&context, request, &response).ok());
  }
  absl::Status ResumeNow(const std::string& id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ResumeRequest request;
    request.set_id(id);
    request.set_now(true);
    v1::Handoff handoff;
    return FromGrpc(control().Resume(&context, request, &handoff));
  }
};

TEST_F(RevokeTest, ItsHeldCallEndsBeforeOneThatWasHeldBefore) {
  ScriptedWorker other(guests_, "other"), revoked(guests_, "revoked");
  for (ScriptedWorker* worker : {&other, &revoked}) {
    worker->StartAgain();
    ASSERT_TRUE(worker->Sync(worker->Request()).ok());
  }
  HeldSync before(other), held(revoked);
  Revoke("revoked");
  const absl::Status status = held.Wait();
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_FALSE(before.HasEnded()) << "it ended by itself";
  before.End();
}

TEST_F(RevokeTest, AnUploadUnderWayEnds) {
  ScriptedWorker revoked(guests_, "revoked");
  revoked.StartAgain();
  ASSERT_TRUE(revoked.Sync(revoked.Request()).ok());
  const auto objects = v1::Objects::NewStub(guests_.Worker(revoked.uuid(), "revoked"));
  grpc::ClientContext context;
  const auto upload = objects->Put(&context);
  v1::PutObjectRequest request;
  request.set_sha256(std::string(64, 'a'));
  request.set_size(1000);
  v1::PutObjectResponse response;
  ASSERT_TRUE(upload->Write(request));
  ASSERT_TRUE(upload->Read(&response));
  Revoke("revoked");
  EXPECT_FALSE(upload->Read(&response)) << "it waits for bytes";
  const absl::Status status = FromGrpc(upload->Finish());
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

TEST_F(RevokeTest, NothingThatItSaysLaterIsTakenAndAnotherGoesOn) {
  const std::string id = MustSubmit().id();
  ScriptedWorker revoked(guests_, "revoked");
  const v1::DesiredAttempt first = revoked.TakeAttempt();
  ASSERT_EQ(revoked.Append(first, 0, "before\n").value_or(0), 7u);
  Revoke("revoked");
  const auto expect_shut_out = [&] {
    const absl::Status report = revoked.Report(revoked.ReportOf(first, "before\n")).status();
    EXPECT_TRUE(absl::IsUnauthenticated(report)) << report;
    const absl::Status append = revoked.Append(first, 7, "after\n").status();
    EXPECT_TRUE(absl::IsUnauthenticated(append)) << append;
  };
  expect_shut_out();
  EXPECT_EQ(Get(id)->status(), v1::Handoff::RUNNING) << "it may still run there";
  ScriptedWorker other(guests_, "other");
  other.StartAgain();
  const auto nothing = other.Sync(other.Request());
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_EQ(nothing->attempts_size(), 0) << "one at a time";

  ASSERT_EQ(ResumeNow(id), absl::OkStatus());
  const v1::DesiredAttempt second = other.TakeAttempt();
  EXPECT_EQ(second.number(), 2);
  expect_shut_out();
  ASSERT_EQ(other.Append(second, 0, "second\n").value_or(0), 7u);
  const auto reported = other.Report(other.ReportOf(second, "second\n"));
  ASSERT_TRUE(reported.ok() && reported->accepted() && reported->current()) << reported.status();
  const auto handoff = Get(id);
  ASSERT_EQ(handoff->attempts_size(), 2);
  EXPECT_EQ(handoff->attempts(0).state(), v1::Attempt::LOST);
  EXPECT_EQ(handoff->attempts(1).state(), v1::Attempt::SUCCEEDED);
}

}  // namespace
}  // namespace handoff
