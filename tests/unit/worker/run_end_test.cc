#include "worker/run_end.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "worker/agent/registry.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

v1::AttemptEnd Begun() {
  v1::AttemptEnd end;
  end.mutable_facts()->set_base_commit("aaaa");
  end.mutable_facts()->set_branch("handoff/x");
  return end;
}

TEST(FillWork, WhatCannotBeReadIsNotCalledUnchanged) {
  v1::AttemptEnd end = Begun();
  EXPECT_FALSE(FillWork(absl::UnavailableError("no progress"), end).ok());
  EXPECT_TRUE(end.work_unknown());
  EXPECT_TRUE(end.changed());
  EXPECT_EQ(end.facts().base_commit(), "aaaa");
  end = Begun();
  EXPECT_FALSE(FillWork(std::string("\xff\xff"), end).ok());
  EXPECT_TRUE(end.work_unknown());
}

TEST(FillWork, NothingThatDiffersIsNoChange) {
  v1::AttemptEnd end = Begun();
  end.set_work_unknown(true);  // an earlier try, before the daemon was restarted
  end.set_changed(true);
  v1::Facts seen;
  seen.set_head_commit("aaaa");
  ASSERT_TRUE(FillWork(seen.SerializeAsString(), end).ok());
  EXPECT_FALSE(end.work_unknown());
  EXPECT_FALSE(end.changed());
  EXPECT_EQ(end.facts().branch(), "handoff/x");
}

TEST(FillWork, NotesOfTheCheckoutStay) {
  v1::AttemptEnd end = Begun();
  end.mutable_facts()->add_notes("2 files use the filter 'lfs'");
  ASSERT_TRUE(FillWork(v1::Facts().SerializeAsString(), end).ok());
  ASSERT_EQ(end.facts().notes_size(), 1);
  EXPECT_EQ(end.facts().notes(0), "2 files use the filter 'lfs'");
}

TEST(FillWork, ASubmoduleThatCannotBeReadMayHaveChanged) {
  v1::AttemptEnd end = Begun();
  v1::Facts seen;
  seen.set_head_commit("aaaa");
  seen.add_unread("submodule lib: no HEAD");
  ASSERT_TRUE(FillWork(seen.SerializeAsString(), end).ok());
  EXPECT_TRUE(end.work_unknown());
  EXPECT_TRUE(end.changed());
}

// An agent that worked and then failed, with a server's words on stderr.
RunEnd Unauthorized() {
  RunEnd run;
  run.protocol = Protocol::kResultMissing;
  run.process.exit_code = 1;
  run.stderr_tail = "starting\nMCP server docs: HTTP 401 Unauthorized\n";
  run.worked = true;
  return run;
}

TEST(FillEnd, AnAgentThatIsReadyNeedsNoLoginWhateverWasWritten) {
  const Agent* cursor = FindAgent("cursor");
  RunEnd run = Unauthorized();
  EXPECT_TRUE(SetupInDoubt(run, cursor));
  run.agent_ready = true;
  v1::AttemptEnd end;
  FillEnd(run, cursor, end);
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_ERROR);
  EXPECT_FALSE(end.host_fault());
  EXPECT_EQ(end.hold_key(), "");
  EXPECT_THAT(end.failure_message(), HasSubstr("MCP server docs: HTTP 401 Unauthorized"));
}

TEST(FillEnd, KeepsTheLastLineForThoseWhoComeLater) {
  RunEnd run;
  run.protocol = Protocol::kNone;
  run.process.exit_code = 0;
  run.last_line = "all 12 tests passed";
  v1::AttemptEnd end;
  FillEnd(run, FindAgent("command"), end);
  EXPECT_EQ(end.last_line(), "all 12 tests passed");
}

TEST(FillEnd, AnAgentThatIsNotReadyIsHeld) {
  const Agent* cursor = FindAgent("cursor");
  RunEnd run = Unauthorized();
  run.agent_ready = false;
  v1::AttemptEnd end;
  FillEnd(run, cursor, end);
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_NEEDS_SETUP);
  EXPECT_TRUE(end.host_fault());
  EXPECT_EQ(end.hold_key(), "agent:cursor");
}

