// Submit, cancel and resume.
#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

template <typename T>
absl::StatusCode CodeOf(const absl::StatusOr<T>& result) {
  return result.status().code();
}

Submit Keyed(const std::string& id, const std::string& key, const std::string& content) {
  Submit command;
  command.handoff = Pool::Wanted();
  command.handoff.idempotency_key = key;
  command.handoff.content_hash = content;
  command.free_id = id;
  return command;
}

TEST(Submit, GivesIdOrderAndFirstAttempt) {
  Pool pool;
  const auto reply = pool.Do(Keyed("20260101-mend", "", ""));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->handoff.id, "20260101-mend");
  EXPECT_EQ(reply->handoff.seq, 1u);
  EXPECT_EQ(reply->handoff.created_at, pool.now);
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kQueued);
  ASSERT_THAT(reply->handoff.attempts, SizeIs(1));
  EXPECT_EQ(reply->handoff.attempts[0].session_kind, SessionKind::kNew);
  EXPECT_FALSE(reply->existing);
  EXPECT_TRUE(pool.durable);
  EXPECT_THAT(pool.EventKinds(), Contains("submitted"));
}

TEST(Submit, TheSameKeyWithTheSameContentIsTheSameHandoff) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Keyed("h", "k", "c")).ok());
  const auto again = pool.Do(Keyed("h-2", "k", "c"));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->existing);
  EXPECT_EQ(again->handoff.id, "h");
  EXPECT_FALSE(pool.durable);
  EXPECT_THAT(pool.state.handoffs(), SizeIs(1));
}

TEST(Submit, TheSameKeyOfAnEndedHandoffIsFoundInTheStore) {
  Pool pool;
  Submit command = Keyed("h-2", "k", "c");
  Handoff stored = Pool::Wanted();
  stored.id = "h";
  stored.idempotency_key = "k";
  stored.content_hash = "c";
  stored.status = HandoffStatus::kSucceeded;
  command.same_key = stored;
  const auto again = pool.Do(command);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->existing);
  EXPECT_EQ(again->handoff.id, "h");
}

TEST(Submit, TheSameKeyWithOtherContentIsRefused) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Keyed("h", "k", "c")).ok());
  const auto refused = pool.Do(Keyed("h-2", "k", "other"));
  EXPECT_EQ(CodeOf(refused), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("another key"));
}

TEST(Submit, TheSameKeyOfAnotherOwnerIsAnotherKey) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Keyed("h", "k", "c")).ok());
  Submit other = Keyed("h-2", "k", "other");
  other.handoff.owner = "bob";
  EXPECT_TRUE(pool.Do(other).ok());
}

TEST(Submit, AWishedIdThatIsTakenIsRefusedInTheStoreAndInTheBatch) {
  Pool pool;
  Submit wish = Keyed("", "", "");
  wish.wished_id = "h";
  wish.wished_id_taken = true;
  EXPECT_EQ(CodeOf(pool.Do(wish)), absl::StatusCode::kAlreadyExists);
  wish.wished_id_taken = false;
  EXPECT_TRUE(pool.Do(wish).ok());
  EXPECT_EQ(CodeOf(pool.Do(wish)), absl::StatusCode::kAlreadyExists);
}

TEST(Submit, AFreeIdThatTheBatchTookIsNeverWrittenOver) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Keyed("h", "", "")).ok());
  EXPECT_EQ(CodeOf(pool.Do(Keyed("h", "", ""))), absl::StatusCode::kAborted);
}

TEST(Submit, AnAgentThatNobodyKnowsIsRefused) {
  Pool pool;
  Submit command = Keyed("h", "", "");
  command.handoff.agent = "nope";
  const auto refused = pool.Do(command);
  EXPECT_EQ(refused.status(),
            absl::InvalidArgumentError("no agent is called 'nope'; there are "
                                       "cursor, claude, codex, gemini, opencode, copilot, qwen, "
                                       "command; nothing was handed over"));
  // Which agents there are is for the workers to say, too.
  FakeWorker a(pool, "a");
  a.self.agents[0].name = "nope";
  a.Call();
  EXPECT_TRUE(pool.Do(command).ok());
}

TEST(Submit, IsRefusedWhenThePoolIsFull) {
  Pool pool;
  Edit rows;
  Handoff row = Pool::Wanted();
  row.reason = "Waits.";
  row.attempts.resize(1);
  row.attempts[0].number = 1;
  for (size_t i = 0; i < kMaxLiveHandoffs; ++i) {
    row.id = std::to_string(i);
    row.seq = i + 1;
    rows.changes.assign(1, PutHandoff{row});
    pool.state.Apply(rows);
  }
  const auto decision = Decide(pool.state, Keyed("h", "", ""), pool.now);
  EXPECT_EQ(CodeOf(decision), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(decision.status().message()), HasSubstr("Nothing was submitted"));
}

