// One owner asks for more than they may have; what another asks for begins as before.

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/status.h"
#include "common/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kQueued = 50;
constexpr int kAskedFor = 300;

class QuotaTest : public CoordinatorTest {
 protected:
  QuotaTest() { Restart(); }  // with this configuration
  Config config() const override {
    Config config = CoordinatorTest::config();
    config.quotas.common.queued = kQueued;
    config.quotas.owners["slow"].submit_burst = 2;
    config.quotas.owners["slow"].submits_per_minute = 1;
    config.quotas.owners["few"].stored_bytes = 1'000'000;
    return config;
  }
  v1::Control::Stub& StubOf(const std::string& owner) {
    auto& stub = stubs_[{owner, address()}];
    if (stub == nullptr)
      stub = v1::Control::NewStub(guests_.User(owner, owner == "ann" ? "admin" : "member"));
    return *stub;
  }
  absl::StatusOr<v1::SubmitResponse> SubmitAs(const std::string& owner,
                                              const v1::HandoffSpec& spec) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SubmitRequest request;
    *request.mutable_spec() = spec;
    v1::SubmitResponse response;
    const grpc::Status status = StubOf(owner).Submit(&context, request, &response);
    if (!status.ok()) return TakeRetryAfter(FromGrpc(status), context);
    return response;
  }
  std::string WhyOf(const std::string& id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::WhyRequest request;
    request.set_id(id);
    v1::WhyResponse response;
    const grpc::Status status = control().Why(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.summary();
  }
  void Finish(ScriptedWorker& worker, const v1::DesiredAttempt& attempt) {
    const auto reported = worker.Report(worker.ReportOf(attempt, ""));
    ASSERT_TRUE(reported.ok()) << reported.status();
    ASSERT_TRUE(reported->accepted());
  }

 private:
  std::map<std::pair<std::string, std::string>, std::unique_ptr<v1::Control::Stub>> stubs_;
};

TEST_F(QuotaTest, AFloodIsRefusedAndTheNextOneOfAnotherOwnerIsTheNextThatRuns) {
  int taken = 0;
  absl::Status refused;
  std::string last;
  for (int i = 0; i < kAskedFor; ++i) {
    const auto reply = SubmitAs("ann", Spec(absl::StrCat("task ", i)));
    if (reply.ok()) {
      ++taken;
      last = reply->handoff().id();
    } else {
      refused = reply.status();
    }
  }
  EXPECT_EQ(taken, kQueued);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(StartsWith("ann has 50 handoffs in the queue, and their quota is 50. Nothing "
                               "was submitted: "),
                    HasSubstr("handoff list --status queued")));
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt first = worker.TakeAttempt();
  EXPECT_EQ(Get(first.handoff_id())->owner(), "ann");

  const auto other = SubmitAs("bob", Spec("one thing"));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_THAT(WhyOf(other->handoff().id()),
              HasSubstr("It is 1st of 1 in the queue of bob. Their share of the slots is 1/2 (0 of "
                        "the 1 that runs)."));
  EXPECT_THAT(WhyOf(last), HasSubstr("It is 49th of 49 in the queue of ann."));
  Finish(worker, first);
  const v1::DesiredAttempt second = worker.TakeAttempt();
  EXPECT_EQ(second.handoff_id(), other->handoff().id());
  Finish(worker, second);
  EXPECT_EQ(Get(worker.TakeAttempt().handoff_id())->owner(), "ann");
}

TEST_F(QuotaTest, ARepeatedSubmitIsAnsweredAlthoughTheQuotaIsUsedUp) {
  v1::HandoffSpec spec = Spec("the first");
  spec.set_idempotency_key("once");
  const auto first = Submit(spec);
  ASSERT_TRUE(first.ok()) << first.status();
  for (int i = 0; i < kQueued; ++i) SubmitAs("ann", Spec(absl::StrCat("task ", i))).IgnoreError();
  ASSERT_FALSE(SubmitAs("ann", Spec("one more")).ok());
  Restart();
  ASSERT_FALSE(SubmitAs("ann", Spec("one more")).ok()) << "what is queued is counted again";
  const auto again = Submit(spec);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->existing());
  EXPECT_EQ(again->handoff().id(), first->handoff().id());
}

TEST_F(QuotaTest, ARefusalForTheRateSaysWhenToTryAgain) {
  ASSERT_TRUE(SubmitAs("slow", Spec("one")).ok());
  ASSERT_TRUE(SubmitAs("slow", Spec("two")).ok());
  const absl::Status refused = SubmitAs("slow", Spec("three")).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("1 a minute, and 2 at once after a pause. Nothing was submitted."));
}

