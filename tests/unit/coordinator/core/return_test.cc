// A person gives a handoff back: what goes on from it, where, and how it ends when it is done.
#include "absl/strings/str_join.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Two hosts; attempt 1 of "h" ended on a with checkpoint c1, and ada has it.
class ReturnTest : public ::testing::Test {
 protected:
  ReturnTest() : a(pool, "a"), b(pool, "b") { a.Call(); }

  void Take(const std::string& session = "session-1", bool on_host = false) {
    pool.Submit("h", [this](Handoff& handoff) { handoff.deadline = deadline_; });
    a.Call();
    b.Call();
    if (saves_) {
      ASSERT_TRUE(a.Save("h", 1, Taken(pool, "c1", session)).ok());
    }
    AttemptEnd end = Success();
    end.started_at = pool.now;
    ASSERT_TRUE(a.Finish("h", 1, end).ok());
    a.Call();
    ASSERT_TRUE(pool.Do(TakeOver{"h", "ada", on_host, false}).ok());
  }
  // On top of c1, with the session that was in it.
  Return Work(const std::string& commit = "p1") const {
    Return command = Nothing();
    command.message = "I changed the parser";
    command.checkpoint = Taken(pool, commit, "session-1");
    command.based_on = "c1";
    command.submitted = "s0";
    return command;
  }
  static Return Nothing() {
    Return command;
    command.id = "h";
    command.actor = "ada";
    return command;
  }
  static Return Done() {
    Return command = Nothing();
    command.done = true;
    return command;
  }
  std::string Refusal(const Return& command) {
    const auto reply = pool.Do(command);
    EXPECT_TRUE(absl::IsFailedPrecondition(reply.status())) << reply.status();
    return std::string(reply.status().message());
  }
  // Attempt 2 runs there and nowhere else.
  const Attempt& RunsOn(FakeWorker& worker) {
    pool.Pass(absl::Seconds(1));
    a.Call();
    b.Call();
    EXPECT_EQ(pool.Latest("h").worker_name, worker.self.name);
    EXPECT_TRUE(IsLive(pool.Latest("h").state));
    return pool.Latest("h");
  }
  AttemptEnd Checked(FailureClass failure = FailureClass::kNone) const {
    AttemptEnd end = failure == FailureClass::kNone ? AttemptEnd{} : Failure(failure);
    end.changed = true;
    return end;
  }

  absl::Time deadline_ = absl::InfiniteFuture();
  bool saves_ = true;
  Pool pool;
  FakeWorker a, b;
};

TEST_F(ReturnTest, TheNextAttemptGoesOnFromThePersonsWork) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  EXPECT_TRUE(pool.durable);
  const Handoff& handoff = pool.Get("h");
  EXPECT_EQ(handoff.taken_by, "");
  EXPECT_EQ(handoff.returned.commit, "p1");
  EXPECT_EQ(handoff.returned_after, 1);
  EXPECT_THAT(pool.EventKinds(), Contains("returned"));
  const Attempt& next = RunsOn(a);
  EXPECT_EQ(next.number, 2);
  EXPECT_EQ(next.from_attempt, 1);
  EXPECT_EQ(next.from_commit, "p1");
  const Head start = StartOf(pool.Get("h"), next);
  EXPECT_EQ(start.checkpoint->commit, "p1");
  EXPECT_EQ(start.kept_since(), 2) << "the workspace of attempt 1 lacks the person's work";
  EXPECT_FALSE(start.asked);
  EXPECT_EQ(pool.Get("h").messages.back().text, "I changed the parser");
  EXPECT_EQ(pool.Get("h").messages.back().author, "ada");
  EXPECT_EQ(pool.Get("h").messages.back().attempt, 2);
}

TEST_F(ReturnTest, TheConversationGoesOnWhereItLiesAndIsRestoredElsewhere) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  EXPECT_EQ(RunsOn(a).session_kind, SessionKind::kSame);
  EXPECT_EQ(pool.Latest("h").session, "session-1");
}

TEST_F(ReturnTest, ElsewhereTheConversationIsRestoredFromThePersonsCheckpoint) {
  Take();
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "bob", pool.SignIn("bob")}).ok());
  ASSERT_TRUE(pool.Do(Work()).ok());
  EXPECT_EQ(RunsOn(b).session_kind, SessionKind::kRestored);
  EXPECT_EQ(pool.Latest("h").from_commit, "p1");
}

