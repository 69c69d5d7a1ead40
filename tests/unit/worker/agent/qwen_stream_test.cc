#include "worker/agent/qwen_stream.h"

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
  QwenStream stream;
  return Told(stream, lines);
}

AgentEvent::Result ResultOf(absl::string_view lines) {
  QwenStream stream;
  return LastResult(stream, lines);
}

std::string Result(absl::string_view type, absl::string_view content, bool failed) {
  return absl::StrCat(R"({"type":"user","message":{"content":[{"type":")", type,
                      R"(","tool_use_id":"1","is_error":)", failed ? "true" : "false",
                      R"(,"content":")", content, R"("}]}})");
}

std::string Failing(absl::string_view message) {
  return absl::StrCat(R"({"type":"result","subtype":"error_during_execution","is_error":true,)",
                      R"("error":{"message":")", message, R"("}})");
}

TEST(QwenStream, AMeasuredStreamIsUnderstood) {
  EXPECT_THAT(
      Told(Stream("qwen-first")),
      ElementsAre(absl::StrCat("session ", kSession, " qwen3-coder"), "alive",
                  "start write_file||/w/repo/a.txt", "done write_file||/w/repo/a.txt|success|-|0",
                  "start run_shell_command|echo t; exit 3|",
                  "done run_shell_command|echo t; exit 3||failure|3|0", "start todo_write||",
                  "todo 1 of 2 done: two", "done todo_write|||failure|-|0",
                  "start read_file||/nonexistent", "done read_file||/nonexistent|failure|-|0",
                  "start write_file||/w/outside.txt", "done write_file||/w/outside.txt|success|-|0",
                  "text Done.", "usage 7200 204 0 0 in all", "result ok Done."));
}

