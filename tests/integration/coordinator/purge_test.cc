// Delete and purge through a real coordinator, with a restart in between.

#include <string>

#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PurgeTest : public CoordinatorTest {
 protected:
  absl::Status Delete(const std::string& id, bool purge) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::DeleteRequest request;
    request.set_id(id);
    request.set_purge(purge);
    v1::DeleteResponse response;
    return FromGrpc(control().Delete(&context, request, &response));
  }
  std::vector<std::string> List(bool deleted) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListRequest request;
    request.set_all(true);
    request.set_deleted(deleted);
    v1::ListResponse response;
    EXPECT_TRUE(control().List(&context, request, &response).ok());
    std::vector<std::string> ids;
    for (const v1::Handoff& handoff : response.handoffs()) ids.push_back(handoff.id());
    return ids;
  }
  std::string LogDirectory(const std::string& id) const { return dir_.path() + "/data/logs/" + id; }
  // Ran on the worker, and has a log.
  v1::DesiredAttempt RunOne(ScriptedWorker& worker) {
    MustSubmit();
    const v1::DesiredAttempt attempt = worker.TakeAttempt();
    EXPECT_TRUE(worker.Append(attempt, 0, "log\n").ok());
    EXPECT_TRUE(worker.Report(worker.ReportOf(attempt, "log\n"))->accepted());
    return attempt;
  }
};

TEST_F(PurgeTest, ADeletedOneIsHiddenAndKept) {
  ScriptedWorker worker(guests_, "host-a");
  const std::string id = RunOne(worker).handoff_id();
  ASSERT_TRUE(Delete(id, /*purge=*/false).ok());
  EXPECT_THAT(List(/*deleted=*/false), IsEmpty());
  EXPECT_THAT(List(/*deleted=*/true), ElementsAre(id));
  Restart();
  EXPECT_TRUE(Get(id)->deleted());
  EXPECT_EQ(LogOf(id), "log\n");
  EXPECT_TRUE(absl::IsNotFound(Get(id.substr(2)).status())) << "only its full id names it";
}

TEST_F(PurgeTest, OfAPurgedOneNothingIsKeptButThatItWasThere) {
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = RunOne(worker);
  const std::string& id = attempt.handoff_id();
  ASSERT_TRUE(PathExists(LogDirectory(id)));
  const absl::Status purged = Delete(id, /*purge=*/true);
  ASSERT_TRUE(purged.ok()) << purged;
  EXPECT_FALSE(PathExists(LogDirectory(id)));
  EXPECT_TRUE(Delete(id, /*purge=*/true).ok()) << "the first answer may have been lost";

  Restart();
  EXPECT_THAT(List(/*deleted=*/true), IsEmpty());
  const absl::Status gone = Get(id).status();
  EXPECT_TRUE(absl::IsNotFound(gone));
  EXPECT_THAT(std::string(gone.message()), HasSubstr("was purged by ann"));
  v1::HandoffSpec same = Spec();
  same.set_id(id);
  EXPECT_EQ(Submit(same).status().code(), absl::StatusCode::kAlreadyExists);

  ScriptedWorker again(guests_, "host-b");
  ASSERT_TRUE(again.Sync(again.Request()).ok());
  EXPECT_TRUE(absl::IsNotFound(again.Append(attempt, 4, "more").status()));
  EXPECT_TRUE(absl::IsNotFound(again.Report(again.ReportOf(attempt, "log\nmore")).status()))
      << "not told to send the log first";
  EXPECT_FALSE(PathExists(LogDirectory(id)));
}

TEST_F(PurgeTest, AFollowerOfItsLogEnds) {
  ScriptedWorker worker(guests_, "host-a");
  const std::string id = RunOne(worker).handoff_id();
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ReadLogRequest request;
  request.set_id(id);
  request.set_follow(true);
  const auto reader = control().ReadLog(&context, request);
  v1::LogChunk chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  ASSERT_TRUE(Delete(id, /*purge=*/true).ok());
  while (reader->Read(&chunk)) {
  }
  const absl::Status ended = FromGrpc(reader->Finish());
  EXPECT_TRUE(ended.ok() || absl::IsNotFound(ended)) << ended;
}

TEST_F(PurgeTest, WhatRunsIsNot) {
  MustSubmit();
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  const absl::Status refused = Delete(attempt.handoff_id(), /*purge=*/true);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("handoff cancel"));
  EXPECT_TRUE(worker.Append(attempt, 0, "log").ok());
}

TEST_F(PurgeTest, ItsWorkerIsToldUntilItTookTheAnswer) {
  ScriptedWorker worker(guests_, "host-a");
  const std::string id = RunOne(worker).handoff_id();
  ASSERT_TRUE(Delete(id, /*purge=*/true).ok());
  const auto told = worker.Sync(worker.Request());
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_THAT(told->purge(), ElementsAre(id));
  v1::SyncRequest heard = worker.Request();
  heard.set_seen_term(told->term());
  heard.set_seen_revision(told->revision());
  MustSubmit();  // something to answer with
  const auto done = worker.Sync(heard);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_THAT(done->purge(), IsEmpty());
}

class RetentionTest : public PurgeTest {
 protected:
  RetentionTest() { Restart(); }
  Config config() const override {
    Config config = CoordinatorTest::config();
    config.retention_ended = absl::Hours(1);
    return config;
  }
};

TEST_F(RetentionTest, WhatJustEndedStaysAtAStart) {
  ScriptedWorker worker(guests_, "host-a");
  const std::string id = RunOne(worker).handoff_id();
  Restart();
  EXPECT_EQ(LogOf(id), "log\n");
}

}  // namespace
}  // namespace handoff
