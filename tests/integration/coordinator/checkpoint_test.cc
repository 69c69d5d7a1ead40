// Checkpoints over the network: what is kept, what is refused, and what outlives a restart.
#include "common/hash.h"
#include "common/rpc/channel.h"
#include "common/rpc/proto_time.h"
#include "common/rpc/status.h"
#include "coordinator/object_sweeper.h"
#include "coordinator/store/sqlite_reader.h"
#include "gmock/gmock.h"
#include "tests/fakes/fake_clock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointsTest : public CoordinatorTest {
 protected:
  CheckpointsTest() : worker_(guests_, "host-a") {
    id_ = MustSubmit().id();
    attempt_ = worker_.TakeAttempt();
  }
  v1::SaveCheckpointRequest Save(const std::vector<std::string>& packs) const {
    v1::SaveCheckpointRequest request;
    request.set_worker_uuid(worker_.uuid());
    request.set_handoff_id(id_);
    request.set_number(attempt_.number());
    request.set_epoch(attempt_.epoch());
    v1::Checkpoint& checkpoint = *request.mutable_checkpoint();
    checkpoint.set_commit(std::string(40, 'c'));
    checkpoint.set_head_commit(std::string(40, 'd'));
    checkpoint.set_session("s-1");
    checkpoint.add_notes("big.bin is above the limit and was left out");
    *checkpoint.mutable_taken_at() = ToProto(absl::FromUnixSeconds(1'800'000'000));
    for (const std::string& pack : packs) {
      v1::Checkpoint::Pack& added = *checkpoint.add_packs();
      added.set_sha256(Sha256Hex(pack));
      added.set_bytes(pack.size());
    }
    return request;
  }
  absl::StatusOr<v1::SaveCheckpointResponse> Send(const v1::SaveCheckpointRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SaveCheckpointResponse response;
    const grpc::Status status = worker_.stub().SaveCheckpoint(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
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
  v1::Attempt Listed() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListResponse response;
    EXPECT_TRUE(control().List(&context, {}, &response).ok());
    return response.handoffs(0).attempts(0);
  }

  ScriptedWorker worker_;
  std::string id_;
  v1::DesiredAttempt attempt_;
};

TEST_F(CheckpointsTest, WithoutItsPacksNothingIsKeptAndTheMissingOnesAreNamed) {
  Upload("one");
  const auto saved = Send(Save({"one", "two", "three"}));
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_FALSE(saved->current());
  EXPECT_THAT(saved->missing(), ElementsAre(Sha256Hex("two"), Sha256Hex("three")));
  EXPECT_FALSE(Get(id_)->attempts(0).has_checkpoint());
  Upload("two");
  Upload("three");
  const auto again = Send(Save({"one", "two", "three"}));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->current());
  EXPECT_EQ(again->missing_size(), 0);
  EXPECT_EQ(Get(id_)->attempts(0).checkpoint().packs_size(), 3);
}

TEST_F(CheckpointsTest, OutlivesARestartAndIsShownAsItWasSent) {
  Upload("pack");
  const v1::SaveCheckpointRequest request = Save({"pack"});
  ASSERT_TRUE(Send(request)->current());
  Restart();
  const v1::Attempt shown = Get(id_)->attempts(0);
  EXPECT_EQ(shown.checkpoint().SerializeAsString(), request.checkpoint().SerializeAsString());
  EXPECT_FALSE(shown.has_late_checkpoint());
  const v1::Attempt listed = Listed();
  EXPECT_EQ(listed.checkpoint().commit(), request.checkpoint().commit());
  EXPECT_EQ(listed.checkpoint().taken_at().seconds(), 1'800'000'000);
  EXPECT_EQ(listed.checkpoint().packs_size(), 0);
  EXPECT_EQ(listed.checkpoint().notes_size(), 0);
}

TEST_F(CheckpointsTest, ItsPacksOutliveASweepAndOthersDoNot) {
  Upload("pack");
  Upload("stray");
  ASSERT_TRUE(Send(Save({"pack"}))->current());
  const FakeClock tomorrow(clock_.Now() + ObjectSweeper::kAge + absl::Hours(1));
  const auto objects = *ObjectStore::Open(config().data_dir + "/objects");
  const auto reader = *SqliteReader::Open(config().data_dir + "/handoff.db");
  ObjectSweeper(*objects, *reader, tomorrow).SweepOnce();
  EXPECT_TRUE(objects->Has(Sha256Hex("pack")));
  EXPECT_FALSE(objects->Has(Sha256Hex("stray")));
}

TEST_F(CheckpointsTest, ThatOnlyTheWorkerHasIsShownAndNothingGoesOnFromIt) {
  v1::SaveCheckpointRequest request = Save({});
  request.mutable_checkpoint()->set_only_on_worker("The pack has 9 GiB.");
  ASSERT_TRUE(Send(request)->current());
  EXPECT_EQ(Get(id_)->attempts(0).checkpoint().only_on_worker(), "The pack has 9 GiB.");
  ASSERT_TRUE(worker_.Report(worker_.ReportOf(attempt_, ""))->accepted());
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ResumeRequest resume;
  resume.set_id(id_);
  resume.set_from_attempt(1);
  v1::Handoff handoff;
  const absl::Status refused = FromGrpc(control().Resume(&context, resume, &handoff));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("attempt 1"));
}

TEST_F(CheckpointsTest, TheNextAttemptIsTold) {
  Upload("pack");
  const v1::SaveCheckpointRequest request = Save({"pack"});
  ASSERT_TRUE(Send(request)->current());
  ASSERT_TRUE(worker_.Report(worker_.ReportOf(attempt_, ""))->accepted());
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ResumeRequest resume;
  resume.set_id(id_);
  resume.set_from_attempt(1);
  (*resume.mutable_env())["MODE"] = "fast";
  resume.add_checks()->set_command("make test");
  v1::Handoff handoff;
  const absl::Status resumed = FromGrpc(control().Resume(&context, resume, &handoff));
  ASSERT_TRUE(resumed.ok()) << resumed;
  const v1::DesiredAttempt next = worker_.TakeAttempt();
  EXPECT_EQ(next.spec().checkpoint_attempt(), 1);
  EXPECT_TRUE(next.spec().rebuild());
  EXPECT_EQ(next.spec().checkpoint().SerializeAsString(), request.checkpoint().SerializeAsString());
  EXPECT_EQ(next.spec().session(), "s-1");
  EXPECT_EQ(next.spec().session_kind(), v1::Attempt::RESTORED);
  EXPECT_EQ(next.spec().handoff().spec().env().at("MODE"), "fast");
  EXPECT_EQ(next.spec().handoff().spec().checks(0).command(), "make test");
  const v1::Handoff shown = *Get(id_);
  EXPECT_EQ(shown.attempts(1).from_attempt(), 1);
  EXPECT_EQ(shown.attempts(1).from_commit(), request.checkpoint().commit());
}

TEST_F(CheckpointsTest, NonsenseAndStrangersAreRefused) {
  v1::SaveCheckpointRequest bad = Save({});
  bad.mutable_checkpoint()->set_commit("HEAD");
  EXPECT_TRUE(absl::IsInvalidArgument(Send(bad).status())) << Send(bad).status();
  bad = Save({});
  bad.set_worker_uuid(std::string(32, 'b'));
  EXPECT_TRUE(absl::IsPermissionDenied(Send(bad).status())) << Send(bad).status();
  EXPECT_FALSE(Get(id_)->attempts(0).has_checkpoint());
}

}  // namespace
}  // namespace handoff
