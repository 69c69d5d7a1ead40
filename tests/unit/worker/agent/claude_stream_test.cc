#include "worker/agent/claude_stream.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/agent/told.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;

constexpr char kSession[] = "0f6b2c1e-8a44-4c1d-9d6e-5a7b3c2d1e0f";

std::vector<std::string> Told(absl::string_view lines) {
  ClaudeStream stream;
  return Told(stream, lines);
}

// The end that a stream tells last.
AgentEvent::Result ResultOf(absl::string_view lines) {
  ClaudeStream stream;
  return LastResult(stream, lines);
}

std::string Failing(absl::string_view fields) {
  return absl::StrCat(R"({"type":"result","is_error":true,"num_turns":1,)", fields, "}");
}

TEST(ClaudeStream, AMeasuredStreamIsUnderstood) {
  EXPECT_THAT(
      Told(Stream("claude-first")),
      ElementsAre("alive", absl::StrCat("session ", kSession, " claude-opus-5-5"), "alive", "alive",
                  "progress", "text I will build first.", "start Bash|ninja -C build|", "alive",
                  "alive", "done Bash|ninja -C build||failure|1|0", "start Write||/w/repo/x.cc",
                  "done Write||/w/repo/x.cc|success|-|0", "start Write||/w/repo/.claude/x",
                  "progress", "done Write||/w/repo/.claude/x|rejected|-|0", "progress",
                  "text Fixed; build passes.", "usage 2400 68 400 30 $0.0110 more",
                  "result ok Fixed; build passes."));
}

// Trap 3: the first result is not always the end.
TEST(ClaudeStream, Trap3AResultOfNoTurnsIsNotTheEnd) {
  EXPECT_THAT(Told(Stream("claude-resumed")),
              ElementsAre("unknown result before any turn",
                          absl::StrCat("session ", kSession, " claude-opus-5-5"),
                          "start TodoWrite||", "todo 1 of 2 done: two",
                          "done TodoWrite|||success|-|0", "retry Background task b7 was stopped",
                          "text Done.", "usage 10 2 0 0 $0.0200 more", "result ok Done."));
}

// Trap 9: of a session that is not there it says so, and begins no other.
TEST(ClaudeStream, Trap9AnUnknownSessionIsTroubleWithoutAResult) {
  EXPECT_THAT(Told(Stream("claude-no-session")),
              ElementsAre(absl::StrCat("retry No conversation found with session ID: ", kSession)));
}

// Trap 13: what one result counts is not counted again by the next.
TEST(ClaudeStream, Trap13CostIsToldOnce) {
  const std::string result =
      R"({"type":"result","subtype":"success","num_turns":1,"result":"","total_cost_usd":%})";
  EXPECT_THAT(Told(absl::StrCat(absl::StrReplaceAll(result, {{"%", "0.5"}}), "\n",
                                absl::StrReplaceAll(result, {{"%", "0.75"}}), "\n",
                                absl::StrReplaceAll(result, {{"%", "0.1"}}))),
              ElementsAre("usage 0 0 0 0 $0.5000 more", "result ok ", "usage 0 0 0 0 $0.2500 more",
                          "result ok ", "usage 0 0 0 0 more", "result ok "));
}

TEST(ClaudeStream, Trap13TokensOfTwoResultsAreToldOnce) {
  const std::string result =
      R"({"type":"result","subtype":"success","num_turns":1,"result":"","usage":{"input_tokens":%,)"
      R"("output_tokens":1,"cache_read_input_tokens":2,"cache_creation_input_tokens":3}})";
  EXPECT_THAT(Told(absl::StrCat(absl::StrReplaceAll(result, {{"%", "10"}}), "\n",
                                absl::StrReplaceAll(result, {{"%", "15"}}))),
              ElementsAre("usage 10 1 2 3 more", "result ok ", "usage 5 0 0 0 more", "result ok "));
}

// A request that was refused and then answered says nothing of what failed hours later.
TEST(ClaudeStream, Trap13ARetryThatSucceededIsForgotten) {
  const AgentEvent::Result result = ResultOf(
      R"({"type":"system","subtype":"api_retry","error":"authentication_failed",)"
      R"("error_status":401})"
      "\n"
      R"({"type":"assistant","message":{"content":[{"type":"text","text":"Done."}]}})"
      "\n"
      R"({"type":"result","subtype":"error_during_execution","is_error":true,"num_turns":2})");
  EXPECT_EQ(result.failure, FailureClass::kAgentError);
  EXPECT_FALSE(result.certain);
}

TEST(ClaudeStream, Trap13ARefusedLoginIsCertain) {
  EXPECT_THAT(Told(Stream("claude-unauthorized")),
              ElementsAre(absl::StrCat("session ", kSession, " claude-opus-5-5"),
                          "retry the model's service failed (authentication_failed, status 401); "
                          "retry 1 of 10",
                          "retry Failed to authenticate. API Error: 401 invalid x-api-key",
                          "usage 0 0 0 0 more",
                          "result agent_needs_setup Failed to authenticate. API Error: 401 "
                          "invalid x-api-key"));
  EXPECT_TRUE(ResultOf(Stream("claude-unauthorized")).certain);
}

TEST(ClaudeStream, Trap13AQuotaHasTheResetTimeThatAnEventNamed) {
  const AgentEvent::Result result = ResultOf(Stream("claude-limit"));
  EXPECT_EQ(result.failure, FailureClass::kQuota);
  EXPECT_EQ(result.retry_at, absl::FromUnixSeconds(1795392000));
}

