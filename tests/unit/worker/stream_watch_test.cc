#include "worker/stream_watch.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "worker/agent/registry.h"

namespace handoff::worker {
namespace {

constexpr char kSession[] = "01a223bf-0000-7783-893d-253cdbb70000";

v1::Facts::Usage UsageOf(const char* agent, const v1::Handoff& handoff, const std::string& session,
                         const std::vector<std::string>& lines) {
  AttemptClocks clocks(ClockLimits{}, BootTime{});
  StreamWatch watch(*FindAgent(agent), clocks, handoff, session);
  for (const std::string& line : lines) watch.TakeLine(line, BootTime{});
  return watch.facts().usage();
}

std::string TurnOf(int input, int output) {
  return absl::StrCat(R"({"type":"turn.completed","usage":{"input_tokens":)", input,
                      R"(,"output_tokens":)", output, "}}");
}

v1::Handoff WithAttempt(const std::string& session, int input, int output) {
  v1::Handoff handoff;
  v1::Attempt& attempt = *handoff.add_attempts();
  attempt.set_session(session);
  attempt.mutable_facts()->mutable_usage()->set_input_tokens(input);
  attempt.mutable_facts()->mutable_usage()->set_output_tokens(output);
  return handoff;
}

// Trap 13: a resumed session counts its earlier turns again.
TEST(StreamWatch, Trap13ATotalOfTheSessionIsLessWhatEarlierAttemptsUsed) {
  v1::Handoff handoff = WithAttempt(kSession, 1000, 30);
  handoff.MergeFrom(WithAttempt(kSession, 1400, 38));
  handoff.MergeFrom(WithAttempt("another", 5000, 500));
  const auto usage = UsageOf("codex", handoff, kSession, {TurnOf(3600, 102)});
  EXPECT_EQ(usage.input_tokens(), 1200u);
  EXPECT_EQ(usage.output_tokens(), 34u);
  // Less than was known: a session that was cut short, not a negative use.
  EXPECT_EQ(UsageOf("codex", handoff, kSession, {TurnOf(100, 1)}).input_tokens(), 0u);
}

TEST(StreamWatch, Trap13ARestoredSessionHoldsNothingOfLaterAttempts) {
  v1::Handoff handoff = WithAttempt(kSession, 1000, 30);
  handoff.MergeFrom(WithAttempt(kSession, 1400, 38));
  handoff.mutable_attempts(0)->set_number(1);
  handoff.mutable_attempts(1)->set_number(2);
  AttemptClocks clocks(ClockLimits{}, BootTime{});
  StreamWatch watch(*FindAgent("codex"), clocks, handoff, kSession, /*last=*/1);
  watch.TakeLine(TurnOf(3600, 102), BootTime{});
  EXPECT_EQ(watch.facts().usage().input_tokens(), 2600u);
  EXPECT_EQ(watch.facts().usage().output_tokens(), 72u);
}

TEST(StreamWatch, Trap13ARestoredSessionThatGoesOnHoldsNothingOfThoseThatWereLeftOut) {
  v1::Handoff handoff;
  for (const int input : {1000, 400, 200}) {
    handoff.MergeFrom(WithAttempt(kSession, input, 1));
    handoff.mutable_attempts()->rbegin()->set_number(handoff.attempts_size());
  }
  handoff.mutable_attempts(2)->set_session_kind(v1::Attempt::RESTORED);
  handoff.mutable_attempts(2)->set_from_attempt(1);
  EXPECT_EQ(UsageOf("codex", handoff, kSession, {TurnOf(1250, 3)}).input_tokens(), 50u);
}

TEST(StreamWatch, Trap13ANewSessionBeginsAtNothing) {
  const v1::Handoff handoff = WithAttempt("", 1000, 30);
  EXPECT_EQ(UsageOf("codex", handoff, "", {TurnOf(3600, 102)}).input_tokens(), 3600u);
}

TEST(StreamWatch, Trap13WhatIsToldAsMoreIsAdded) {
  const std::string result =
      R"({"type":"result","subtype":"success","num_turns":1,"result":"",)"
      R"("model_usage_since_last_result":{"m":{"inputTokens":10,"outputTokens":2,"costUSD":0.5}}})";
  const auto usage = UsageOf("claude", WithAttempt(kSession, 1000, 30), kSession, {result, result});
  EXPECT_EQ(usage.input_tokens(), 20u);
  EXPECT_EQ(usage.output_tokens(), 4u);
  EXPECT_DOUBLE_EQ(usage.cost_usd(), 1.0);
}

// Traps 6 and 7: what repeats by itself is no progress; what shows work is.
TEST(StreamWatch, Trap7OnlyWorkKeepsTheIdleClockAway) {
  const std::vector<std::pair<const char*, std::vector<std::string>>> heartbeats = {
      {"cursor", {R"({"type":"connection","subtype":"reconnecting"})", R"({"type":"retry"})"}},
      {"claude", {R"({"type":"system","subtype":"api_retry"})", R"({"type":"keep_alive"})"}},
      {"codex", {R"({"type":"error","message":"Reconnecting... 3/5"})"}}};
  const ClockLimits limits;
  for (const auto& [agent, lines] : heartbeats) {
    AttemptClocks clocks(limits, BootTime{});
    StreamWatch watch(*FindAgent(agent), clocks, {}, "");
    clocks.Progress(BootTime{});
    BootTime now{};
    for (; now < BootTime{} + limits.idle; now = now + absl::Seconds(10)) {
      EXPECT_EQ(clocks.Read(now).end, std::nullopt) << agent;
      for (const std::string& line : lines) watch.TakeLine(line, now);
    }
    EXPECT_EQ(clocks.Read(now).end, EndedBy::kIdleClock) << agent;
  }
  AttemptClocks clocks(limits, BootTime{});
  StreamWatch watch(*FindAgent("cursor"), clocks, {}, "");
  const BootTime late = BootTime{} + limits.first_event / 2;
  watch.TakeLine(R"({"type":"thinking","subtype":"delta","text":"hm"})", late);
  EXPECT_EQ(clocks.last_progress(), late);
}

constexpr char kStepBegins[] = R"({"type":"step_start","part":{"messageID":"m2"}})";
constexpr char kStops[] = R"({"type":"step_finish","part":{"messageID":"m","reason":"stop"}})";

// Trap 3: what looked like the end was the summary of a conversation that got too long.
TEST(StreamWatch, Trap3AStepThatBeginsTakesTheEndBack) {
  const ClockLimits limits;
  AttemptClocks clocks(limits, BootTime{});
  StreamWatch watch(*FindAgent("opencode"), clocks, {}, "");
  watch.TakeLine(kStops, BootTime{});
  ASSERT_TRUE(watch.result().has_value());
  const uint64_t told = watch.end_version();
  EXPECT_GT(told, 0u);
  watch.TakeLine(kStepBegins, BootTime{});
  EXPECT_FALSE(watch.result().has_value());
  EXPECT_GT(watch.end_version(), told);
  EXPECT_EQ(clocks.Read(BootTime{} + limits.idle).end, EndedBy::kIdleClock);
  watch.TakeLine(kStops, BootTime{});
  EXPECT_TRUE(watch.result().has_value());
}

std::string ClaudeCalls(const char* parent) {
  return absl::StrCat(R"({"type":"assistant","parent_tool_use_id":)", parent,
                      R"(,"message":{"content":[{"type":"tool_use","id":"t2","name":"Bash"}]}})");
}

// Trap 3: a task in the background is over, and the agent goes on with what it said.
TEST(StreamWatch, Trap3ATurnOfTheAgentAfterItsResultTakesThatBack) {
  const ClockLimits limits;
  constexpr char kResult[] = R"({"type":"result","subtype":"success","num_turns":1,"result":"ok"})";
  const std::string begins = R"({"type":"system","subtype":"init","session_id":"s"})";
  for (const std::string& line : {ClaudeCalls("null"), begins}) {
    AttemptClocks clocks(limits, BootTime{});
    StreamWatch watch(*FindAgent("claude"), clocks, {}, "");
    watch.TakeLine(kResult, BootTime{});
    ASSERT_TRUE(watch.over());
    const uint64_t told = watch.end_version();
    watch.TakeLine(line, BootTime{});
    EXPECT_FALSE(watch.over()) << line;
    EXPECT_EQ(watch.result().has_value(), line == begins) << "one may come to nothing";
    EXPECT_GT(watch.end_version(), told);
    EXPECT_EQ(clocks.Read(BootTime{} + limits.idle).end, EndedBy::kIdleClock);
    watch.TakeLine(R"({"type":"assistant","message":{"content":[{"type":"text","text":"More."}]}})",
                   BootTime{});
    EXPECT_FALSE(watch.result().has_value()) << "that was not the end of it";
    watch.TakeLine(kResult, BootTime{});
    EXPECT_TRUE(watch.over() && watch.result().has_value());
  }
  AttemptClocks clocks(limits, BootTime{});
  StreamWatch watch(*FindAgent("claude"), clocks, {}, "");
  watch.TakeLine(kResult, BootTime{});
  for (const std::string& line :
       {ClaudeCalls("\"t1\""), std::string(R"({"type":"system","subtype":"task_progress"})")}) {
    watch.TakeLine(line, BootTime{});
    EXPECT_TRUE(watch.result().has_value()) << line;
  }
}

// Trap 2: one that only repeats that it lives would never be ended.
TEST(StreamWatch, Trap2OnlyWorkPutsTheEndOff) {
  AttemptClocks clocks(ClockLimits{}, BootTime{});
  StreamWatch watch(*FindAgent("cursor"), clocks, {}, "");
  watch.TakeLine(R"({"type":"text","text":"Done."})", BootTime{});
  watch.TakeLine(R"({"type":"result","subtype":"success","result":"ok"})", BootTime{});
  ASSERT_TRUE(watch.result().has_value());
  const uint64_t told = watch.end_version();
  for (const char* line :
       {R"({"type":"connection","subtype":"reconnecting"})", R"({"type":"novelty"})", "{"}) {
    watch.TakeLine(line, BootTime{});
    EXPECT_EQ(watch.end_version(), told) << line;
  }
  watch.TakeLine(R"({"type":"thinking","subtype":"delta","text":"hm"})", BootTime{});
  EXPECT_GT(watch.end_version(), told);
}

TEST(StreamWatch, TroubleFromWhichTheAgentGotOnExplainsNothing) {
  AttemptClocks clocks(ClockLimits{}, BootTime{});
  StreamWatch watch(*FindAgent("opencode"), clocks, {}, "");
  watch.TakeLine(R"({"type":"error","error":{"name":"ContextOverflowError"}})", BootTime{});
  EXPECT_NE(watch.last_trouble(), "");
  watch.TakeLine(kStepBegins, BootTime{});
  EXPECT_EQ(watch.last_trouble(), "");
}

// A retry at the begin does not say why the process was killed an hour later.
TEST(StreamWatch, WorkAfterTroubleShowsThatItIsOver) {
  AttemptClocks clocks(ClockLimits{}, BootTime{});
  StreamWatch watch(*FindAgent("cursor"), clocks, {}, "");
  for (const char* line : {R"({"type":"text","text":"On."})", R"({"type":"tool_use","id":"1"})",
                           R"({"type":"tool_result","id":"1"})", R"({"type":"thinking"})"}) {
    watch.TakeLine(R"({"type":"error","message":"status 429"})", BootTime{});
    EXPECT_EQ(watch.last_trouble(), "status 429");
    watch.TakeLine(R"({"type":"connection"})", BootTime{});
    EXPECT_EQ(watch.last_trouble(), "status 429");
    watch.TakeLine(line, BootTime{});
    EXPECT_EQ(watch.last_trouble(), "") << line;
  }
}

TEST(StreamWatch, TheSessionIsKnownFromTheFirstLine) {
  AttemptClocks clocks(ClockLimits{}, BootTime{});
  StreamWatch watch(*FindAgent("codex"), clocks, {}, "");
  watch.TakeLine(absl::StrCat(R"({"type":"thread.started","thread_id":")", kSession, R"("})"), {});
  EXPECT_EQ(watch.session(), kSession);
}

// It becomes an argument of the next run.
TEST(StreamWatch, AnIdThatIsAnOptionOrAPathIsNone) {
  for (const char* id : {"--help", "-1", ".x", "a/b", "a b", ""}) {
    AttemptClocks clocks(ClockLimits{}, BootTime{});
    StreamWatch watch(*FindAgent("codex"), clocks, {}, "");
    watch.TakeLine(absl::StrCat(R"({"type":"thread.started","thread_id":")", id, R"("})"), {});
    EXPECT_EQ(watch.session(), "") << id;
  }
}

}  // namespace
}  // namespace handoff::worker
