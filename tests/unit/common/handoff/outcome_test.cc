#include "common/handoff/outcome.h"

#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr EndedBy kAllEndings[] = {
    EndedBy::kItself,    EndedBy::kAfterResult,  EndedBy::kCancel,   EndedBy::kFirstEventClock,
    EndedBy::kIdleClock, EndedBy::kHardCap,      EndedBy::kOrphaned, EndedBy::kSuperseded,
    EndedBy::kShimLost,  EndedBy::kHostRebooted, EndedBy::kDrained};
constexpr Protocol kAllProtocols[] = {Protocol::kNone, Protocol::kResultOk, Protocol::kResultError,
                                      Protocol::kResultMissing, Protocol::kNotStarted};

ProcessEnd Exited(int code, EndedBy by = EndedBy::kItself) { return {code, 0, by}; }
ProcessEnd Killed(int signal, EndedBy by = EndedBy::kItself) { return {std::nullopt, signal, by}; }

TEST(Judge, AGoodResultIsSuccessWhateverTheProcessDidAfterwards) {
  for (const ProcessEnd& end :
       {Exited(0), Exited(1), Exited(143), Killed(SIGKILL, EndedBy::kAfterResult),
        Killed(SIGKILL, EndedBy::kHardCap), ProcessEnd{std::nullopt, 0, EndedBy::kShimLost}}) {
    const Verdict verdict = Judge(Protocol::kResultOk, "done", end);
    EXPECT_EQ(verdict.failure, FailureClass::kNone);
    EXPECT_THAT(verdict.message, IsEmpty());
  }
}

TEST(Judge, ExitZeroWithoutAResultIsNoResult) {
  EXPECT_EQ(Judge(Protocol::kResultMissing, "", Exited(0)).failure, FailureClass::kNoResult);
}

TEST(Judge, AnotherEndWithoutAResultIsTheAgentsErrorAndSaysHow) {
  const Verdict exited = Judge(Protocol::kResultMissing, "out of cheese", Exited(3));
  EXPECT_EQ(exited.failure, FailureClass::kAgentError);
  EXPECT_THAT(exited.message, HasSubstr("status 3"));
  EXPECT_THAT(exited.message, HasSubstr("out of cheese"));
  const Verdict killed = Judge(Protocol::kResultMissing, "", Killed(SIGSEGV));
  EXPECT_EQ(killed.failure, FailureClass::kAgentError);
  EXPECT_THAT(killed.message, HasSubstr("signal 11"));
}

TEST(Judge, AResultThatSaysErrorIsTheAgentsErrorInItsWords) {
  const Verdict verdict = Judge(Protocol::kResultError, "model\x1b[31m refused", Exited(0));
  EXPECT_EQ(verdict.failure, FailureClass::kAgentError);
  EXPECT_EQ(verdict.message, "The agent reported an error: model refused.");
}

TEST(Judge, ACommandIsJudgedByItsExitStatus) {
  EXPECT_EQ(Judge(Protocol::kNone, "", Exited(0)).failure, FailureClass::kNone);
  const Verdict failed = Judge(Protocol::kNone, "", Exited(2));
  EXPECT_EQ(failed.failure, FailureClass::kAgentError);
  EXPECT_EQ(failed.message, "The command exited with status 2.");
  EXPECT_EQ(Judge(Protocol::kNone, "", Killed(SIGKILL)).failure, FailureClass::kAgentError);
}

TEST(Judge, EndingsByUsHaveTheirOwnClass) {
  struct Case {
    EndedBy by;
    FailureClass failure;
  };
  for (const Case& c : {Case{EndedBy::kCancel, FailureClass::kCancelled},
                        {EndedBy::kFirstEventClock, FailureClass::kStalled},
                        {EndedBy::kIdleClock, FailureClass::kStalled},
                        {EndedBy::kHardCap, FailureClass::kTimedOut},
                        {EndedBy::kOrphaned, FailureClass::kWorkerLost},
                        {EndedBy::kSuperseded, FailureClass::kWorkerLost},
                        {EndedBy::kShimLost, FailureClass::kWorkerLost},
                        {EndedBy::kHostRebooted, FailureClass::kWorkerLost},
                        {EndedBy::kDrained, FailureClass::kWorkerLost}}) {
    for (const Protocol protocol :
         {Protocol::kNone, Protocol::kResultMissing, Protocol::kResultError}) {
      EXPECT_EQ(Judge(protocol, "", Killed(SIGTERM, c.by)).failure, c.failure)
          << static_cast<int>(c.by);
    }
  }
}

