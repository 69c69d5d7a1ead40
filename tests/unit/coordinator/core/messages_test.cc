// Messages: with which attempt they go, when they count as delivered, what they make go on; and
// questions, which wait for one.
#include "coordinator/core/messages.h"

#include <algorithm>

#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// "1:delivered to 2", "2:pending", …
std::vector<std::string> Where(const Handoff& handoff) {
  std::vector<std::string> where;
  for (const Message& m : handoff.messages) {
    const std::string number = std::to_string(m.number);
    const std::string to = std::to_string(m.attempt);
    where.push_back(number + (m.dropped     ? ":dropped"
                              : m.pending() ? ":pending"
                              : m.delivered ? ":delivered to " + to
                                            : ":given to " + to));
  }
  return where;
}

// Of an agent that started.
AttemptEnd Ran(AttemptEnd end, const Pool& pool) {
  end.started_at = pool.now;
  return end;
}

AttemptEnd InterruptedEnd() {
  AttemptEnd end = Failure(FailureClass::kCancelled, "The attempt was interrupted.");
  end.ended_by = EndedBy::kInterrupted;
  return end;
}

AttemptEnd Asking(const std::string& question) {
  AttemptEnd end = Success();
  end.question = question;
  return end;
}

class MessagesTest : public ::testing::Test {
 protected:
  MessagesTest() : a(pool, "a") { a.Call(); }

  absl::StatusOr<Send::Reply> Say(const std::string& text, bool now = false) {
    Send command;
    command.id = "h";
    command.text = text;
    command.now = now;
    command.actor = "ada";
    return pool.Do(command);
  }
  absl::StatusOr<Send::Reply> Drop(int number) {
    Send command;
    command.id = "h";
    command.drop = number;
    command.actor = "ada";
    return pool.Do(command);
  }
  // Attempt 1 is running, and the coordinator knows.
  void Running() {
    pool.Submit("h");
    a.Call();
    a.Call();
    ASSERT_EQ(pool.Latest("h").state, AttemptState::kRunning);
  }
  absl::StatusOr<Report::Reply> Finish(AttemptEnd end) {
    return a.Finish("h", pool.Latest("h").number, std::move(end));
  }
  void Waiting() {
    Running();
    ASSERT_TRUE(Finish(Ran(Asking("\nWhich database?\nA or B."), pool)).ok());
    ASSERT_EQ(pool.Get("h").status, HandoffStatus::kWaiting);
  }

  Pool pool;
  FakeWorker a;
};

TEST_F(MessagesTest, WaitForTheEndOfTheAttemptAndAllGoWithTheNextInTheOrderSent) {
  Running();
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(Say(text).ok());
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:pending", "2:pending", "3:pending"));
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kRunning) << "nobody interrupts it";
  const auto reply = Finish(Ran(Success(), pool));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->handoff.status, HandoffStatus::kQueued)
      << "the end and the next attempt are one decision";
  EXPECT_THAT(reply->handoff.reason, HasSubstr("It goes on with 3 messages."));
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kSame);
  EXPECT_EQ(pool.Get("h").messages[1].text, "two");
  EXPECT_EQ(pool.Get("h").messages[1].author, "ada");
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2", "2:given to 2", "3:given to 2"));
  EXPECT_THAT(pool.EventKinds(), Contains("message"));
  EXPECT_THAT(pool.EventKinds(), Contains("continued"));
}

TEST_F(MessagesTest, AreDeliveredWhenTheAgentStartedAndThatIsKept) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  a.Find("h")->running = false;  // it prepares
  a.Call();
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2"));
  a.Find("h")->running = true;
  a.Call();
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:delivered to 2"));
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kRunning) << "by the same request";
  pool.Restart();
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:delivered to 2"));
  pool.Pass(absl::Hours(1));  // the worker died with its host
  EXPECT_EQ(pool.Get("h").attempts[1].state, AttemptState::kLost);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:delivered to 2")) << "a lost agent has read it";
}

TEST_F(MessagesTest, TheRequestThatTellsOfTheStartIsStored) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  ASSERT_TRUE(pool.Do(a.Request()).ok());
  EXPECT_TRUE(pool.durable);
  ASSERT_TRUE(pool.Do(a.Request()).ok());
  EXPECT_FALSE(pool.durable) << "once";
}