TEST(FillEnd, AResultThatSpeaksOfALoginIsInDoubtToo) {
  const Agent* cursor = FindAgent("cursor");
  RunEnd run = Unauthorized();
  run.stderr_tail.clear();
  run.protocol = Protocol::kResultError;
  run.protocol_message = "The tool says: unauthorized";
  run.result.emplace();
  run.result->failure = FailureClass::kAgentNeedsSetup;
  EXPECT_TRUE(SetupInDoubt(run, cursor));
  run.agent_ready = true;
  v1::AttemptEnd end;
  FillEnd(run, cursor, end);
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_ERROR);
  EXPECT_THAT(end.failure_message(), HasSubstr("The tool says: unauthorized"));
}

// Trap 13: the service itself refused, whatever a look at the stored login says.
TEST(FillEnd, Trap13ALoginThatTheServiceRefusedNeedsNoProbe) {
  const Agent* claude = FindAgent("claude");
  RunEnd run = Unauthorized();
  run.protocol = Protocol::kResultError;
  run.protocol_message = "Failed to authenticate. API Error: 401 no such key";
  run.result.emplace();
  run.result->failure = FailureClass::kAgentNeedsSetup;
  run.result->message = run.protocol_message;
  run.result->certain = true;
  EXPECT_FALSE(SetupInDoubt(run, claude));
  run.agent_ready = true;
  v1::AttemptEnd end;
  FillEnd(run, claude, end);
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_NEEDS_SETUP);
  EXPECT_EQ(end.hold_key(), "agent:claude");
  EXPECT_THAT(end.failure_message(), HasSubstr("401 no such key"));
  EXPECT_THAT(end.failure_message(), HasSubstr("`claude auth login`"));
}

v1::AttemptEnd EndWithSession(const char* agent, const std::string& asked,
                              v1::Attempt::SessionKind kind, const std::string& told) {
  v1::AttemptEnd end;
  end.set_session(asked);
  end.set_session_kind(kind);
  RunEnd run;
  run.protocol = Protocol::kResultOk;
  run.process.exit_code = 0;
  run.stream_session = told;
  run.resumed = kind == v1::Attempt::SAME || kind == v1::Attempt::RESTORED;
  FillEnd(run, FindAgent(agent), end);
  return end;
}

// Trap 9: a resume that became a new session says so.
TEST(FillEnd, Trap9TheSessionThatTheStreamNamesIsTheRecord) {
  v1::AttemptEnd end = EndWithSession("codex", "a", v1::Attempt::SAME, "b");
  EXPECT_EQ(end.session(), "b");
  EXPECT_EQ(end.session_kind(), v1::Attempt::FRESH);
  EXPECT_EQ(end.session_verified(), v1::Attempt::NO);
  end = EndWithSession("codex", "a", v1::Attempt::SAME, "a");
  EXPECT_EQ(end.session_kind(), v1::Attempt::SAME);
  EXPECT_EQ(end.session_verified(), v1::Attempt::YES);
  end = EndWithSession("codex", "", v1::Attempt::NEW, "b");
  EXPECT_EQ(end.session(), "b");
  EXPECT_EQ(end.session_verified(), v1::Attempt::YES);
}

// Trap 9: Cursor may begin an empty conversation under the id that it was asked for.
TEST(FillEnd, Trap9TheIdProvesNothingWhereItMayNameAnEmptySession) {
  for (const auto kind : {v1::Attempt::SAME, v1::Attempt::RESTORED}) {
    EXPECT_EQ(EndWithSession("cursor", "a", kind, "a").session_verified(), v1::Attempt::UNKNOWN);
    EXPECT_EQ(EndWithSession("claude", "a", kind, "a").session_verified(), v1::Attempt::YES);
  }
  EXPECT_EQ(EndWithSession("cursor", "a", v1::Attempt::SAME, "b").session_verified(),
            v1::Attempt::NO);
  EXPECT_EQ(EndWithSession("cursor", "a", v1::Attempt::NEW, "a").session_verified(),
            v1::Attempt::YES)
      << "there was nothing to go on with";
}