TEST(QwenStream, TokensFromTheCacheAreCountedOnce) {
  EXPECT_THAT(Told(R"({"type":"assistant","message":{"content":[]}}
{"type":"result","subtype":"success","is_error":false,"result":"x","usage":{"input_tokens":900,)"
                   R"("output_tokens":5,"cache_read_input_tokens":700}})"),
              ElementsAre("progress", "usage 200 5 700 0 in all", "result ok x"));
}

TEST(QwenStream, ARefusedCallAndAFailedOneAreToldApart) {
  const char kRefused[] =
      R"(Qwen Code requires permission to use \"edit\", but that permission was declined.)";
  EXPECT_THAT(Told(Result("tool_result", kRefused, true)), ElementsAre("done |||rejected|-|0"));
  EXPECT_THAT(Told(Result("tool_result", R"(Output: x\nExit Code: (none)\nSignal: 9)", true)),
              ElementsAre("done |||failure|-|0"));
  EXPECT_THAT(Told(Result("tool_result", R"(Output: x\nExit Code: 7)", true)),
              ElementsAre("done |||failure|7|0"));
  // What a tool printed is not how it ended.
  EXPECT_THAT(Told(Result("tool_result", R"(x\nExit Code: 7)", false)),
              ElementsAre("done |||success|-|0"));
  EXPECT_THAT(Told(Result("text", "hello", false)), ElementsAre("alive"));
}

TEST(QwenStream, ARetrySaysWhatTheLineTells) {
  EXPECT_THAT(
      Told(R"({"type":"system","subtype":"retry","data":{"attempt":1,"maxRetries":2,"delayMs":2000}}
{"type":"system","subtype":"retry","data":{"attempt":1,"maxRetries":9,"delayMs":60000,)"
           R"("message":"[API Error: 503 busy]"}})"),
      ElementsAre("retry the model's service failed; retry 1 of 2 in 2 s",
                  "retry the model's service failed; retry 1 of 9 in 60 s: [API Error: 503 busy]"));
}

TEST(QwenStream, WhatItsAgentsSayIsNoTextOfItsOwn) {
  EXPECT_THAT(Told(R"({"type":"assistant","parent_tool_use_id":"t","message":{"content":)"
                   R"([{"type":"text","text":"mine"}]}})"),
              ElementsAre("progress"));
}

// Trap 5: a prompt may be a command to the CLI, and then no model was asked.
TEST(QwenStream, Trap5AGoodResultBeforeAnyTurnIsNone) {
  EXPECT_THAT(Told(R"({"type":"result","subtype":"success","is_error":false,"num_turns":0})"),
              ElementsAre("unknown result before any turn"));
}

// It says something itself, which is no turn of a model.
TEST(QwenStream, Trap5ACommandOfTheCliIsNoWork) {
  EXPECT_THAT(Told(R"({"type":"assistant","message":{"content":[{"type":"text","text":"Help."}]}}
{"type":"result","subtype":"success","is_error":false,"num_turns":0,"result":"Help."})"),
              ElementsAre("text Help.", "unknown result before any turn"));
}

// Trap 3: of an agent that it had started itself; it goes on.
TEST(QwenStream, Trap3AFailureOfNoTurnsIsNotTheEnd) {
  constexpr char kOfItsAgent[] =
      R"({"type":"result","subtype":"error_during_execution","is_error":true,"duration_ms":0,)"
      R"("num_turns":0,"usage":{"input_tokens":0,"output_tokens":0},)"
      R"("error":{"message":"Task execution failed"}})";
  EXPECT_THAT(Told(kOfItsAgent), ElementsAre("retry Task execution failed"));
}

// Trap 6: the clocks must not take a retry for work.
TEST(QwenStream, Trap6ARetryIsNoProgress) {
  EXPECT_THAT(Told(Stream("qwen-limited")),
              ElementsAre(absl::StrCat("session ", kSession, " qwen3-coder"), "alive",
                          "retry the model's service has a rate limit; retry 1 of 10 in 60 s"));
}

TEST(QwenStream, Trap13ARefusedLoginIsCertain) {
  EXPECT_THAT(Told(Stream("qwen-unauthorized")),
              ElementsAre(absl::StrCat("session ", kSession, " qwen3-coder"), "alive",
                          "retry [API Error: 401 scripted failure 401]", "usage 0 0 0 0 in all",
                          "result agent_needs_setup [API Error: 401 scripted failure 401]"));
  EXPECT_TRUE(ResultOf(Stream("qwen-unauthorized")).certain);
}

TEST(QwenStream, Trap13EveryFailureHasItsClass) {
  struct Case {
    const char* message;
    FailureClass failure;
    bool certain;
  };
  for (const Case& c :
       {Case{"[API Error: 500 no]", FailureClass::kNetwork, true},
        {"[API Error: 429 slow]", FailureClass::kRateLimited, true},
        {"[API Error: 429 You exceeded your current quota]", FailureClass::kQuota, false},
        {"[API Error: 403 no]", FailureClass::kAgentNeedsSetup, true},
        {"[API Error: 400 no]", FailureClass::kAgentError, false},
        {"[API Error: 5000 no]", FailureClass::kAgentError, false},
        {"The port is 401 of course", FailureClass::kAgentError, false},
        {"No auth type is selected. Please configure", FailureClass::kAgentNeedsSetup, true},
        {"[API Error: Connection error. (cause: connect ECONNREFUSED 127.0.0.1:1)]",
         FailureClass::kNetwork, false},
        {"", FailureClass::kAgentError, false}}) {
    const AgentEvent::Result result = ResultOf(Failing(c.message));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, c.failure) << c.message;
    EXPECT_EQ(result.certain, c.certain) << c.message;
    EXPECT_NE(result.message, "");
  }
}

// A model that quotes an error is at work.
TEST(QwenStream, WhatAModelSaysOfAnErrorIsText) {
  EXPECT_THAT(Told(R"({"type":"assistant","message":{"content":[{"type":"text","text":)"
                   R"("[API Error: 401] is what the log says"}],"usage":{"output_tokens":9}}})"),
              ElementsAre("text [API Error: 401] is what the log says"));
}

TEST(QwenStream, Trap10UnknownEventsAreCounted) {
  EXPECT_THAT(Told(R"({"type":"novelty"}
{"type":"system","subtype":"novelty"}
{"type":"system","subtype":"task_started"}
{"type":"assistant","message":{"content":[{"type":"novelty"},{"type":"thinking"}]}}
{"type":"stream_event","event":{"type":"content_block_delta"}}
{"no":"type"})"),
              ElementsAre("unknown novelty", "unknown system/novelty", "alive",
                          "unknown assistant/novelty", "progress", "unknown no type"));
}

TEST(QwenStream, Trap10WrongTypesOfFieldsNeverThrow) {
  for (const char* value : kOddValues) {
    for (const char* shape :
         {R"({"type":%})", R"({"type":"system","subtype":%,"session_id":%})",
          R"({"type":"system","subtype":"retry","data":%})",
          R"({"type":"system","subtype":"retry","data":{"attempt":%,"delayMs":%}})",
          R"({"type":"assistant","message":%})", R"({"type":"assistant","message":{"content":%}})",
          R"({"type":"assistant","message":{"content":[%,{"type":%}]}})",
          R"({"type":"assistant","message":{"content":[{"type":"tool_use","id":%,"input":%}]}})",
          R"({"type":"user","message":{"content":[{"type":"tool_result","content":%}]}})",
          R"({"type":"user","message":%})", R"({"type":"stream_event","event":%})",
          R"({"type":"result","subtype":%,"is_error":%,"usage":%,"error":%,"result":%})",
          R"({"type":"result","error":{"message":%}})"}) {
      Told(absl::StrReplaceAll(shape, {{"%", value}}));
    }
  }
}

TEST(QwenStream, Trap10AMutatedStreamIsTakenWithoutHarm) {
  QwenStream stream;
  ExpectToTakeMutations(stream, Stream("qwen-first"), 3'000);
}

}  // namespace
}  // namespace handoff