TEST_F(ReturnTest, AConversationThatSawMoreThanThePersonHadDoesNotGoOn) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  RunsOn(a);
  // It works on in another session, and leaves no checkpoint.
  AttemptEnd end = Success();
  end.session = "session-2";
  ASSERT_TRUE(a.Finish("h", 2, end).ok());
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
  Return again = Work("p2");
  again.based_on = "p1";
  ASSERT_TRUE(pool.Do(again).ok());
  EXPECT_EQ(RunsOn(a).session, "session-1");
  EXPECT_EQ(pool.Latest("h").session_kind, SessionKind::kRestored);
}

TEST_F(ReturnTest, ALaterCheckpointIsTheHeadAgain) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  RunsOn(a);
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "p1");
  ASSERT_TRUE(a.Save("h", 2, Taken(pool, "c2")).ok());
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "c2");
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).kept_since(), 2);
}

TEST_F(ReturnTest, ALostAttemptGoesOnFromThePersonsWorkAgain) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  RunsOn(a);
  pool.Pass(absl::Minutes(31));
  b.Call();
  pool.Pass(absl::Seconds(11));
  b.Call();
  ASSERT_EQ(pool.Latest("h").number, 3);
  EXPECT_EQ(pool.Latest("h").from_commit, "p1");
  EXPECT_EQ(pool.Latest("h").from_attempt, 1);
  EXPECT_EQ(StartOf(pool.Get("h"), pool.Latest("h")).kept_since(), 2)
      << "what attempt 2 left somewhere was made from it";
}

TEST_F(ReturnTest, APersonMayStillAskForAnotherState) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Success()).ok());
  Resume first = Again("h");
  first.from_attempt = 1;
  ASSERT_TRUE(pool.Do(first).ok());
  RunsOn(a);
  EXPECT_EQ(pool.Latest("h").from_commit, "c1");
  EXPECT_TRUE(StartOf(pool.Get("h"), pool.Latest("h")).asked);
}

TEST_F(ReturnTest, WhatIsLeasedKeepsToWhatItWasSettledOn) {
  Take();
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  RunsOn(a);
  pool.Pass(absl::Minutes(31));  // attempt 2 is lost
  Resume from = Again("h", "b");
  from.from_attempt = 1;
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  ASSERT_TRUE(pool.Do(from).ok());
  b.Call();
  ASSERT_EQ(pool.Latest("h").from_commit, "c1");
  EXPECT_EQ(StartOf(pool.Get("h"), pool.Latest("h")).checkpoint->commit, "c1");
  ASSERT_TRUE(b.Save("h", pool.Latest("h").number, Taken(pool, "c3")).ok());
  EXPECT_EQ(HeadCheckpoint(pool.Get("h")).checkpoint->commit, "c3");
  EXPECT_EQ(StartOf(pool.Get("h"), pool.Latest("h")).checkpoint->commit, "c1")
      << "between the lease and the answer more may come";
}

TEST_F(ReturnTest, OlderThanWhatIsThereIsRefused) {
  Take();
  Return stale = Work();
  stale.based_on = "c0";
  EXPECT_THAT(Refusal(stale), HasSubstr("the last checkpoint of attempt 1 of h is c1"));
  ASSERT_TRUE(pool.Do(Work()).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Success()).ok());
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
  EXPECT_THAT(Refusal(Work("p2")), HasSubstr("what was returned before of h is p1"));
}

TEST_F(ReturnTest, WhereAnOlderStateWasAskedForItMayBeginFromEither) {
  for (const std::string base : {"c1", "c2", "c0"}) {
    SCOPED_TRACE(base);
    Pool fresh;
    FakeWorker host(fresh, "a");
    host.Call();
    fresh.Submit("h");
    for (int number : {1, 2}) {
      host.Call();
      const std::string commit = "c" + std::to_string(number);
      ASSERT_TRUE(host.Save("h", number, Taken(fresh, commit)).ok());
      ASSERT_TRUE(host.Finish("h", number, Success()).ok());
      Resume next = Again("h");
      if (number == 2) next.from_attempt = 1;
      if (number == 2) host.self.slots = 0;
      host.Call();
      ASSERT_TRUE(fresh.Do(next).ok());
    }
    ASSERT_TRUE(fresh.Do(TakeOver{"h", "ada"}).ok());
    Return back = Work();
    back.based_on = base;
    EXPECT_EQ(fresh.Do(back).ok(), base != "c0");
    EXPECT_EQ(fresh.Get("h").go_on_from, base == "c0" ? 1 : 0);
  }
}

