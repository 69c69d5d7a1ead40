#include "worker/agent/gemini_stream.h"

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
  GeminiStream stream;
  return Told(stream, lines);
}

AgentEvent::Result ResultOf(absl::string_view lines) {
  GeminiStream stream;
  return LastResult(stream, lines);
}

std::string Failing(absl::string_view type, absl::string_view message) {
  return absl::StrCat(R"({"type":"result","status":"error","error":{"type":")", type,
                      R"(","message":")", message, R"("},"stats":{}})");
}

TEST(GeminiStream, AMeasuredStreamIsUnderstood) {
  EXPECT_THAT(Told(Stream("gemini-first")),
              ElementsAre(absl::StrCat("session ", kSession, " auto"), "alive",
                          "start run_shell_command|printf 'hello\\n' > HELLO.txt && ls|",
                          "done run_shell_command|printf 'hello\\n' > HELLO.txt && ls|||-|289ms",
                          "start run_shell_command|echo some text; exit 3|",
                          "done run_shell_command|echo some text; exit 3|||-|354ms",
                          "start write_file||x.txt", "done write_file||x.txt|success|-|209ms",
                          "progress", "progress", "text There is a file now.", "usage 3600 102 0 0",
                          "result ok There is a file now."));
}

TEST(GeminiStream, TokensFromTheCacheAreCountedOnce) {
  EXPECT_THAT(Told(R"({"type":"result","status":"success","stats":{"input_tokens":900,)"
                   R"("output_tokens":5,"cached":700,"input":200}})"),
              ElementsAre("usage 200 5 700 0", "result ok "));
}

TEST(GeminiStream, WhatTheModelThoughtIsOutput) {
  EXPECT_THAT(Told(R"({"type":"result","status":"success","stats":{"input_tokens":900,)"
                   R"("output_tokens":5,"total_tokens":1005}})"),
              ElementsAre("usage 900 105 0 0", "result ok "));
}

TEST(GeminiStream, ARefusedCallAndAFailedOneAreToldApart) {
  EXPECT_THAT(
      Told(R"({"type":"tool_use","tool_name":"replace","tool_id":"1","parameters":)"
           R"({"file_path":"x.cc"}}
{"type":"tool_result","tool_id":"1","status":"error","error":{"type":"policy_violation"}}
{"type":"tool_result","tool_id":"2","status":"error","error":{"type":"file_not_found"}})"),
      ElementsAre("start replace||x.cc", "done replace||x.cc|rejected|-|0", "done |||failure|-|0"));
}

TEST(GeminiStream, ItsListOfThingsToDoIsTold) {
  EXPECT_THAT(Told(R"({"type":"tool_use","tool_name":"write_todos","tool_id":"1","parameters":)"
                   R"({"todos":[{"description":"one","status":"completed"},)"
                   R"({"description":"two","status":"in_progress"}]}})"),
              ElementsAre("start write_todos||", "todo 1 of 2 done: two"));
}

// Trap 3: its loop detector ends a run, and the result says "success".
TEST(GeminiStream, Trap3AResultAfterAnErrorThatNothingFollowedIsNone) {
  EXPECT_THAT(
      Told(Stream("gemini-loop")),
      ElementsAre(absl::StrCat("session ", kSession, " gemini-2.5-flash"), "start read_file||n.txt",
                  "done read_file||n.txt|failure|-|14ms", "retry Loop detected, stopping execution",
                  "usage 4800 136 0 0", "result agent_error Loop detected, stopping execution"));
  const char kError[] = R"({"type":"error","severity":"error","message":"%"})";
  const char kEnd[] = "\n{\"type\":\"result\",\"status\":\"success\"}";
  EXPECT_EQ(
      ResultOf(absl::StrCat(absl::StrReplaceAll(kError, {{"%", "Maximum session turns exceeded"}}),
                            kEnd))
          .failure,
      FailureClass::kLimitExceeded);
  for (const char* next : {R"({"type":"message","role":"assistant","content":"On."})",
                           R"({"type":"tool_use","tool_id":"1","tool_name":"glob"})"}) {
    EXPECT_TRUE(ResultOf(absl::StrCat(kError, "\n", next, kEnd)).ok) << next;
  }
}

// It guesses at the context, and a context that is full would cost the conversation.
TEST(GeminiStream, Trap13AnEmptyAnswerIsNoFullContext) {
  constexpr char kSentence[] =
      "The model returned an empty text response. If your context window is near capacity, try "
      "using /compress.";
  for (const char* status : {"error", "success"}) {
    const AgentEvent::Result result = ResultOf(
        absl::StrCat(R"({"type":"error","severity":"error","message":")", kSentence, "\"}\n",
                     R"({"type":"result","status":")", status, R"(","stats":{}})"));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, FailureClass::kAgentError) << status;
    EXPECT_EQ(result.message, kSentence);
  }
}

TEST(GeminiStream, Trap5WithoutAResultThereIsNone) {
  EXPECT_THAT(Told(R"({"type":"message","role":"assistant","content":"All done.","delta":true})"),
              ElementsAre("progress"));
}

TEST(GeminiStream, Trap13ARefusedLoginIsCertain) {
  EXPECT_THAT(Told(Stream("gemini-unauthorized")),
              ElementsAre(absl::StrCat("session ", kSession, " auto"), "alive", "usage 1200 34 0 0",
                          "result agent_needs_setup scripted failure 401 (UNAUTHENTICATED)"));
  EXPECT_TRUE(ResultOf(Stream("gemini-unauthorized")).certain);
}

constexpr char kBadKey[] =
    R"([API Error: {\"error\":{\"code\":400,\"message\":\"%\",\"status\":\"INVALID_ARGUMENT\",)"
    R"(\"details\":[{\"reason\":\"+\"}]}}])";

