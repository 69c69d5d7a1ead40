// A handoff's way through a real coordinator.

#include <future>
#include <string>

#include "common/rpc/channel.h"
#include "common/rpc/proto_time.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class LifeTest : public CoordinatorTest {
 protected:
  // Until the coordinator has decided the first Sync of the one worker, which it then holds.
  // Until it is heard of: it is listed since it joined.
  void AwaitWorker() {
    v1::ListWorkersResponse workers;
    do {
      grpc::ClientContext context;
      SetDeadline(context);
      ASSERT_TRUE(control().ListWorkers(&context, {}, &workers).ok());
    } while (workers.workers_size() == 0 || !workers.workers(0).reachable());
  }
};

TEST_F(LifeTest, FromSubmitToTheEnd) {
  const v1::Handoff submitted = MustSubmit("make test");
  EXPECT_EQ(submitted.status(), v1::Handoff::QUEUED);
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  EXPECT_EQ(attempt.handoff_id(), submitted.id());
  EXPECT_EQ(attempt.action(), v1::DesiredAttempt::RUN);
  EXPECT_EQ(attempt.spec().handoff().spec().task(), "make test");
  EXPECT_EQ(attempt.lease().seconds(), 1800);
  EXPECT_EQ(Get(submitted.id())->status(), v1::Handoff::RUNNING);
  EXPECT_EQ(Get(submitted.id())->worker(), "host-a");

  const std::string log = "one\ntwo\n";
  EXPECT_EQ(*worker.Append(attempt, 0, log), log.size());
  const auto reported = worker.Report(worker.ReportOf(attempt, log));
  ASSERT_TRUE(reported.ok()) << reported.status();
  EXPECT_TRUE(reported->accepted());
  EXPECT_TRUE(reported->current());
  EXPECT_EQ(reported->handoff().status(), v1::Handoff::SUCCEEDED);

  const v1::Handoff ended = *Get(submitted.id());
  EXPECT_EQ(ended.status(), v1::Handoff::SUCCEEDED);
  EXPECT_EQ(ended.attempts(0).state(), v1::Attempt::SUCCEEDED);
  EXPECT_EQ(ended.attempts(0).exit_code(), 0);
  EXPECT_EQ(ended.attempts(0).log_bytes(), log.size());
  EXPECT_FALSE(ended.attempts(0).end().log_differs());
  EXPECT_EQ(LogOf(submitted.id()), log);
}

TEST_F(LifeTest, AReportBeforeTheLogIsNotAcceptedAndSaysWhatIsMissing) {
  MustSubmit();
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  ASSERT_TRUE(worker.Append(attempt, 0, "abc").ok());
  const v1::ReportRequest report = worker.ReportOf(attempt, "abcdef");
  const auto early = worker.Report(report);
  ASSERT_TRUE(early.ok()) << early.status();
  EXPECT_FALSE(early->accepted());
  EXPECT_EQ(early->log_offset(), 3u);
  EXPECT_EQ(Get(attempt.handoff_id())->status(), v1::Handoff::RUNNING);
  ASSERT_TRUE(worker.Append(attempt, 3, "def").ok());
  EXPECT_TRUE(worker.Report(report)->accepted());
}