TEST(Cancel, AQueuedHandoffEndsAtOnce) {
  Pool pool;
  pool.Submit("h");
  const auto reply = pool.Do(Cancel{"h", "wrong branch", "ada"});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kCancelled);
  EXPECT_EQ(reply->handoff.reason, "Cancelled by ada: wrong branch.");
  EXPECT_EQ(reply->handoff.ended_at, pool.now);
}

TEST(Cancel, ABackingOffHandoffEndsAtOnce) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kNetwork)).ok());
  ASSERT_GT(pool.Get("h").not_before, pool.now);
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  EXPECT_EQ(NextTick(pool.state), absl::InfiniteFuture());
}

TEST(Cancel, ALeaseThatNoAnswerCarriedEndsAtOnce) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  ASSERT_EQ(pool.Latest("h").state, AttemptState::kLeased);
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
}

TEST(Cancel, ALiveAttemptKeepsItsSlotUntilItsEndIsReported) {
  Pool pool;
  FakeWorker a(pool, "a", 1);
  a.Call();
  pool.Submit("h");
  a.Call();
  a.Call();
  const auto reply = pool.Do(Cancel{"h", "enough", "ada"});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kRunning);
  pool.Submit("next");
  EXPECT_EQ(pool.Get("next").status, HandoffStatus::kQueued);
  const auto answer = a.Call();
  ASSERT_THAT(answer.attempts, SizeIs(1));
  EXPECT_TRUE(answer.attempts[0].stop);
  EXPECT_EQ(answer.attempts[0].stop_as, EndedBy::kCancel);
  EXPECT_TRUE(answer.urgent);
  ASSERT_TRUE(a.Finish("h", 1, Obeyed()).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  EXPECT_EQ(pool.Get("h").reason, "Cancelled by ada: enough.");
  EXPECT_EQ(pool.Get("next").status, HandoffStatus::kRunning) << "placed by the same commit";
}

TEST(Cancel, TwiceIsOnce) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  ASSERT_TRUE(pool.Do(Cancel{"h", "first", ""}).ok());
  ASSERT_TRUE(pool.Do(Cancel{"h", "second", ""}).ok());
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(pool.Latest("h").stop_reason, "Cancelled: first.");
}

TEST(Cancel, AfterTheWorkersEndRecordTheTrueResultStands) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("won");
  pool.Submit("lost");
  a.Call();
  ASSERT_TRUE(pool.Do(Cancel{"won", "", ""}).ok());
  ASSERT_TRUE(pool.Do(Cancel{"lost", "", ""}).ok());
  ASSERT_TRUE(a.Finish("won", 1, Success()).ok());
  ASSERT_TRUE(a.Finish("lost", 1, Failure(FailureClass::kNetwork)).ok());
  EXPECT_EQ(pool.Get("won").status, HandoffStatus::kSucceeded);
  EXPECT_EQ(pool.Get("lost").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("lost").failure, FailureClass::kNetwork);
  EXPECT_THAT(pool.Get("lost").attempts, SizeIs(1)) << "no retry after a cancel";
}

TEST(Cancel, AWorkerThatNeverGotTheAttemptEndsIt) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  a.runs.clear();  // the answer was lost
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  a.Call();
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
}

TEST(Cancel, ALostAttemptThatWasBeingStoppedIsNotRetried) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  pool.Pass(absl::Minutes(31));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kLost);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("unknown"));
}

TEST(Cancel, OfAnEndedOrUnknownHandoffIsRefused) {
  Pool pool;
  pool.Submit("h");
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  const auto refused = pool.Do(Cancel{"h", "", ""});
  EXPECT_EQ(CodeOf(refused), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("Nothing was cancelled"));
  EXPECT_EQ(CodeOf(pool.Do(Cancel{"nobody", "", ""})), absl::StatusCode::kNotFound);
}

TEST(Drain, ShowsTheWorkerWithWhatStillRunsThere) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  for (int i = 0; i < 2; ++i) {  // the second time it changes nothing
    const auto reply = pool.Do(Drain{"a", "new disk", false, "ada", pool.SignIn("ada")});
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_TRUE(reply->worker.worker.draining);
    EXPECT_EQ(reply->worker.worker.drain_reason, "new disk");
    EXPECT_TRUE(reply->worker.reachable);
    EXPECT_THAT(reply->worker.attempts, ElementsAre(ListWorkers::Slot{
                                            "h", 1, "ada", /*exclusive=*/false, "cursor", "team"}));
  }
}

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() : a(pool, "a"), b(pool, "b") {
    a.Call();
    pool.Submit("h");
    a.Call();
    AttemptEnd end = Failure(FailureClass::kAgentError);
    end.session = "s-1";
    EXPECT_TRUE(a.Finish("h", 1, end).ok());
    b.Call();
    a.Call();
  }
  Pool pool;
  FakeWorker a, b;
};