TEST(ClaudeStream, AResetTimeThatCannotBeOneIsNoneAndSaidNowhere) {
  const std::string event = R"({"type":"rate_limit_event","rate_limit_info":{"status":"rejected",)"
                            R"("rateLimitType":"five_hour","resetsAt":9000000000000000000}})";
  EXPECT_THAT(Told(event), ElementsAre("retry the limit 'five_hour' of the account is used up"));
}

TEST(ClaudeStream, Trap13EveryFailureHasItsClass) {
  struct Case {
    const char* fields;
    FailureClass failure;
    bool certain;
  };
  for (const Case& c : {
           Case{R"("subtype":"success","api_error_status":429,"result":"slow down")",
                FailureClass::kRateLimited, true},
           {R"("subtype":"success","api_error_status":529,"result":"Overloaded")",
            FailureClass::kRateLimited, true},
           {R"("subtype":"success","api_error_status":500,"result":"API Error: 500 oops")",
            FailureClass::kNetwork, true},
           {R"("subtype":"success","api_error_status":429,"result":"usage limit")",
            FailureClass::kQuota, true},
           {R"("subtype":"success","result":"Credit balance is too low")", FailureClass::kQuota,
            false},
           {R"("subtype":"success","api_error_status":400,"result":"Prompt is too long")",
            FailureClass::kContextOverflow, false},
           {R"("subtype":"success","api_error_status":400,"result":"API Error: 400 odd")",
            FailureClass::kAgentError, false},
           {R"("subtype":"success","result":"Unable to connect to API ECONNREFUSED")",
            FailureClass::kNetwork, false},
           {R"("subtype":"success","result":"Not logged in · Please run /login")",
            FailureClass::kAgentNeedsSetup, false},
           {R"("subtype":"error_max_turns")", FailureClass::kLimitExceeded, true},
           {R"("subtype":"error_during_execution")", FailureClass::kAgentError, false},
       }) {
    const AgentEvent::Result result = ResultOf(Failing(c.fields));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, c.failure) << c.fields;
    EXPECT_EQ(result.certain, c.certain) << c.fields;
  }
}

// Trap 6: what repeats by itself is no progress.
TEST(ClaudeStream, Trap6HeartbeatsAndRetriesAreNoProgress) {
  EXPECT_THAT(Told(R"({"type":"keep_alive"}
{"type":"tool_progress","tool_use_id":"x","heartbeat":true}
{"type":"system","subtype":"hook_progress"}
{"type":"user","message":{"role":"user","content":[{"type":"text","text":"the prompt"}]}}
{"type":"user","message":{"role":"user","content":"the prompt"}})"),
              ElementsAre("alive", "alive", "alive", "alive", "alive"));
}

// Trap 10: what is new is counted, what is broken or huge is survived.
TEST(ClaudeStream, Trap10UnknownEventsAreCounted) {
  EXPECT_THAT(Told(R"({"type":"novelty"}
{"type":"system","subtype":"novelty"}
{"type":"assistant","message":{"content":[{"type":"novelty"}]}}
{"type":"stream_event","event":{}}
{"type":"system","subtype":"compact_boundary"}
not json)"),
              ElementsAre("unknown novelty", "unknown system/novelty", "unknown assistant/novelty",
                          "progress", "progress", "unknown not json"));
}

TEST(ClaudeStream, Trap10ALineOf40MiBIsReadToItsEnd) {
  const std::string big(40 << 20, 'x');
  EXPECT_THAT(Told(absl::StrCat(
                  R"({"type":"user","tool_use_result":")", big,
                  R"(","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":")",
                  big.substr(0, 20 << 20), R"(","is_error":true}]}})")),
              ElementsAre("done |||failure|-|0"));
}

TEST(ClaudeStream, Trap10WrongTypesOfFieldsNeverThrow) {
  for (const char* value : kOddValues) {
    for (const char* shape :
         {R"({"type":%,"subtype":%})", R"({"type":"system","subtype":"init","session_id":%})",
          R"({"type":"system","subtype":"api_retry","error":%,"error_status":%,"attempt":%})",
          R"({"type":"rate_limit_event","rate_limit_info":%})",
          R"({"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":%}})",
          R"({"type":"assistant","message":%,"parent_tool_use_id":%})",
          R"({"type":"assistant","message":{"content":%,"model":%},"is_api_error_message":%})",
          R"({"type":"assistant","message":{"content":[%,{"type":%}]}})",
          R"({"type":"assistant","message":{"content":[{"type":"tool_use","id":%,"input":%}]}})",
          R"({"type":"user","message":{"content":[{"type":"tool_result","content":%}]}})",
          R"({"type":"result","is_error":%,"num_turns":%,"errors":%,"total_cost_usd":%})",
          R"({"type":"result","num_turns":1,"usage":%,"model_usage_since_last_result":%})",
          R"({"type":"result","num_turns":1,"model_usage_since_last_result":{"m":%}})"}) {
      Told(absl::StrReplaceAll(shape, {{"%", value}}));
    }
  }
}

TEST(ClaudeStream, Trap10AMutatedStreamIsTakenWithoutHarm) {
  ClaudeStream stream;
  ExpectToTakeMutations(stream, Stream("claude-first"), 3'000);
}

}  // namespace
}  // namespace handoff