TEST_F(LifeTest, TheLogOfTheChecksIsWaitedForAndReadApart) {
  v1::HandoffSpec spec = Spec();
  spec.add_checks()->set_command("make");
  ASSERT_TRUE(Submit(spec).ok());
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  ASSERT_TRUE(worker.Append(attempt, 0, "agent").ok());
  v1::ReportRequest report = worker.ReportOf(attempt, "agent");
  report.mutable_end()->set_checks_log_bytes(7);
  v1::CheckResult& check = *report.mutable_end()->mutable_facts()->add_checks();
  check.set_command("make");
  check.set_passed(true);
  report.mutable_end()->set_verified(true);
  ASSERT_TRUE(worker.Append(attempt, 0, "$ ma", /*checks=*/true).ok());
  const auto early = worker.Report(report);
  ASSERT_TRUE(early.ok()) << early.status();
  EXPECT_FALSE(early->accepted());
  EXPECT_EQ(early->log_offset(), 5u);
  EXPECT_EQ(early->checks_log_offset(), 4u);
  ASSERT_TRUE(worker.Append(attempt, 4, "ke\n", /*checks=*/true).ok());
  EXPECT_TRUE(worker.Report(report)->accepted());
  EXPECT_EQ(LogOf(attempt.handoff_id()), "agent");
  v1::ReadLogRequest request;
  request.set_id(attempt.handoff_id());
  request.set_checks(true);
  request.set_follow(true);
  absl::Status status;
  std::string text;
  for (const v1::LogChunk& chunk : ReadLog(request, status)) text += chunk.data();
  EXPECT_EQ(text, "$ make\n");
  const auto ended = Get(attempt.handoff_id());
  EXPECT_TRUE(ended->verified());
  EXPECT_EQ(ended->checks_run(), 1);
  EXPECT_EQ(ended->checks_passed(), 1);
}

TEST_F(LifeTest, ReportingTwiceChangesNothing) {
  MustSubmit();
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  const v1::ReportRequest report = worker.ReportOf(attempt, "");
  ASSERT_TRUE(worker.Report(report)->accepted());
  const std::string before = Get(attempt.handoff_id())->SerializeAsString();
  EXPECT_TRUE(worker.Report(report)->accepted());
  EXPECT_EQ(Get(attempt.handoff_id())->SerializeAsString(), before);
}

TEST_F(LifeTest, ALogThatIsNotTheWorkersIsMarked) {
  MustSubmit();
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  ASSERT_TRUE(worker.Append(attempt, 0, "abc").ok());
  ASSERT_TRUE(worker.Report(worker.ReportOf(attempt, "abd"))->accepted());
  EXPECT_TRUE(Get(attempt.handoff_id())->attempts(0).end().log_differs());
  v1::ReadLogRequest request;
  request.set_id(attempt.handoff_id());
  absl::Status status;
  EXPECT_THAT(ReadLog(request, status).back().marker(), HasSubstr("SHA-256 differs"));
}

TEST_F(LifeTest, TheSameKeyWithTheSameContentIsTheSameHandoff) {
  v1::HandoffSpec spec = Spec("once");
  spec.set_idempotency_key("k");
  const auto first = Submit(spec);
  const auto again = Submit(spec);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(first->existing());
  EXPECT_TRUE(again->existing());
  EXPECT_EQ(first->handoff().id(), again->handoff().id());
  spec.set_task("something else");
  EXPECT_TRUE(absl::IsAlreadyExists(Submit(spec).status())) << Submit(spec).status();
}

TEST_F(LifeTest, ARestartKeepsWhatWasAnswered) {
  v1::HandoffSpec spec = Spec("keep me");
  spec.set_idempotency_key("k");
  const std::string id = Submit(spec)->handoff().id();
  {
    ScriptedWorker worker(guests_, "host-a");
    const v1::DesiredAttempt attempt = worker.TakeAttempt();
    ASSERT_TRUE(worker.Append(attempt, 0, "before\n").ok());
    ASSERT_TRUE(worker.Report(worker.ReportOf(attempt, "before\n"))->accepted());
  }
  v1::HandoffSpec elsewhere = Spec("still queued");
  elsewhere.set_on_worker("host-b");
  const std::string queued = Submit(elsewhere)->handoff().id();
  Restart();
  EXPECT_EQ(Get(id)->status(), v1::Handoff::SUCCEEDED);
  EXPECT_EQ(Get(id)->spec().task(), "keep me");
  EXPECT_EQ(Get(queued)->status(), v1::Handoff::QUEUED);
  EXPECT_EQ(LogOf(id), "before\n");
  EXPECT_TRUE(Submit(spec)->existing());
  ScriptedWorker other(guests_, "host-b");
  EXPECT_EQ(other.TakeAttempt().handoff_id(), queued);
}