TEST_F(MessagesTest, AShortAttemptHasReadThemThoughOnlyItsEndTold) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:delivered to 2"));
}

TEST_F(MessagesTest, ArePendingAgainWhenTheAgentNeverStarted) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  AttemptEnd end = Failure(FailureClass::kEnvironmentFailed, "The disk is full");
  ASSERT_TRUE(Finish(end).ok());
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:pending")) << "it backs off";
  pool.Pass(kRetryBackoff.first);
  EXPECT_EQ(pool.Latest("h").number, 3);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 3"));
}

TEST_F(MessagesTest, ArePendingAgainWhenTheAttemptIsLostBeforeItsAgentStarted) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  a.runs.clear();
  a.Restart(/*keeps_attempts=*/false);
  a.Call();
  EXPECT_EQ(pool.Get("h").attempts[1].state, AttemptState::kLost);
  pool.Pass(kRetryBackoff.first);
  EXPECT_EQ(pool.Latest("h").number, 3);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 3"));
}

// A handoff that cannot begin would go round and round with them.
TEST_F(MessagesTest, ThatNoAgentCouldReadAreNoReasonToGoOnForEver) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  ASSERT_TRUE(Finish(Failure(FailureClass::kCheckoutFailed, "No such commit")).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:pending"));
  EXPECT_THAT(pool.Explain("h").details,
              Contains("1 message goes with the next attempt: `handoff resume h` begins it."));
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 3"));
}

TEST_F(MessagesTest, SentWhileAnAttemptThatNeverStartsIsOutMakeItGoOn) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  ASSERT_TRUE(Say("try it without the submodule").ok());
  ASSERT_TRUE(Finish(Failure(FailureClass::kCheckoutFailed, "No such commit")).ok());
  EXPECT_EQ(pool.Latest("h").number, 3);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 3", "2:given to 3"));
}

TEST_F(MessagesTest, ToAQueuedHandoffGoWithItsFirstAttempt) {
  a.self.slots = 0;
  a.Call();
  pool.Submit("h");
  ASSERT_TRUE(Say("one").ok());
  EXPECT_THAT(pool.Get("h").attempts, SizeIs(1));
  EXPECT_THAT(pool.Explain("h").details, Contains("1 message goes with this attempt."));
  a.self.slots = 1;
  a.Call();
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 1"));
}