TEST_F(ReturnTest, WithoutACheckpointItBeginsFromWhatWasSubmitted) {
  saves_ = false;
  Take();
  EXPECT_THAT(Refusal(Work()), HasSubstr("what was submitted of h is s0"));
  Return right = Work();
  right.based_on = "s0";
  ASSERT_TRUE(pool.Do(right).ok());
  EXPECT_EQ(RunsOn(a).from_commit, "p1");
  EXPECT_EQ(pool.Latest("h").from_attempt, 1);
}

TEST_F(ReturnTest, TheSameWorkAgainIsAnsweredAgain) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  const auto again = pool.Do(Work());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(again->handoff.attempts.size(), 2u);
  EXPECT_THAT(Refusal(Work("p2")), HasSubstr("in nobody's hands"));
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Success()).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_THAT(Refusal(Work()), HasSubstr("in nobody's hands")) << "much came after it";
}

TEST_F(ReturnTest, OnlyWhoHasItGivesItBack) {
  EXPECT_TRUE(absl::IsNotFound(pool.Do(Nothing()).status()));
  Take();
  Return other = Work();
  other.actor = "bob";
  EXPECT_THAT(Refusal(other), HasSubstr("in the hands of ada since 20"));
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  EXPECT_THAT(Refusal(Nothing()), HasSubstr("in nobody's hands (running)"));
  RunsOn(a);
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada", false, /*stop=*/true}).ok());
  EXPECT_THAT(Refusal(Nothing()), HasSubstr("is not yours yet"));
}

TEST_F(ReturnTest, WithoutWorkItGoesOnAsItWasAndTheAgentIsToldSo) {
  Take();
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  EXPECT_EQ(pool.Get("h").returned, Checkpoint{});
  EXPECT_EQ(pool.Get("h").returned_after, 0);
  const Attempt& next = RunsOn(a);
  EXPECT_EQ(next.from_commit, "c1");
  EXPECT_EQ(next.session_kind, SessionKind::kSame);
  EXPECT_THAT(pool.Get("h").messages.back().text, HasSubstr("ada took over, and gave it back"));
}

TEST_F(ReturnTest, ACommandIsToldNothing) {
  pool.Submit("h", [](Handoff& handoff) { handoff.agent = "command"; });
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
  Return words = Nothing();
  words.message = "faster";
  EXPECT_THAT(Refusal(words), HasSubstr("reads no messages"));
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  EXPECT_TRUE(pool.Get("h").messages.empty());
}

TEST_F(ReturnTest, AttemptsAndMessagesHaveTheirBounds) {
  Take();
  Return large = Work();
  large.message = std::string(kMaxUnreadBytes + 1, 'x');
  EXPECT_TRUE(absl::IsResourceExhausted(pool.Do(large).status()));
  Handoff full = pool.Get("h");
  Attempt last = full.attempts.back();
  last.epoch = 0;
  last.worker_uuid.clear();
  last.checkpoint = {};
  while (full.attempts.size() < kMaxAttempts) {
    last.number = static_cast<int>(full.attempts.size()) + 1;
    full.attempts.push_back(last);
  }
  pool.Install({{PutHandoff{full}}});
  const auto reply = pool.Do(Work());
  EXPECT_TRUE(absl::IsResourceExhausted(reply.status())) << reply.status();
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("100 attempts"));
}

TEST_F(ReturnTest, TheDeadlineStandsStillWhileAPersonHasIt) {
  deadline_ = pool.now + absl::Hours(1);
  Take();
  const absl::Duration left = pool.Get("h").deadline - pool.now;
  pool.Pass(absl::Hours(5));
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kInteractive);
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  EXPECT_EQ(pool.Get("h").deadline, pool.now + left);
}