TEST_F(LifeTest, ALiveAttemptSurvivesARestart) {
  MustSubmit();
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  ASSERT_TRUE(worker.Append(attempt, 0, "abc").ok());
  const v1::ReportRequest report = worker.ReportOf(attempt, "abcdef");
  Restart();
  const auto again = v1::Pool::NewStub(guests_.Worker(worker.uuid(), "host-a"));
  EXPECT_EQ(Get(attempt.handoff_id())->status(), v1::Handoff::RUNNING);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ReportResponse response;
  ASSERT_TRUE(again->Report(&context, report, &response).ok());
  EXPECT_FALSE(response.accepted());
  EXPECT_EQ(response.log_offset(), 3u);
}

TEST_F(LifeTest, ACancelReachesAHeldSync) {
  MustSubmit();
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  v1::SyncRequest busy = worker.Request();
  v1::AttemptStatus& status = *busy.add_attempts();
  status.set_handoff_id(attempt.handoff_id());
  status.set_number(attempt.number());
  status.set_epoch(attempt.epoch());
  status.set_stage(v1::AttemptStatus::RUNNING);
  status.set_phase("running");
  *status.mutable_started_at() = ToProto(absl::Now());
  auto held = std::async(std::launch::async, [&] { return worker.Sync(busy); });
  // Held means that the coordinator knows what it says.
  while (Get(attempt.handoff_id())->phase() != "running") {
  }
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CancelRequest cancel;
  cancel.set_id(attempt.handoff_id());
  cancel.set_reason("no longer needed");
  v1::Handoff cancelled;
  ASSERT_TRUE(control().Cancel(&context, cancel, &cancelled).ok());
  const auto answer = held.get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->attempts_size(), 1);
  EXPECT_EQ(answer->attempts(0).action(), v1::DesiredAttempt::STOP);
  EXPECT_EQ(answer->attempts(0).stop_as(), v1::AttemptEnd::CANCEL);
  EXPECT_EQ(Get(attempt.handoff_id())->attempts(0).state(), v1::Attempt::STOPPING);
}

TEST_F(LifeTest, ASubmitReachesAHeldSync) {
  ScriptedWorker worker(guests_, "host-a");
  auto held = std::async(std::launch::async, [&] { return worker.Sync(worker.Request()); });
  AwaitWorker();
  const std::string id = MustSubmit().id();
  const auto answer = held.get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->attempts_size(), 1);
  EXPECT_EQ(answer->attempts(0).handoff_id(), id);
}

TEST_F(LifeTest, StoppingAnswersHeldSyncsAndFollowers) {
  const std::string id = MustSubmit("never placed").id();
  ScriptedWorker worker(guests_, "host-a");
  v1::SyncRequest elsewhere = worker.Request();
  elsewhere.clear_agents();  // so that it is given nothing
  auto held = std::async(std::launch::async, [&] { return worker.Sync(elsewhere); });
  AwaitWorker();  // or its joining is an event that the watch below reports
  grpc::ClientContext log_context, watch_context;
  v1::ReadLogRequest log;
  log.set_id(id);
  log.set_follow(true);
  const auto log_reader = control().ReadLog(&log_context, log);
  v1::LogChunk chunk;
  ASSERT_TRUE(log_reader->Read(&chunk));
  EXPECT_THAT(chunk.marker(), HasSubstr("waits for a worker"));
  v1::WatchRequest watch;
  watch.set_tail(true);
  const auto watch_reader = control().Watch(&watch_context, watch);
  const absl::Time before = absl::Now();
  coordinator_->Stop();
  const absl::Duration took = absl::Now() - before;
  const absl::Status answered = held.get().status();
  EXPECT_TRUE(absl::IsUnavailable(answered)) << answered;
  EXPECT_FALSE(log_reader->Read(&chunk));
  EXPECT_TRUE(absl::IsUnavailable(FromGrpc(log_reader->Finish())));
  v1::Event event;
  EXPECT_FALSE(watch_reader->Read(&event));
  EXPECT_FALSE(watch_reader->Finish().ok());
  RecordProperty("stop_milliseconds", static_cast<int>(absl::ToInt64Milliseconds(took)));
}

}  // namespace
}  // namespace handoff