RunEnd Resumed() {
  RunEnd run;
  run.protocol = Protocol::kResultMissing;
  run.process.exit_code = 0;
  run.resumed = true;
  return run;
}

// Trap 9: Cursor answers nothing to a session that it does not know, and exits with 0.
TEST(FillEnd, Trap9AResumeThatEndsWithoutAWordWasRefused) {
  RunEnd run = Resumed();
  run.silent = true;
  v1::AttemptEnd end;
  end.set_session("a");
  end.set_session_kind(v1::Attempt::SAME);
  FillEnd(run, FindAgent("cursor"), end);
  EXPECT_EQ(end.failure(), v1::Failure::SESSION_FAILED);
  EXPECT_EQ(end.session_verified(), v1::Attempt::NO);
  EXPECT_EQ(end.session_kind(), v1::Attempt::SAME) << "that is what was asked for";
  // A first run that says nothing has no session to blame, and one that said something is another
  // matter.
  run.resumed = false;
  FillEnd(run, FindAgent("cursor"), end);
  EXPECT_EQ(end.failure(), v1::Failure::NO_RESULT);
  run = Resumed();
  FillEnd(run, FindAgent("cursor"), end);
  EXPECT_EQ(end.failure(), v1::Failure::NO_RESULT);
}

TEST(FillEnd, Trap9WhatNamedItsSessionWasNotRefusedWhateverItWrote) {
  RunEnd run = Resumed();
  run.process.exit_code = 1;
  run.stderr_tail = "hook: No conversation found with session ID: other\n";
  v1::AttemptEnd end;
  end.set_session("a");
  end.set_session_kind(v1::Attempt::SAME);
  FillEnd(run, FindAgent("claude"), end);
  EXPECT_EQ(end.failure(), v1::Failure::SESSION_FAILED);
  run.stream_session = "a";
  FillEnd(run, FindAgent("claude"), end);
  EXPECT_EQ(end.failure(), v1::Failure::AGENT_ERROR);
  EXPECT_EQ(end.session_verified(), v1::Attempt::YES);
}

// Trap 9: Copilot names it in its last line, which one that was killed has not.
TEST(FillEnd, Trap9AnIdThatWouldComeLastIsKeptWhenTheAgentSaidAnything) {
  RunEnd run;
  run.protocol = Protocol::kResultMissing;
  run.process.signal = 9;
  for (const bool worked : {false, true}) {
    run.worked = worked;
    v1::AttemptEnd end;
    end.set_session("a");
    end.set_session_kind(v1::Attempt::NEW);
    FillEnd(run, FindAgent("copilot"), end);
    EXPECT_EQ(end.session(), worked ? "a" : "");
    EXPECT_EQ(end.session_verified(), v1::Attempt::UNKNOWN);
    end.set_session("a");
    FillEnd(run, FindAgent("claude"), end);
    EXPECT_EQ(end.session(), "");
  }
}

TEST(FillEnd, AChosenIdIsASessionOnceTheAgentNamedIt) {
  EXPECT_EQ(EndWithSession("claude", "a", v1::Attempt::NEW, "").session(), "");
  EXPECT_EQ(EndWithSession("claude", "a", v1::Attempt::FRESH, "").session(), "");
  EXPECT_EQ(EndWithSession("claude", "a", v1::Attempt::NEW, "a").session(), "a");
  // One to resume was there before; and a command of the CLI made this one.
  EXPECT_EQ(EndWithSession("claude", "a", v1::Attempt::SAME, "").session(), "a");
  EXPECT_EQ(EndWithSession("cursor", "a", v1::Attempt::NEW, "").session(), "a");
}