// For programs: in a trailer, and nothing of it where waiting does not help.
TEST_F(QuotaTest, HowLongToWaitComesBesideTheSentence) {
  for (const char* task : {"one", "two"}) ASSERT_TRUE(SubmitAs("slow", Spec(task)).ok());
  const auto wait = RetryAfter(SubmitAs("slow", Spec("three")).status());
  ASSERT_TRUE(wait.has_value());
  EXPECT_GT(*wait, absl::ZeroDuration());
  EXPECT_LE(*wait, absl::Minutes(1));
  v1::HandoffSpec wrong = Spec("four");
  wrong.set_retries(-1);
  const absl::Status refused = SubmitAs("slow", wrong).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(RetryAfter(refused).has_value());
}

TEST_F(QuotaTest, ARecordSaysWhatIsKeptForItBesideWhatItsOwnerMayHave) {
  const auto submitted = SubmitAs("few", Spec("one thing"));
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  const std::string id = submitted->handoff().id();
  EXPECT_EQ(Get(id)->stored_bytes(), 0u);
  EXPECT_EQ(Get(id)->owner_stored_limit(), 1'000'000u);
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  const std::string log = "what it wrote\n";
  ASSERT_TRUE(worker.Append(attempt, 0, log).ok());
  const auto reported = worker.Report(worker.ReportOf(attempt, log));
  ASSERT_TRUE(reported.ok() && reported->accepted()) << reported.status();
  EXPECT_EQ(Get(id)->stored_bytes(), log.size());
  const auto other = SubmitAs("ann", Spec("another"));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(Get(other->handoff().id())->owner_stored_limit(), uint64_t{100} << 30);
}

TEST_F(QuotaTest, AWorkerIsListedWithWhoHasItsSlots) {
  const auto submitted = SubmitAs("bob", Spec("one thing"));
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  ScriptedWorker worker(guests_, "host-a");
  worker.TakeAttempt();
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(control().ListWorkers(&context, {}, &workers).ok());
  ASSERT_EQ(workers.workers_size(), 1);
  ASSERT_EQ(workers.workers(0).held_size(), 1);
  EXPECT_EQ(workers.workers(0).held(0).owner(), "bob");
  EXPECT_EQ(workers.workers(0).held(0).attempt(), absl::StrCat(submitted->handoff().id(), "/1"));
}

TEST_F(QuotaTest, InWhatAgentsRunIsSeenOfAWorkerAndOfWhatRunsThere) {
  const std::string id = SubmitAs("bob", Spec("one thing"))->handoff().id();
  ScriptedWorker worker(guests_, "host-a");
  v1::SyncRequest request = worker.Request();
  request.mutable_enclosure()->set_account("builder");
  request.mutable_enclosure()->set_uid(1001);
  const auto answer = worker.Sync(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->attempts_size(), 1);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(control().ListWorkers(&context, {}, &workers).ok());
  ASSERT_EQ(workers.workers_size(), 1);
  EXPECT_EQ(workers.workers(0).enclosure().account(), "builder");
  EXPECT_EQ(workers.workers(0).held(0).agent(), "command");
  EXPECT_EQ(Get(id)->attempts(0).enclosure().uid(), 1001u);
}

TEST_F(QuotaTest, AnExclusiveHandoffHasTheWorkerAlone) {
  v1::HandoffSpec alone = Spec("alone");
  alone.set_exclusive(true);
  const auto submitted = Submit(alone);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  ScriptedWorker worker(guests_, "host-a");
  v1::SyncRequest request = worker.Request();
  request.set_slots(4);
  const auto answer = worker.Sync(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->attempts_size(), 1);
  EXPECT_EQ(answer->attempts(0).handoff_id(), submitted->handoff().id());
  const auto waits = SubmitAs("ann", Spec("beside it"));
  ASSERT_TRUE(waits.ok()) << waits.status();
  EXPECT_EQ(Get(waits->handoff().id())->status(), v1::Handoff::QUEUED);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::WhyRequest why;
  why.set_id(waits->handoff().id());
  v1::WhyResponse response;
  ASSERT_TRUE(control().Why(&context, why, &response).ok());
  ASSERT_EQ(response.details_size(), 1);
  EXPECT_EQ(response.details(0), "host-a: runs a handoff that asked to be alone.");
  Finish(worker, answer->attempts(0));
  EXPECT_EQ(Get(waits->handoff().id())->status(), v1::Handoff::RUNNING);
}

}  // namespace
}  // namespace handoff