TEST_F(MessagesTest, ToAnEndedHandoffBeginAnotherAttempt) {
  struct Case {
    AttemptEnd end;
    HandoffStatus status;
  };
  const Case cases[] = {
      {Success(), HandoffStatus::kSucceeded},
      {Failure(FailureClass::kAgentError), HandoffStatus::kFailed},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(FailureName(c.end.failure)));
    Pool ended;
    FakeWorker worker(ended, "a");
    worker.Call();
    ended.Submit("h", [](Handoff& h) { h.deadline = absl::FromUnixSeconds(1'800'000'060); });
    worker.Call();
    ASSERT_TRUE(worker.Finish("h", 1, Ran(c.end, ended)).ok());
    ASSERT_EQ(ended.Get("h").status, c.status);
    ended.Pass(absl::Minutes(2));
    worker.Call();
    Send command;
    command.id = "h";
    command.text = "and the docs";
    ASSERT_TRUE(ended.Do(command).ok());
    EXPECT_THAT(Where(ended.Get("h")), ElementsAre("1:given to 2"));
    EXPECT_EQ(ended.Get("h").status, HandoffStatus::kRunning)
        << "a deadline that passed was that of the first try";
    EXPECT_EQ(ended.Get("h").failure, FailureClass::kNone);
    EXPECT_EQ(ended.Get("h").ended_at, absl::InfinitePast());
  }
}

TEST_F(MessagesTest, ToACancelledHandoffBeginAnotherAttempt) {
  Running();
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  const auto refused = Say("no, the other way");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("h is being stopped: Cancelled by ada. Nothing was sent"));
  ASSERT_TRUE(Finish(Ran(Obeyed(), pool)).ok());
  ASSERT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  ASSERT_TRUE(Say("no, the other way").ok());
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2"));
}

TEST_F(MessagesTest, OneThatIsCancelledGoesOnWithNone) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  ASSERT_TRUE(Finish(Ran(Obeyed(), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:pending"));
}

TEST_F(MessagesTest, ASuccessThatCameBeforeItsCancelSaysWhatNobodyRead) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
  EXPECT_EQ(pool.Get("h").reason, "It ended with 1 message that no attempt was given.");
}

TEST_F(MessagesTest, AreRefusedWhereNobodyReadsThem) {
  pool.Submit("h", [](Handoff& h) { h.agent = "command"; });
  EXPECT_EQ(Say("one").status().message(),
            "h runs a command, which reads no messages. Nothing was sent.");
  Handoff taken = Pool::Wanted();
  taken.id = "taken";
  taken.status = HandoffStatus::kInteractive;
  taken.reason = "grace took it over";
  taken.attempts.resize(1);
  State state;
  state.PageIn(taken);
  const auto refused = Decide(state, Send{"taken", "one", false, 0, "ada"}, pool.now);
  EXPECT_EQ(refused.status().message(),
            "taken is in a person's hands: grace took it over. Nothing was sent: `handoff return "
            "taken MESSAGE` gives it back.");
  EXPECT_EQ(Decide(state, Send{"other", "one", false, 0, "ada"}, pool.now).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(MessagesTest, NowStopsTheAttemptAndTheNextOneHasAllThatWait) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Say("two", /*now=*/true).ok());
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kStopping);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("Interrupted by ada for a message."));
  ASSERT_TRUE(Say("three").ok()) << "more may come until it has stopped";
  ASSERT_TRUE(Say("four", /*now=*/true).ok());
  const Sync::Reply answer = a.Call();
  ASSERT_THAT(answer.attempts, SizeIs(1));
  EXPECT_TRUE(answer.attempts[0].stop);
  EXPECT_EQ(answer.attempts[0].stop_as, EndedBy::kInterrupted);
  ASSERT_TRUE(Finish(Ran(InterruptedEnd(), pool)).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kCancelled);
  EXPECT_EQ(pool.Get("h").retries_used, 0);
  EXPECT_EQ(pool.Latest("h").number, 2) << "at once";
  EXPECT_THAT(Where(pool.Get("h")),
              ElementsAre("1:given to 2", "2:given to 2", "3:given to 2", "4:given to 2"));
  EXPECT_THAT(pool.EventKinds(), Contains("continued"));
}

TEST_F(MessagesTest, NowGoesOnWhateverCameFirst) {
  const AttemptEnd ends[] = {Success(), Failure(FailureClass::kAgentError),
                             Failure(FailureClass::kTimedOut)};
  for (const AttemptEnd& end : ends) {
    SCOPED_TRACE(std::string(FailureName(end.failure)));
    Pool other;
    FakeWorker worker(other, "a");
    worker.Call();
    other.Submit("h");
    worker.Call();
    ASSERT_TRUE(other.Do(Send{"h", "one", true, 0, "ada"}).ok());
    ASSERT_TRUE(worker.Finish("h", 1, Ran(end, other)).ok());
    EXPECT_EQ(other.Latest("h").number, 2);
    EXPECT_THAT(Where(other.Get("h")), ElementsAre("1:given to 2"));
  }
}

TEST_F(MessagesTest, NowOnAnAttemptOfWhichNobodyHeardEndsItAtOnce) {
  pool.Submit("h");  // leased, but no answer carries it yet
  ASSERT_EQ(pool.Latest("h").state, AttemptState::kLeased);
  ASSERT_TRUE(Say("one", /*now=*/true).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kCancelled);
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2"));
}

TEST_F(MessagesTest, NowTakesBackWhatTheInterruptedAttemptNeverRead) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  a.Find("h")->running = false;  // it prepares
  ASSERT_TRUE(Say("two", /*now=*/true).ok());
  a.Call();
  ASSERT_TRUE(Finish(InterruptedEnd()).ok());
  EXPECT_EQ(pool.Latest("h").number, 3);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 3", "2:given to 3"));
}