TEST_F(ResumeTest, GoesOnWithTheSessionOnTheHostThatHasIt) {
  ASSERT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  const auto reply = pool.Do(Again("h"));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Latest("h").worker_name, "a");
  EXPECT_EQ(pool.Latest("h").session, "s-1");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kSame);
  EXPECT_EQ(pool.Get("h").ended_at, absl::InfinitePast());
  EXPECT_THAT(pool.EventKinds(), Contains("resumed"));
}

TEST_F(ResumeTest, OnAnotherWorkerIsAFreshSession) {
  ASSERT_TRUE(pool.Do(Again("h", "b")).ok());
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
  EXPECT_EQ(pool.Latest("h").session, "");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(ResumeTest, TheWorkerAskedForIsThatOfThisResumeOnly) {
  ASSERT_TRUE(pool.Do(Again("h", "nobody")).ok());
  ASSERT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  ASSERT_TRUE(pool.Do(Cancel{"h", "", ""}).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(pool.Latest("h").worker_name, "a");
}

TEST_F(ResumeTest, AskedForFreshOrAnotherAgentIsAFreshSession) {
  Resume fresh;
  fresh.id = "h";
  fresh.fresh_session = true;
  ASSERT_TRUE(pool.Do(fresh).ok());
  EXPECT_EQ(pool.Latest("h").worker_name, "a") << "the workspace is still there";
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
  a.Call();
  ASSERT_TRUE(a.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  Resume other;
  other.id = "h";
  other.agent = "mine";
  EXPECT_EQ(CodeOf(pool.Do(other)), absl::StatusCode::kInvalidArgument) << "nobody offers it";
  b.self.agents[0].name = "mine";
  b.Call();
  ASSERT_TRUE(pool.Do(other).ok());
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
  EXPECT_EQ(pool.Get("h").agent, "mine");
}

TEST_F(ResumeTest, WhoseWorkspaceIsGoneIsAFreshSession) {
  a.self.workspaces.clear();
  a.Call();
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(ResumeTest, OfALiveHandoffIsRefusedWithWhatToDo) {
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  const auto refused = pool.Do(Again("h"));
  EXPECT_EQ(CodeOf(refused), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("handoff cancel h"));
}

TEST_F(ResumeTest, StartsRetriesAndDeadlineOver) {
  pool.Submit("d", [&](Handoff& h) {
    h.deadline = pool.now + absl::Minutes(1);
    h.require["gpu"] = "yes";
  });
  pool.Pass(absl::Minutes(2));
  ASSERT_EQ(pool.Get("d").failure, FailureClass::kTimedOut);
  ASSERT_TRUE(pool.Do(Again("d")).ok());
  EXPECT_EQ(pool.Get("d").status, HandoffStatus::kQueued);
  EXPECT_EQ(pool.Get("d").deadline, absl::InfiniteFuture());
}

TEST_F(ResumeTest, EndsAtTheLimitOfAttempts) {
  Handoff h = pool.Get("h");
  while (h.attempts.size() < kMaxAttempts) {
    Attempt next = h.attempts.back();
    ++next.number;
    next.epoch = 0;
    next.worker_uuid.clear();
    h.attempts.push_back(next);
  }
  Edit edit;
  edit.changes.push_back(PutHandoff{h});
  pool.state.Apply(edit);
  EXPECT_EQ(CodeOf(pool.Do(Again("h"))), absl::StatusCode::kResourceExhausted);
}

TEST(RemoveWorker, RefusesOneThatIsReachableAlsoWhenItIsDrained) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "ada", pool.SignIn("ada")}).ok());
  const absl::Status refused = pool.Do(RemoveWorker{"a", "ada", pool.SignIn("ada")}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("stop its daemon first"));
  pool.Pass(kUnreachableAfter);
  EXPECT_TRUE(pool.Do(RemoveWorker{"a", "ada", pool.SignIn("ada")}).ok());
}

TEST(Room, IsTakenByTheEndsOfAttemptsToo) {
  Pool pool;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h");
  a.Call();
  const size_t before = pool.state.bytes_as_sent();
  AttemptEnd end = Failure(FailureClass::kNetwork);
  end.bytes.assign(1000, 'x');
  ASSERT_TRUE(a.Finish("h", 1, end).ok());
  EXPECT_EQ(pool.state.bytes_as_sent(), before + 1000) << "it is queued again";
}

}  // namespace
}  // namespace handoff::core
