#include "worker/turn_run.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/agent/registry.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kLimit = absl::Seconds(90);

Verdict JudgeOf(const Reading& reading) {
  return JudgeTurn(*FindAgent("claude"), reading, TurnAnswer(123456, 654321), kLimit);
}

Reading Said(const std::vector<std::string>& texts, bool ok = true) {
  Reading reading;
  reading.texts = texts;
  reading.result = AgentEvent::Result{ok, "", FailureClass::kNone, absl::InfinitePast(), false};
  return reading;
}

TEST(TurnPrompt, HasTheNumbersButNotTheAnswer) {
  const std::string prompt = TurnPrompt(123456, 654321);
  EXPECT_THAT(prompt, HasSubstr("the number 123456, "));
  EXPECT_THAT(prompt, HasSubstr("the number 654321, "));
  EXPECT_THAT(prompt, Not(HasSubstr(TurnAnswer(123456, 654321))));
}

TEST(JudgeTurn, TheAnswerIsTakenWithWhatStandsAroundItAndInParts) {
  EXPECT_EQ(JudgeOf(Said({"123456-654321"})).failure, FailureClass::kNone);
  EXPECT_EQ(JudgeOf(Said({"Sure: ", "`123456-654321`.", "Done"})).failure, FailureClass::kNone);
  EXPECT_EQ(JudgeOf(Said({TurnPrompt(123456, 654321)})).failure, FailureClass::kAgentError);
  const Verdict other = JudgeOf(Said({"123457-654321"}));
  EXPECT_EQ(other.failure, FailureClass::kAgentError);
  EXPECT_THAT(other.message, HasSubstr("not what it was asked for: 123457-654321"));
}

TEST(JudgeTurn, AnAnswerInAFailedRunIsNone) {
  EXPECT_EQ(JudgeOf(Said({"123456-654321"}, false)).failure, FailureClass::kAgentError);
  Reading silent;
  silent.process.status.code = 0;
  EXPECT_EQ(JudgeOf(silent).failure, FailureClass::kNoResult);
  EXPECT_THAT(JudgeOf(silent).message, Not(HasSubstr("look at the log")));
}

TEST(JudgeTurn, TheTimeIsOverButWhatItToldOfBeforeSaysWhy) {
  Reading late;
  late.process.timed_out = true;
  EXPECT_EQ(JudgeOf(late).failure, FailureClass::kTimedOut);
  EXPECT_EQ(JudgeOf(late).message, "It did not answer within 90 s and was ended.");
  late.last_trouble = "connect ECONNREFUSED 127.0.0.1:9";
  const Verdict network = JudgeOf(late);
  EXPECT_EQ(network.failure, FailureClass::kNetwork);
  EXPECT_THAT(network.message, HasSubstr("did not answer within"));
}

TEST(JudgeTurn, AQuotaNamesItsReset) {
  Reading reading = Said({}, false);
  reading.result->failure = FailureClass::kQuota;
  reading.result->message = "limit";
  reading.result->retry_at = absl::FromUnixSeconds(1'800'000'000);
  const Verdict quota = JudgeOf(reading);
  EXPECT_EQ(quota.failure, FailureClass::kQuota);
  EXPECT_EQ(quota.retry_at, absl::FromUnixSeconds(1'800'000'000));
}

}  // namespace
}  // namespace handoff::worker