TEST_F(MessagesTest, NowOfALostAttemptGoesOn) {
  Running();
  ASSERT_TRUE(Say("one", /*now=*/true).ok());
  pool.Pass(absl::Hours(1));
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  a.Restart(/*keeps_attempts=*/false);
  a.Call();
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2"));
}

// Lost and leased again in one Tick: what the lost one's worker said last is not said of the next.
TEST_F(MessagesTest, NowOfALostAttemptGoesOnElsewhereAtOnce) {
  Running();
  ASSERT_TRUE(Say("one", /*now=*/true).ok());
  a.Call();
  pool.Pass(pool.Latest("h").lease_until - pool.now - absl::Seconds(1));
  FakeWorker b(pool, "b");
  b.Call();
  pool.Pass(absl::Seconds(2));
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
  EXPECT_EQ(pool.state.ViewOf("h"), nullptr);
}

TEST_F(MessagesTest, ACancelAfterNowCancels) {
  Running();
  ASSERT_TRUE(Say("one", /*now=*/true).ok());
  a.Call();
  ASSERT_TRUE(pool.Do(Cancel{"h", "wrong idea", "ada"}).ok());
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("Cancelled by ada: wrong idea."));
  EXPECT_EQ(a.Call().attempts[0].stop_as, EndedBy::kCancel);
  ASSERT_TRUE(Finish(Ran(InterruptedEnd(), pool)).ok()) << "its worker had begun to stop it";
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("Cancelled by ada: wrong idea."));
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:pending"));
}

TEST_F(MessagesTest, OnlyAPendingOneCanBeTakenBack) {
  Running();
  for (const char* text : {"one", "two"}) ASSERT_TRUE(Say(text).ok());
  ASSERT_TRUE(Drop(1).ok());
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:dropped", "2:pending"));
  EXPECT_THAT(pool.EventKinds(), Contains("message_dropped"));
  EXPECT_EQ(Drop(1).status().message(), "message 1 of h was dropped already.");
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  EXPECT_EQ(Drop(2).status().message(),
            "message 2 of h was given to attempt 2 already. Nothing was dropped.");
  EXPECT_EQ(Drop(3).status().code(), absl::StatusCode::kNotFound);
  a.Call();
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:dropped", "2:delivered to 2"));
}

TEST_F(MessagesTest, DroppedOnesMakeNothingGoOn) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Drop(1).ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
}

TEST_F(MessagesTest, AreRefusedAtTheirBounds) {
  Running();
  const std::string big(256 << 10, 'x');
  ASSERT_TRUE(Say(big).ok());
  ASSERT_TRUE(Say(big).ok());
  const auto unread = Say("x");
  EXPECT_EQ(unread.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(unread.status().message()),
              AllOf(HasSubstr("that no agent of h has read yet fill 524 kB"),
                    HasSubstr("Nothing was sent")));
  ASSERT_TRUE(Drop(1).ok());
  EXPECT_TRUE(Say("x").ok());
  ASSERT_TRUE(Drop(2).ok());
  ASSERT_TRUE(Drop(3).ok());
  Handoff row = pool.Get("h");
  Message old = row.messages.back();
  ASSERT_TRUE(old.dropped);
  while (row.messages.size() < kMaxMessages - 1) {
    old.number = static_cast<int>(row.messages.size()) + 1;
    row.messages.push_back(old);
  }
  pool.Install({{PutHandoff{row}}});
  ASSERT_TRUE(Say("x").ok());
  ASSERT_TRUE(Drop(kMaxMessages).ok());
  EXPECT_THAT(std::string(Say("x").status().message()), HasSubstr("has had 1000 messages of "));
}