// ---- On the host ----

TEST_F(ReturnTest, WorkOnTheHostGoesOnThereAndInTheWorkspaceAsItLies) {
  Take("session-1", /*on_host=*/true);
  EXPECT_THAT(Refusal(Work()), HasSubstr("in its workspace on a"));
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  EXPECT_EQ(pool.Get("h").taken_on, "");
  EXPECT_EQ(pool.Get("h").by_hand_on, "a");
  EXPECT_EQ(pool.Get("h").on_worker, "") << "what its owner asked for stays as it was";
  EXPECT_EQ(pool.Get("h").returned_after, 1) << "so that the agent is not told that it knows all";
  EXPECT_EQ(pool.Get("h").returned, Checkpoint{});
  const Attempt& next = RunsOn(a);
  const Head start = StartOf(pool.Get("h"), next);
  EXPECT_EQ(start.kept_since(), 1);
  EXPECT_FALSE(start.asked);
  EXPECT_THAT(pool.Get("h").messages.back().text, HasSubstr("worked in this workspace by hand"));
}

TEST_F(ReturnTest, WorkOnTheHostWaitsForThatHost) {
  Take("session-1", /*on_host=*/true);
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "bob", pool.SignIn("bob")}).ok());
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("goes on in its workspace on a"));
  b.Call();
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued);
  ASSERT_TRUE(pool.Do(Drain{"a", "", true, "bob", pool.SignIn("bob")}).ok());
  RunsOn(a);
}

TEST_F(ReturnTest, WorkOnTheHostIsNotMissedByATakeoverBeforeACheckpointHasIt) {
  Take("session-1", /*on_host=*/true);
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "bob", pool.SignIn("bob")}).ok());
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  const auto elsewhere = pool.Do(TakeOver{"h", "ada"});
  EXPECT_THAT(std::string(elsewhere.status().message()),
              HasSubstr("done by hand in its workspace on a"));
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada", /*on_host=*/true, false}).ok());
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  ASSERT_TRUE(pool.Do(Drain{"a", "", true, "bob", pool.SignIn("bob")}).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Save("h", pool.Latest("h").number, Taken(pool, "c3")).ok());
  ASSERT_TRUE(a.Finish("h", pool.Latest("h").number, Success()).ok());
  EXPECT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok()) << "a checkpoint has it now";
}

TEST_F(ReturnTest, WorkOnTheHostThatWasNoneIsNotMissed) {
  Take("session-1", /*on_host=*/true);
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Checked()).ok());  // without a checkpoint: nothing was new
  EXPECT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
}

TEST_F(ReturnTest, WorkOnAHostThatIsGoneHoldsUpNobody) {
  Take("session-1", /*on_host=*/true);
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  pool.Pass(absl::Minutes(40));
  EXPECT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
}

TEST_F(ReturnTest, WorkOnTheHostKeepsAWorkspaceThatWasMadeFromAnEarlierReturn) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());  // no checkpoint
  a.Call();
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada", /*on_host=*/true, false}).ok());
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  EXPECT_EQ(pool.Get("h").returned.commit, "p1") << "it is still the newest that is held here";
  RunsOn(a);
  EXPECT_EQ(StartOf(pool.Get("h"), pool.Latest("h")).kept_since(), 2);
}

TEST_F(ReturnTest, WorkOnTheHostBindsOnlyUntilACheckpointHasIt) {
  Take("session-1", /*on_host=*/true);
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  RunsOn(a);
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "bob", pool.SignIn("bob")}).ok());
  ASSERT_TRUE(a.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  b.Call();
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kQueued) << "that attempt left no checkpoint";
  EXPECT_THAT(pool.Explain("h").summary,
              HasSubstr("What was done by hand lies only in its workspace on a."));
  ASSERT_TRUE(pool.Do(Drain{"a", "", true, "bob", pool.SignIn("bob")}).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Save("h", 3, Taken(pool, "c3")).ok());
  EXPECT_EQ(pool.Get("h").by_hand_on, "");
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "bob", pool.SignIn("bob")}).ok());
  ASSERT_TRUE(a.Finish("h", 3, Failure(FailureClass::kAgentError)).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(RunsOn(b).from_commit, "c3");
}

