// Takeover and return over the network: what outlives a restart, and what the next worker gets.
#include "common/hash.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

// Attempt 1 has ended, without a checkpoint; the engine has forgotten it.
class TakeoverTest : public CoordinatorTest {
 protected:
  TakeoverTest() : worker_(guests_, "host-a") {
    v1::HandoffSpec spec = Spec();
    spec.mutable_repository()->set_url("https://host/a.git");
    spec.mutable_repository()->set_commit(kBase);
    const auto submitted = Submit(spec);
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    id_ = submitted->handoff().id();
    EXPECT_TRUE(worker_.Report(worker_.ReportOf(worker_.TakeAttempt(), "")).ok());
  }
  absl::StatusOr<v1::Handoff> TakeOver(const std::string& actor) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::TakeOverRequest request;
    request.set_id(id_);
    v1::Handoff handoff;
    const grpc::Status status = v1::Control::NewStub(guests_.User(actor, "operator"))
                                    ->TakeOver(&context, request, &handoff);
    if (!status.ok()) return FromGrpc(status);
    return handoff;
  }
  absl::StatusOr<v1::Handoff> Return(const v1::ReturnRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::Handoff handoff;
    const grpc::Status status =
        v1::Control::NewStub(guests_.User("ada", "operator"))->Return(&context, request, &handoff);
    if (!status.ok()) return FromGrpc(status);
    return handoff;
  }
  v1::ReturnRequest Work() const {
    v1::ReturnRequest request;
    request.set_id(id_);
    request.mutable_checkpoint()->set_commit(std::string(40, 'b'));
    request.mutable_checkpoint()->add_packs()->set_sha256(Sha256Hex("pack"));
    request.set_based_on(kBase);
    return request;
  }
  void Upload(const std::string& object) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = objects().Put(&context);
    v1::PutObjectRequest request;
    request.set_sha256(Sha256Hex(object));
    request.set_size(object.size());
    v1::PutObjectResponse answer;
    ASSERT_TRUE(stream->Write(request) && stream->Read(&answer));
    request.Clear();
    request.set_data(object);
    ASSERT_TRUE(stream->Write(request));
    stream->WritesDone();
    while (stream->Read(&answer)) {
    }
    ASSERT_TRUE(stream->Finish().ok());
  }

  const std::string kBase = std::string(40, 'a');
  ScriptedWorker worker_;
  std::string id_;
};

TEST_F(TakeoverTest, OutlivesARestartAndIsGivenBackWithItsWork) {
  const auto taken = TakeOver("ada");
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->status(), v1::Handoff::INTERACTIVE);
  Restart();
  const v1::Handoff shown = *Get(id_);
  EXPECT_EQ(shown.status(), v1::Handoff::INTERACTIVE);
  EXPECT_EQ(shown.taken_by(), "ada");
  EXPECT_EQ(shown.taken_at().seconds(), taken->taken_at().seconds());
  EXPECT_TRUE(absl::IsFailedPrecondition(TakeOver("bob").status()));

  const auto missing = Return(Work());
  EXPECT_TRUE(absl::IsFailedPrecondition(missing.status())) << missing.status();
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr(Sha256Hex("pack")));
  Upload("pack");
  v1::ReturnRequest stale = Work();
  stale.set_based_on(std::string(40, 'f'));
  EXPECT_TRUE(absl::IsFailedPrecondition(Return(stale).status()));
  const auto returned = Return(Work());
  ASSERT_TRUE(returned.ok()) << returned.status();
  EXPECT_EQ(returned->status(), v1::Handoff::QUEUED);
  EXPECT_EQ(returned->taken_by(), "");

  Restart();
  ScriptedWorker later(guests_, "host-b");
  const v1::DesiredAttempt next = later.TakeAttempt();
  EXPECT_EQ(next.number(), 2);
  EXPECT_EQ(next.spec().checkpoint().commit(), std::string(40, 'b'));
  EXPECT_EQ(next.spec().checkpoint_attempt(), 2);
  EXPECT_FALSE(next.spec().only_checks());
}

TEST_F(TakeoverTest, DoneStartsNoAgent) {
  ASSERT_TRUE(TakeOver("ada").ok());
  v1::ReturnRequest done;
  done.set_id(id_);
  done.set_done(true);
  ASSERT_TRUE(Return(done).ok());
  const v1::DesiredAttempt next = worker_.TakeAttempt();
  EXPECT_TRUE(next.spec().only_checks());
  EXPECT_FALSE(next.spec().has_checkpoint());
}

}  // namespace
}  // namespace handoff