TEST_F(MessagesTest, AreRefusedWhenNoFurtherAttemptWillTakeThem) {
  pool.Submit("h");
  Handoff last = pool.Get("h");
  const Attempt latest = *last.Latest();
  last.attempts.clear();
  for (int number = 1; number < kMaxAttempts; ++number) {
    Attempt ended;
    ended.number = number;
    ended.state = AttemptState::kCancelled;
    last.attempts.push_back(ended);
  }
  last.attempts.push_back(latest);
  last.Latest()->number = kMaxAttempts;
  pool.Install({{PutHandoff{last}}});
  a.Call();
  a.Call();
  EXPECT_EQ(Say("one", /*now=*/true).status().code(), absl::StatusCode::kResourceExhausted)
      << "the last attempt is not ended for a message that nobody would get";
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kRunning);
  ASSERT_TRUE(Finish(Ran(Asking("Which?"), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kWaiting);
  EXPECT_EQ(Say("one").status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(MessagesTest, WinOverFailuresThatAreNotRetried) {
  Running();
  ASSERT_TRUE(Say("use the other compiler").ok());
  ASSERT_TRUE(Finish(Ran(Failure(FailureClass::kAgentError, "No compiler"), pool)).ok());
  EXPECT_EQ(pool.Get("h").attempts[0].state, AttemptState::kFailed);
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2"));
}

TEST_F(MessagesTest, WinOverUsedUpRetries) {
  pool.Submit("h", [](Handoff& h) { h.retries = 0; });
  a.Call();
  a.Call();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Failure(FailureClass::kNetwork), pool)).ok());
  EXPECT_EQ(pool.Latest("h").number, 2);
  a.Call();
  ASSERT_TRUE(Finish(Ran(Failure(FailureClass::kNetwork), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed) << "once";
}

TEST_F(MessagesTest, AfterAFullConversationTheyGoToAFreshOne) {
  pool.Submit("h", [](Handoff& h) { h.retries = 0; });
  a.Call();
  a.Call();
  ASSERT_TRUE(Say("one").ok());
  AttemptEnd full = Ran(Failure(FailureClass::kContextOverflow), pool);
  full.session = "session-1";
  ASSERT_TRUE(Finish(full).ok());
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kFresh);
}

TEST_F(MessagesTest, ARetryKeepsItsPauseAndTheMessagesWait) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Failure(FailureClass::kNetwork), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  EXPECT_GT(pool.Get("h").not_before, pool.now);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:pending"));
  ASSERT_TRUE(Say("two").ok());
  pool.Pass(kRetryBackoff.first);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2", "2:given to 2"));
}

TEST_F(MessagesTest, OfAPersonWinOverChecksAndTheChecksSpeakOtherwise) {
  pool.Submit("h", [](Handoff& h) { h.check_retries = 1; });
  a.Call();
  a.Call();
  AttemptEnd failed = Ran(Failure(FailureClass::kChecksFailed), pool);
  failed.check_output = "2 of 7 tests failed";
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(failed).ok());
  EXPECT_EQ(pool.Get("h").check_retries_used, 0);
  // What they said is not lost, though no try is spent.
  ASSERT_THAT(pool.Get("h").messages, SizeIs(2));
  EXPECT_EQ(pool.Get("h").messages[1].origin, Message::Origin::kChecks);
  EXPECT_EQ(pool.Get("h").messages[1].text, "2 of 7 tests failed");
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2", "2:given to 2"));
  a.Call();
  ASSERT_TRUE(Finish(failed).ok());
  EXPECT_EQ(pool.Get("h").check_retries_used, 1);
  EXPECT_THAT(Where(pool.Get("h")),
              ElementsAre("1:delivered to 2", "2:delivered to 2", "3:given to 3"));
  a.Call();
  ASSERT_TRUE(Finish(failed).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kChecksFailed);
}

// ---- Questions ----

TEST_F(MessagesTest, AQuestionPutsTheHandoffToRestUntilItIsAnswered) {
  Waiting();
  EXPECT_EQ(pool.Get("h").question, "\nWhich database?\nA or B.");
  EXPECT_EQ(pool.Get("h").reason, "The agent asks: Which database?");
  EXPECT_EQ(pool.Latest("h").state, AttemptState::kSucceeded);
  EXPECT_TRUE(pool.state.AttemptsOf(a.self.uuid).empty()) << "its slot is free";
  EXPECT_THAT(pool.EventKinds(), Contains("waiting"));
  const Why::Reply why = pool.Explain("h");
  EXPECT_EQ(why.summary, "h waits for a person. The agent asks: Which database?");
  EXPECT_THAT(why.commands, Contains("handoff send h ANSWER"));
  const Handoff stored = DurablePart(pool.Get("h"));
  pool.state.EvictAtRest();
  EXPECT_THAT(pool.state.handoffs(), IsEmpty()) << "only the store has it";
  EXPECT_EQ(Say("A").status().code(), absl::StatusCode::kNotFound) << "the engine pages it in";
  pool.state.PageIn(stored);
  ASSERT_TRUE(Say("A").ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
  EXPECT_EQ(pool.Get("h").question, "");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kSame);
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 2"));
}