// Trap 13: the service answers 400, as it does to any bad request.
TEST(GeminiStream, Trap13ARefusedKeyIsCertain) {
  for (const char* says : {"API key not valid. Please pass a valid API key.",
                           "API Key not found. Please pass a valid API key.",
                           "API key expired. Please renew the API key."}) {
    for (const std::string& message :
         {absl::StrReplaceAll(kBadKey, {{"%", says}, {"+", "OTHER"}}),
          absl::StrCat("[API Error: ", says, " (Status: INVALID_ARGUMENT)]")}) {
      const AgentEvent::Result result = ResultOf(Failing("unknown", message));
      EXPECT_EQ(result.failure, FailureClass::kAgentNeedsSetup) << message;
      EXPECT_TRUE(result.certain) << message;
    }
  }
  const AgentEvent::Result reason = ResultOf(
      Failing("unknown", absl::StrReplaceAll(kBadKey, {{"%", "no"}, {"+", "API_KEY_INVALID"}})));
  EXPECT_EQ(reason.failure, FailureClass::kAgentNeedsSetup);
  EXPECT_TRUE(reason.certain);
  const AgentEvent::Result other =
      ResultOf(Failing("unknown", absl::StrReplaceAll(kBadKey, {{"%", "no"}, {"+", "OTHER"}})));
  EXPECT_EQ(other.failure, FailureClass::kNone);
}

// After retries the status is only in that of the exit, which the adapter reads.
TEST(GeminiStream, Trap13AFailureWithoutACodeIsLeftToTheExitStatus) {
  const AgentEvent::Result result = ResultOf(Stream("gemini-limited"));
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.failure, FailureClass::kNone);
  EXPECT_EQ(result.message.substr(0, 40), "scripted failure 429\nPlease wait and try");
}

TEST(GeminiStream, Trap13EveryFailureHasItsClass) {
  struct Case {
    const char* type;
    const char* message;
    FailureClass failure;
    bool certain;
    const char* says;
  };
  for (const Case& c :
       {Case{"unknown", R"([API Error: {\"error\":{\"code\":503,\"message\":\"no\"}}])",
             FailureClass::kNetwork, true, "no"},
        {"unknown",
         R"([API Error: {\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"X\"}}])",
         FailureClass::kRateLimited, true, "slow (X)"},
        {"unknown",
         R"([API Error: {\"error\":{\"code\":429,)"
         R"(\"message\":\"You exceeded your current quota\"}}])",
         FailureClass::kQuota, false, "You exceeded your current quota"},
        {"unknown",
         R"(x {\"error\":{\"message\":\"{\\\"error\\\":)"
         R"({\\\"code\\\":401,\\\"message\\\":\\\"in\\\"}}\"}})",
         FailureClass::kAgentNeedsSetup, true, "in"},
        {"FatalAuthenticationError", "no", FailureClass::kAgentNeedsSetup, true, "no"},
        {"FatalTurnLimitedError", "no", FailureClass::kLimitExceeded, true, "no"},
        {"unknown", "[API Error: no such model]", FailureClass::kNone, false, "no such model"},
        {"unknown", "fetch failed", FailureClass::kNetwork, false, "fetch failed"}}) {
    const AgentEvent::Result result = ResultOf(Failing(c.type, c.message));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, c.failure) << c.message;
    EXPECT_EQ(result.certain, c.certain) << c.message;
    EXPECT_EQ(result.message, c.says);
  }
}

TEST(GeminiStream, Trap10ALongTextIsToldInBoundedPieces) {
  const std::string piece = absl::StrCat(R"({"type":"message","role":"assistant","delta":true,)",
                                         R"("content":")", std::string(900 << 10, 'x'), "\"}");
  const std::vector<std::string> told = Told(absl::StrCat(piece, "\n", piece, "\n", piece));
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0], "progress");
  EXPECT_EQ(told[1].size(), (1800u << 10) + 5);
  EXPECT_EQ(told[2], "progress");
}

TEST(GeminiStream, Trap10UnknownEventsAreCounted) {
  EXPECT_THAT(Told(R"({"type":"novelty"}
{"type":"message","role":"novelty"}
{"no":"type"})"),
              ElementsAre("unknown novelty", "unknown message/novelty", "unknown no type"));
}

TEST(GeminiStream, Trap10WrongTypesOfFieldsNeverThrow) {
  for (const char* value : kOddValues) {
    for (const char* shape :
         {R"({"type":%})", R"({"type":"init","session_id":%,"model":%})",
          R"({"type":"message","role":%})",
          R"({"type":"message","role":"assistant","content":%,"delta":%})",
          R"({"type":"tool_use","tool_id":%,"tool_name":%,"parameters":%,"timestamp":%})",
          R"({"type":"tool_use","parameters":{"command":%,"file_path":%,"todos":%}})",
          R"({"type":"tool_use","parameters":{"todos":[%,{"description":%,"status":%}]}})",
          R"({"type":"tool_result","tool_id":%,"status":%,"error":%})",
          R"({"type":"error","message":%})", R"({"type":"result","status":%,"stats":%})",
          R"({"type":"result","status":"success","stats":{"input_tokens":%,"cached":%}})",
          R"({"type":"result","error":%})",
          R"({"type":"result","error":{"message":%,"type":%}})"}) {
      Told(absl::StrReplaceAll(shape, {{"%", value}}));
    }
  }
}

TEST(GeminiStream, Trap10AMutatedStreamIsTakenWithoutHarm) {
  GeminiStream stream;
  ExpectToTakeMutations(stream, Stream("gemini-first"), 3'000);
}

}  // namespace
}  // namespace handoff