TEST_F(ReturnTest, WorkOnTheHostIsLeftWhenAnotherHostOrStateIsAskedForOrItsHostIsGone) {
  const auto ends = [this](const Resume& resume) {
    ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
    ASSERT_TRUE(pool.Do(resume).ok());
  };
  Take("session-1", /*on_host=*/true);
  a.self.slots = b.self.slots = 0;
  a.Call();
  b.Call();
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  ends(Again("h", "a"));
  EXPECT_EQ(pool.Get("h").by_hand_on, "a");
  ends(Again("h"));
  EXPECT_EQ(pool.Get("h").by_hand_on, "a");
  const State bound = pool.state;
  ends(Again("h", "b"));
  EXPECT_EQ(pool.Get("h").by_hand_on, "");
  pool.state = bound;
  Resume from = Again("h");
  from.from_attempt = 1;
  ends(from);
  EXPECT_EQ(pool.Get("h").by_hand_on, "");
  pool.state = bound;
  pool.Pass(absl::Minutes(1));
  ends(Again("h"));
  EXPECT_EQ(pool.Get("h").by_hand_on, "") << "nobody hears of a";
}

TEST_F(ReturnTest, WorkOnTheHostAfterAnEarlierReturnIsNotMissedEither) {
  Take();
  ASSERT_TRUE(pool.Do(Work()).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());  // no checkpoint
  a.Call();
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada", /*on_host=*/true, false}).ok());
  ASSERT_TRUE(pool.Do(Drain{"a", "", false, "bob", pool.SignIn("bob")}).ok());
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  const auto elsewhere = pool.Do(TakeOver{"h", "ada"});
  EXPECT_THAT(std::string(elsewhere.status().message()),
              HasSubstr("done by hand in its workspace on a"));
}

TEST_F(ReturnTest, WorkOnTheHostIsNotUndoneByAStateThatWasAskedForBefore) {
  Take();
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  Resume from = Again("h");
  from.from_attempt = 1;
  ASSERT_TRUE(pool.Do(from).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Failure(FailureClass::kAgentError)).ok());
  ASSERT_EQ(pool.Get("h").go_on_from, 1);
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada", /*on_host=*/true, false}).ok());
  ASSERT_TRUE(pool.Do(Nothing()).ok());
  RunsOn(a);
  EXPECT_FALSE(StartOf(pool.Get("h"), pool.Latest("h")).asked);
}

// ---- Done ----

