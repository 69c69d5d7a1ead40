#include "worker/agent/copilot_stream.h"

#include <algorithm>
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

constexpr char kDone[] = R"({"type":"result","sessionId":"1","exitCode":0})";
constexpr char kFailed[] = R"({"type":"result","sessionId":"1","exitCode":1})";

std::vector<std::string> Told(absl::string_view lines) {
  CopilotStream stream;
  std::vector<std::string> told = Told(stream, lines);
  // They come in dozens.
  told.erase(std::remove(told.begin(), told.end(), "alive"), told.end());
  told.erase(std::remove(told.begin(), told.end(), "progress"), told.end());
  return told;
}

AgentEvent::Result ResultOf(absl::string_view lines) {
  CopilotStream stream;
  return LastResult(stream, lines);
}

TEST(CopilotStream, ARecordedStreamIsUnderstood) {
  EXPECT_THAT(
      Told(Stream("copilot-first")),
      ElementsAre(
          "start bash|printf 'hello\\n' > H2.txt && git add . && git commit -qm hello && pwd|",
          "done bash|printf 'hello\\n' > H2.txt && git add . && git commit -qm hello && "
          "pwd||success|0|0",
          "start bash|exit 3|", "done bash|exit 3||failure|3|0", "start bash|touch was-here|",
          "done bash|touch was-here||rejected|-|0", "start create||/w/repo/new.txt",
          "done create||/w/repo/new.txt|success|-|0", "text done: run; earlier prompts: 0",
          "session 11111111-2222-4333-8444-555555555555 ",
          "result ok done: run; earlier prompts: 0"));
}

// Trap 5: its last line tells of success when a signal ended it.
TEST(CopilotStream, Trap5AnInterruptedRunHasNoResult) {
  EXPECT_THAT(Told(Stream("copilot-interrupted")),
              ElementsAre("start bash|touch in-tool; tail -f /dev/null|",
                          "session 11111111-2222-4333-8444-555555555555 "));
  EXPECT_THAT(
      Told(absl::StrCat(R"({"type":"assistant.message","data":{"content":"Hm."}})", "\n",
                        R"({"type":"assistant.idle","data":{"aborted":true}})", "\n", kDone)),
      ElementsAre("text Hm.", "session 1 "));
}

TEST(CopilotStream, Trap5SuccessWithoutAnyTurnIsNone) {
  EXPECT_THAT(Told(kDone), ElementsAre("session 1 "));
}

// Trap 6: the model is silent; that the CLI lives is no progress, but for that it began.
TEST(CopilotStream, Trap6WhatComesBeforeTheModelIsNoProgress) {
  CopilotStream stream;
  EXPECT_THAT(Told(stream, R"({"type":"session.skills_loaded","data":{}}
{"type":"session.tools_updated","data":{}}
{"type":"user.message","data":{}}
{"type":"assistant.turn_start","data":{}}
{"type":"model.call_start","data":{}})"),
              ElementsAre("progress", "alive", "alive", "alive", "alive"));
}

TEST(CopilotStream, Trap13ARefusedLoginIsCertain) {
  const AgentEvent::Result result = ResultOf(Stream("copilot-unauthorized"));
  EXPECT_EQ(result.failure, FailureClass::kAgentNeedsSetup);
  EXPECT_TRUE(result.certain);
  EXPECT_THAT(result.message, ::testing::StartsWith("Unauthorized: Authentication failed with"));
}