TEST(Judge, ACancelHoldsEvenAfterAGoodResult) {
  EXPECT_EQ(Judge(Protocol::kResultOk, "", Killed(SIGTERM, EndedBy::kCancel)).failure,
            FailureClass::kCancelled);
  EXPECT_EQ(Judge(Protocol::kResultOk, "", Killed(SIGTERM, EndedBy::kSuperseded)).failure,
            FailureClass::kWorkerLost);
}

TEST(Judge, AnAgentThatCouldNotStartSaysWhy) {
  const Verdict verdict = Judge(Protocol::kNotStarted, "exec: No such file", ProcessEnd{});
  EXPECT_EQ(verdict.failure, FailureClass::kEnvironmentFailed);
  EXPECT_THAT(verdict.message, HasSubstr("No such file"));
}

TEST(Judge, EveryFailureHasASentenceAndOnlyFailuresDo) {
  for (const Protocol protocol : kAllProtocols) {
    for (const EndedBy by : kAllEndings) {
      for (const ProcessEnd& end :
           {Exited(0, by), Exited(7, by), Killed(SIGKILL, by), ProcessEnd{std::nullopt, 0, by}}) {
        const Verdict verdict = Judge(protocol, "", end);
        if (verdict.failure == FailureClass::kNone) {
          EXPECT_THAT(verdict.message, IsEmpty());
        } else {
          EXPECT_THAT(verdict.message, EndsWith("."));
          EXPECT_NE(verdict.failure, FailureClass::kInternal);
        }
      }
    }
  }
}

TEST(FailureName, IsDifferentForEachClass) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(FailureClass::kInternal); ++i) {
    names.insert(std::string(FailureName(static_cast<FailureClass>(i))));
  }
  EXPECT_EQ(names.size(), 19u);
  EXPECT_EQ(names.count("unknown"), 0u);
  EXPECT_EQ(FailureName(FailureClass::kAgentNeedsSetup), "agent_needs_setup");
}

TEST(RetryRule, EachClassHasItsPolicy) {
  struct Case {
    FailureClass failure;
    RetryRule rule;
  };
  for (const Case& c : {Case{FailureClass::kNone, RetryRule::kNever},
                        {FailureClass::kWorkerLost, RetryRule::kElsewhere},
                        {FailureClass::kCheckoutFailed, RetryRule::kNever},
                        {FailureClass::kEnvironmentFailed, RetryRule::kElsewhere},
                        {FailureClass::kAgentMissing, RetryRule::kHostFault},
                        {FailureClass::kAgentNeedsSetup, RetryRule::kHostFault},
                        {FailureClass::kSessionFailed, RetryRule::kNever},
                        {FailureClass::kQuota, RetryRule::kAtReset},
                        {FailureClass::kRateLimited, RetryRule::kElsewhere},
                        {FailureClass::kContextOverflow, RetryRule::kFreshSession},
                        {FailureClass::kNetwork, RetryRule::kElsewhere},
                        {FailureClass::kStalled, RetryRule::kElsewhere},
                        {FailureClass::kTimedOut, RetryRule::kNever},
                        {FailureClass::kAgentError, RetryRule::kNever},
                        {FailureClass::kNoResult, RetryRule::kNever},
                        {FailureClass::kChecksFailed, RetryRule::kNever},
                        {FailureClass::kLimitExceeded, RetryRule::kNever},
                        {FailureClass::kCancelled, RetryRule::kNever},
                        {FailureClass::kInternal, RetryRule::kElsewhere}}) {
    EXPECT_EQ(RetryRuleFor(c.failure, /*host_fault=*/false), c.rule) << FailureName(c.failure);
  }
}

TEST(RetryRule, TheHostsFaultSpendsNothingExceptWhereAPersonDecided) {
  EXPECT_EQ(RetryRuleFor(FailureClass::kCheckoutFailed, true), RetryRule::kHostFault);
  EXPECT_EQ(RetryRuleFor(FailureClass::kSessionFailed, true), RetryRule::kHostFault);
  EXPECT_EQ(RetryRuleFor(FailureClass::kInternal, true), RetryRule::kHostFault);
  EXPECT_EQ(RetryRuleFor(FailureClass::kCancelled, true), RetryRule::kNever);
  EXPECT_EQ(RetryRuleFor(FailureClass::kQuota, true), RetryRule::kAtReset);
}

}  // namespace
}  // namespace handoff