TEST_F(ReturnTest, DoneStartsNoAgentAndNeedsNoneThere) {
  Take();
  for (FakeWorker* worker : {&a, &b}) {
    worker->self.agents[0].state = AgentState::kNeedsSetup;
    worker->Call();
  }
  Return done = Work();
  done.done = true;
  ASSERT_TRUE(pool.Do(done).ok());
  const Attempt& next = RunsOn(a);
  EXPECT_TRUE(next.only_checks);
  EXPECT_EQ(next.session_kind, SessionKind::kNone);
  EXPECT_EQ(next.session, "");
  EXPECT_EQ(next.from_commit, "p1");
  EXPECT_TRUE(pool.Get("h").messages.empty());
  ASSERT_TRUE(a.Finish("h", 2, Checked()).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
  EXPECT_FALSE(pool.Get("h").verified);
  EXPECT_TRUE(pool.Get("h").changed);
}

TEST_F(ReturnTest, DoneStillNeedsTheRepositoryThere) {
  Take();
  Hold hold;
  hold.since = pool.now;
  hold.next_probe = pool.now + absl::Hours(1);
  hold.reason = "No key";
  hold.worker_uuid = "uuid-a";
  hold.key = "repo:repo";
  pool.Install({{PutHold{hold}}});
  hold.reason = "No login";
  hold.worker_uuid = "uuid-b";
  hold.key = "agent:cursor";
  pool.Install({{PutHold{hold}}});
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(b);
}

TEST_F(ReturnTest, DoneThatDoesNotPassItsChecksIsNotHandedToAnAgent) {
  Take();
  Handoff with = pool.Get("h");
  with.check_retries = 3;
  pool.Install({{PutHandoff{with}}});
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  AttemptEnd failed = Checked(FailureClass::kChecksFailed);
  failed.check_output = "1 test failed";
  ASSERT_TRUE(a.Finish("h", 2, failed).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kFailed);
  EXPECT_EQ(pool.Get("h").failure, FailureClass::kChecksFailed);
  EXPECT_THAT(pool.Explain("h").details, Contains(HasSubstr("it was declared done")));
}

TEST_F(ReturnTest, DoneIsTriedElsewhereWithoutAnAgentWhenItsHostIsLost) {
  Take();
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  pool.Pass(absl::Minutes(31));
  b.Call();
  pool.Pass(absl::Seconds(11));
  b.Call();
  ASSERT_EQ(pool.Latest("h").number, 3);
  EXPECT_EQ(pool.Latest("h").worker_name, "b");
  EXPECT_TRUE(pool.Latest("h").only_checks);
  ASSERT_TRUE(
      b.Finish("h", 3, HostFault(FailureClass::kCheckoutFailed, "repo:repo", "No key")).ok());
  EXPECT_TRUE(pool.Latest("h").only_checks);
}

TEST_F(ReturnTest, DoneLeavesMessagesThatWaitedAndGoesOnWithOneThatIsSentMeanwhile) {
  Take();
  ASSERT_TRUE(pool.Do(Cancel{"h", "", "ada"}).ok());
  pool.Pass(absl::Minutes(1));
  a.self.slots = 0;
  b.self.slots = 0;
  a.Call();
  b.Call();
  ASSERT_TRUE(pool.Do(Send{"h", "early", false, 0, "bob"}).ok());
  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
  a.self.slots = 2;
  a.Call();
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  EXPECT_EQ(PendingMessages(pool.Get("h")), 1u) << "no agent reads it";
  ASSERT_TRUE(a.Finish("h", pool.Latest("h").number, Checked()).ok());
  EXPECT_EQ(pool.Get("h").status, HandoffStatus::kSucceeded);
  EXPECT_THAT(pool.Get("h").reason, HasSubstr("1 message that no attempt was given"));

  ASSERT_TRUE(pool.Do(TakeOver{"h", "ada"}).ok());
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  ASSERT_TRUE(pool.Do(Send{"h", "and this", false, 0, "bob"}).ok());
  ASSERT_TRUE(a.Finish("h", pool.Latest("h").number, Checked()).ok());
  RunsOn(a);
  EXPECT_FALSE(pool.Latest("h").only_checks);
  EXPECT_EQ(PendingMessages(pool.Get("h")), 0u);
}

TEST_F(ReturnTest, DoneThatIsTriedAgainGoesOnWithWhatWasSentSinceItWasDeclared) {
  Take();
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  pool.Pass(absl::Minutes(1));
  ASSERT_TRUE(pool.Do(Send{"h", "and this", false, 0, "bob"}).ok());
  pool.Pass(absl::Minutes(31));
  b.Call();
  pool.Pass(absl::Seconds(11));
  b.Call();
  ASSERT_EQ(pool.Latest("h").number, 3);
  ASSERT_TRUE(pool.Latest("h").only_checks);
  ASSERT_TRUE(b.Finish("h", 3, Checked()).ok());
  EXPECT_EQ(pool.Latest("h").number, 4);
  EXPECT_FALSE(pool.Latest("h").only_checks);
}

TEST_F(ReturnTest, DoneThatIsInterruptedForAMessageGoesOnWithAnAgent) {
  Take();
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  ASSERT_TRUE(pool.Do(Send{"h", "wait", true, 0, "bob"}).ok());
  AttemptEnd end = Failure(FailureClass::kCancelled);
  end.ended_by = EndedBy::kInterrupted;
  ASSERT_TRUE(a.Finish("h", 2, end).ok());
  EXPECT_FALSE(pool.Latest("h").only_checks);
}

TEST_F(ReturnTest, AfterDoneAResumeStartsAnAgentInTheConversationOfBefore) {
  Take();
  ASSERT_TRUE(pool.Do(Done()).ok());
  RunsOn(a);
  ASSERT_TRUE(a.Finish("h", 2, Checked()).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_FALSE(RunsOn(a).only_checks);
  EXPECT_EQ(pool.Latest("h").session, "session-1");
}

}  // namespace
}  // namespace handoff::core