TEST(FillEnd, AnInterruptionIsACancelledEndUnlessTheWorkWasDone) {
  RunEnd run;
  run.process.signal = 15;
  run.process.ended_by = EndedBy::kInterrupted;
  run.protocol = Protocol::kResultMissing;
  v1::AttemptEnd end;
  FillEnd(run, FindAgent("cursor"), end);
  EXPECT_EQ(end.failure(), v1::Failure::CANCELLED);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::INTERRUPTED);
  run.protocol = Protocol::kResultOk;
  FillEnd(run, FindAgent("cursor"), end);
  EXPECT_EQ(end.failure(), v1::Failure::NONE);
  // Before an agent could start: why that failed does not matter any more.
  run.protocol = Protocol::kNotStarted;
  run.prepare_failure =
      PrepareFailure{FailureClass::kAgentMissing, "It is not there.", true, "agent:cursor"};
  v1::AttemptEnd unbegun;
  FillEnd(run, FindAgent("cursor"), unbegun);
  EXPECT_EQ(unbegun.failure(), v1::Failure::CANCELLED);
  EXPECT_FALSE(unbegun.host_fault());
}

TEST(FillEnd, WhatDoesNotEndIsSaidAfterTheFailure) {
  RunEnd run;
  run.process.ended_by = EndedBy::kShimLost;
  v1::AttemptEnd end;
  FillEnd(run, nullptr, end);
  const std::string failure = end.failure_message();
  run.leftovers = "processes of /a do not end; end them by hand: 7";
  FillEnd(run, nullptr, end);
  EXPECT_EQ(end.failure_message(),
            failure + " Not everything was ended on the worker: " + run.leftovers + ".");
}

// Trap 13: its own tries outlast the idle clock.
TEST(FillEnd, Trap13AnAgentThatWaitedForItsServiceDidNotStall) {
  RunEnd run;
  run.protocol = Protocol::kResultMissing;
  run.process.signal = 15;
  run.process.ended_by = EndedBy::kIdleClock;
  run.last_trouble = "the model's service has a rate limit; retry 9 of 10 in 60 s";
  v1::AttemptEnd end;
  FillEnd(run, FindAgent("qwen"), end);
  EXPECT_EQ(end.failure(), v1::Failure::RATE_LIMITED);
  // Of what stands on stderr nobody knows when it was written.
  run.stderr_tail = std::exchange(run.last_trouble, "");
  FillEnd(run, FindAgent("qwen"), end);
  EXPECT_EQ(end.failure(), v1::Failure::STALLED);
}

TEST(SetupInDoubt, OnlyWhereAWorkingAgentFailedForWantOfALogin) {
  const Agent* cursor = FindAgent("cursor");
  RunEnd silent = Unauthorized();
  silent.worked = false;
  EXPECT_FALSE(SetupInDoubt(silent, cursor));
  RunEnd good = Unauthorized();
  good.protocol = Protocol::kResultOk;
  EXPECT_FALSE(SetupInDoubt(good, cursor));
  RunEnd network = Unauthorized();
  network.stderr_tail = "connection reset";
  EXPECT_FALSE(SetupInDoubt(network, cursor));
}

TEST(FillEnd, WithoutAnAgentOnlyAStopAndTheChecksCount) {
  RunEnd run;
  run.no_agent = true;
  run.protocol = Protocol::kNone;
  v1::AttemptEnd end = Begun();
  FillEnd(run, nullptr, end);
  EXPECT_EQ(end.failure(), v1::Failure::NONE);
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NO_PROTOCOL);
  EXPECT_FALSE(end.has_exit_code());
  EXPECT_FALSE(end.verified());
  run.failed_check = "The check `false` failed.";
  FillEnd(run, nullptr, end);
  EXPECT_EQ(end.failure(), v1::Failure::CHECKS_FAILED);
  run.failed_check.clear();
  run.checks_passed = true;
  FillEnd(run, nullptr, end);
  EXPECT_TRUE(end.verified());
  run.process.ended_by = EndedBy::kCancel;
  FillEnd(run, nullptr, end);
  EXPECT_EQ(end.failure(), v1::Failure::CANCELLED);
  run.process.ended_by = EndedBy::kOrphaned;
  run.checks_unfinished = true;
  FillEnd(run, nullptr, end);
  EXPECT_EQ(end.failure(), v1::Failure::WORKER_LOST);
}

}  // namespace
}  // namespace handoff::worker
