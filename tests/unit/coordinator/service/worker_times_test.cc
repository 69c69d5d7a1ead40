// Whatever times a worker makes up, what is shown of them can be printed as JSON by everybody.

#include <google/protobuf/util/json_util.h>

#include <string>

#include "coordinator/service/convert.h"
#include "coordinator/service/pushes.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

constexpr int64_t kAbsurd = int64_t{1} << 60;

void ExpectJson(const google::protobuf::Message& message) {
  std::string json;
  const auto made = google::protobuf::util::MessageToJsonString(message, &json);
  EXPECT_TRUE(made.ok()) << made.ToString();
}

v1::Facts AbsurdFacts() {
  v1::Facts facts;
  facts.add_tools()->mutable_duration()->set_seconds(kAbsurd);
  facts.add_checks()->mutable_duration()->set_nanos(-2'000'000'000);
  return facts;
}

v1::Checkpoint AbsurdCheckpoint() {
  v1::Checkpoint checkpoint;
  checkpoint.set_commit(std::string(40, 'c'));
  checkpoint.mutable_taken_at()->set_seconds(-kAbsurd);
  return checkpoint;
}

core::Handoff OneAttempt() {
  core::Handoff handoff;
  handoff.status = core::HandoffStatus::kRunning;
  core::Attempt attempt;
  attempt.number = 1;
  attempt.state = core::AttemptState::kRunning;
  attempt.epoch = 7;
  handoff.attempts.push_back(attempt);
  return handoff;
}

TEST(WorkerTimes, OfATurnAreBoundedAndNothingUnknownIsKept) {
  v1::TurnResult result;
  v1::AgentTurn& turn = *result.mutable_turn();
  turn.mutable_retry_at()->set_seconds(kAbsurd);
  turn.mutable_took()->set_seconds(kAbsurd);
  turn.mutable_usage()
      ->GetReflection()
      ->MutableUnknownFields(turn.mutable_usage())
      ->AddVarint(1000, 1);
  google::protobuf::Timestamp& time = *turn.mutable_retry_at();
  time.GetReflection()->MutableUnknownFields(&time)->AddLengthDelimited(1000, "much");
  core::AgentTurn stored;
  stored.agent = "a";
  stored.bytes = ToCore(result).bytes;
  const v1::AgentTurn shown = ToProto(stored);
  ExpectJson(shown);
  EXPECT_EQ(shown.retry_at().seconds(), 253402300799);
  EXPECT_TRUE(shown.has_took());
  EXPECT_TRUE(shown.usage().GetReflection()->GetUnknownFields(shown.usage()).empty());
  EXPECT_TRUE(shown.retry_at().GetReflection()->GetUnknownFields(shown.retry_at()).empty());
}

TEST(WorkerTimes, OfAnEndAreBounded) {
  v1::ReportRequest request;
  v1::AttemptEnd& end = *request.mutable_end();
  end.mutable_retry_at()->set_seconds(kAbsurd);
  end.mutable_started_at()->set_nanos(-1);
  end.mutable_ended_at()->set_seconds(kAbsurd);
  *end.mutable_facts() = AbsurdFacts();
  core::Handoff handoff = OneAttempt();
  handoff.attempts[0].state = core::AttemptState::kFailed;
  handoff.attempts[0].end = ToCore(request).end;
  const v1::Handoff shown = ToProto(handoff, Detail::kFull);
  ExpectJson(shown);
  EXPECT_EQ(shown.attempts(0).end().retry_at().seconds(), 253402300799);
  EXPECT_EQ(shown.attempts(0).facts().tools_size(), 1);
}

TEST(WorkerTimes, OfACheckpointASummaryAndAPushAreBounded) {
  v1::SaveCheckpointRequest checkpoint;
  *checkpoint.mutable_checkpoint() = AbsurdCheckpoint();
  v1::SaveSummaryRequest summary;
  summary.mutable_summary()->mutable_at()->set_seconds(kAbsurd);
  v1::SavePushRequest push;
  push.mutable_result()->mutable_at()->set_seconds(kAbsurd);
  core::Handoff handoff = OneAttempt();
  handoff.attempts[0].checkpoint = ToCore(checkpoint).checkpoint;
  handoff.attempts[0].summary = ToCore(summary).bytes;
  handoff.attempts[0].push = ToCore(push).bytes;
  const v1::Handoff shown = ToProto(handoff, Detail::kFull);
  ExpectJson(shown);
  EXPECT_EQ(shown.attempts(0).checkpoint().taken_at().seconds(), -62135596800);
  EXPECT_TRUE(shown.attempts(0).summary().has_at());
  EXPECT_TRUE(shown.attempts(0).push().has_at());
}

TEST(WorkerTimes, OfWhatRunsAreBounded) {
  v1::SyncRequest request;
  v1::AttemptStatus& status = *request.add_attempts();
  status.mutable_started_at()->set_seconds(kAbsurd);
  status.mutable_last_activity_at()->set_seconds(-kAbsurd);
  *status.mutable_facts() = AbsurdFacts();
  core::AttemptView view;
  view.number = 1;
  view.epoch = 7;
  view.bytes = ToCore(request).attempts[0].bytes;
  Engine::Lease lease;
  lease.state = core::AttemptState::kRunning;
  v1::Handoff shown = ToProto(OneAttempt(), Detail::kFull);
  Overlay(view, lease, shown);
  ExpectJson(shown);
  EXPECT_EQ(shown.attempts(0).started_at().seconds(), 253402300799);
  EXPECT_EQ(shown.attempts(0).facts().tools_size(), 1);
}

}  // namespace
}  // namespace handoff