TEST_F(MessagesTest, AQuestionMayBeLeftUnanswered) {
  Waiting();
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Get("h").question, "");
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
}

TEST_F(MessagesTest, OneThatWaitsCanBeCancelled) {
  Waiting();
  const auto cancelled = pool.Do(Cancel{"h", "never mind", "ada"});
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->handoff.status, HandoffStatus::kCancelled);
  EXPECT_EQ(cancelled->handoff.question, "");
  EXPECT_EQ(cancelled->handoff.reason, "Cancelled by ada: never mind.");
  EXPECT_EQ(cancelled->handoff.ended_at, pool.now);
}

TEST_F(MessagesTest, ADeadlineDoesNotPassWhileAPersonIsAsked) {
  pool.Submit("h", [this](Handoff& h) { h.deadline = pool.now + absl::Minutes(10); });
  a.Call();
  ASSERT_TRUE(Finish(Ran(Asking("Which?"), pool)).ok());
  pool.Pass(absl::Hours(1));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kWaiting);
  a.Call();
  ASSERT_TRUE(Say("A").ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kRunning);
}

TEST_F(MessagesTest, WinOverAQuestion) {
  Running();
  ASSERT_TRUE(Say("use A").ok());
  ASSERT_TRUE(Finish(Ran(Asking("A or B?"), pool)).ok());
  EXPECT_EQ(pool.Latest("h").number, 2);
  EXPECT_EQ(pool.Get("h").question, "");
}

TEST_F(MessagesTest, AQuestionOfAnAttemptThatFailedIsAskedAllTheSame) {
  Running();
  AttemptEnd end = Ran(Failure(FailureClass::kNoResult), pool);
  end.question = "Which?";
  ASSERT_TRUE(Finish(end).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kWaiting);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kNone);
}

TEST_F(MessagesTest, ACancelledAttemptAsksNothing) {
  Running();
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  ASSERT_TRUE(Finish(Ran(Asking("Which?"), pool)).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
}

TEST_F(MessagesTest, ALateReportMovesNone) {
  Running();
  ASSERT_TRUE(Say("one").ok());
  ASSERT_TRUE(Finish(Ran(Success(), pool)).ok());
  a.Call();
  a.Find("h")->running = false;
  pool.Pass(absl::Hours(1));
  ASSERT_EQ(pool.Get("h").attempts[1].state, AttemptState::kLost);
  FakeWorker b(pool, "b");
  b.Call();
  ASSERT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 3"));
  ASSERT_TRUE(a.Finish("h", 2, Ran(Success(), pool)).ok());
  EXPECT_THAT(Where(pool.Get("h")), ElementsAre("1:given to 3"))
      << "what came too late decides nothing, and the next attempt reads it";
}

TEST_F(MessagesTest, AnAnswerAfterTheDeadlineSaysThatItCountsNoMore) {
  Waiting();
  Handoff late = pool.Get("h");
  late.deadline = pool.now + absl::Hours(1);
  pool.Install({{PutHandoff{late}}});
  a.self.slots = 0;
  a.Call();
  ASSERT_TRUE(Say("in time")->handoff.deadline == late.deadline);
  EXPECT_THAT(pool.Get("h").reason, Not(HasSubstr("deadline")));
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  pool.Pass(absl::Hours(2));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kCancelled);
  ASSERT_TRUE(Say("too late").ok());
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("had passed and counts no more."));
  EXPECT_EQ(pool.Get("h").deadline, absl::InfiniteFuture());
}

}  // namespace
}  // namespace handoff::core