TEST(CopilotStream, Trap13EveryFailureHasItsClass) {
  struct Case {
    const char* data;
    FailureClass failure;
    bool certain;
  };
  for (const Case& c :
       {Case{R"("errorType":"query","message":"400 no","statusCode":400)",
             FailureClass::kAgentError, false},
        {R"("errorType":"query","message":"500 no","statusCode":500)", FailureClass::kNetwork,
         true},
        {R"("errorType":"rate_limit","message":"slow down")", FailureClass::kRateLimited, true},
        {R"("errorType":"quota","message":"no more until 2026-11-22")", FailureClass::kQuota, true},
        {R"("errorType":"query","message":"usage limit","statusCode":429)", FailureClass::kQuota,
         false},
        {R"("errorType":"query","message":"Request exceeds the model's prompt budget")",
         FailureClass::kContextOverflow, true}}) {
    const AgentEvent::Result result =
        ResultOf(absl::StrCat(R"({"type":"session.error","data":{)", c.data, "}}\n", kFailed));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, c.failure) << c.data;
    EXPECT_EQ(result.certain, c.certain) << c.data;
  }
  EXPECT_EQ(ResultOf(R"({"type":"session.error","data":{"errorType":"quota",)"
                     R"("message":"no more until 2026-11-22"}}
{"type":"result","exitCode":1})")
                .retry_at,
            absl::FromUnixSeconds(1795392000));
  EXPECT_EQ(ResultOf(kFailed).failure, FailureClass::kAgentError);
}

TEST(CopilotStream, AnErrorThatItGotOverIsNone) {
  EXPECT_THAT(Told(absl::StrCat(
                  R"({"type":"model.call_failure","data":{"statusCode":500}})", "\n",
                  R"({"type":"session.error","data":{"message":"500","statusCode":500}})", "\n",
                  R"({"type":"assistant.message","data":{"content":"Done."}})", "\n", kDone)),
              ElementsAre("retry a call of the model failed: status 500", "retry 500", "text Done.",
                          "session 1 ", "result ok Done."));
}

TEST(CopilotStream, AnErrorThatItGotOverIsNotWhyItFailedLater) {
  constexpr char kError[] =
      R"({"type":"session.error","data":{"errorType":"rate_limit","message":"slow down"}})";
  for (const char* next : {R"({"type":"assistant.message","data":{"content":"On."}})",
                           R"({"type":"tool.execution_start","data":{"toolCallId":"1"}})"}) {
    const AgentEvent::Result result = ResultOf(absl::StrCat(kError, "\n", next, "\n", kFailed));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, FailureClass::kAgentError) << next;
    EXPECT_FALSE(result.certain) << next;
  }
}

TEST(CopilotStream, Trap10UnknownEventsAreCounted) {
  EXPECT_THAT(Told("{\"type\":\"session.novelty\",\"data\":{}}\n{\"no\":\"type\"}"),
              ElementsAre("unknown session.novelty", "unknown no type"));
}

TEST(CopilotStream, Trap10WrongTypesOfFieldsNeverThrow) {
  for (const char* value : kOddValues) {
    for (const char* shape :
         {R"({"type":%,"data":%})", R"({"type":"assistant.message","data":%})",
          R"({"type":"assistant.message","data":{"content":%}})",
          R"({"type":"assistant.idle","data":{"aborted":%}})",
          R"({"type":"tool.execution_start","data":%})",
          R"({"type":"tool.execution_start","data":{"toolCallId":%,"arguments":%}})",
          R"({"type":"tool.execution_start","data":{"mcpServerName":"a","mcpToolName":%}})",
          R"({"type":"tool.execution_complete","data":{"toolCallId":%,"success":%,"error":%}})",
          R"({"type":"tool.execution_complete","data":{"shellExecution":{"exitCode":%}}})",
          R"({"type":"session.error","data":%})", R"({"type":"model.call_failure","data":%})",
          R"({"type":"session.error","data":{"message":%,"errorType":%,"statusCode":%}})",
          R"({"type":"result","sessionId":%,"exitCode":%})"}) {
      Told(absl::StrReplaceAll(shape, {{"%", value}}));
    }
  }
}

TEST(CopilotStream, Trap10AMutatedStreamIsTakenWithoutHarm) {
  CopilotStream stream;
  ExpectToTakeMutations(stream, Stream("copilot-first"), 3'000);
}

}  // namespace
}  // namespace handoff
