#include "worker/agent/opencode_stream.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/agent/told.h"
#include "worker/agent/opencode_agent.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Told(absl::string_view lines) {
  OpencodeStream stream;
  return Told(stream, lines);
}

AgentEvent::Result ResultOf(absl::string_view lines) {
  OpencodeStream stream;
  return LastResult(stream, lines);
}

std::string Failing(absl::string_view name, absl::string_view data) {
  return absl::StrCat(R"({"type":"error","sessionID":"s","error":{"name":")", name, R"(","data":{)",
                      data, "}}}");
}

TEST(OpencodeStream, ARecordedStreamIsUnderstood) {
  EXPECT_THAT(
      Told(Stream("opencode-first")),
      ElementsAre("session ses_00000000000000000000000001 ", "step step msg_1",
                  "done bash|printf 'hello\\n' > HELLO.txt && git add . && git commit -qm hello && "
                  "pwd||success|0|569ms",
                  "step over step msg_1", "usage 1200 34 0 0 more", "step step msg_2",
                  "done bash|exit 3||failure|3|624ms", "step over step msg_2",
                  "usage 1200 34 0 0 more", "step step msg_3",
                  "done read||/etc/nosuch|rejected|-|41ms", "step over step msg_3",
                  "usage 1200 34 0 0 more", "step step msg_4", "done todowrite|||success|-|11ms",
                  "todo 0 of 2 done: mend", "step over step msg_4", "usage 1200 34 0 0 more",
                  "step step msg_5", "text done: run; earlier prompts: 0", "step over step msg_5",
                  "usage 1200 34 0 0 more", "result ok done: run; earlier prompts: 0"));
}

// Trap 5: it may end with status 0 and no word that it is done.
TEST(OpencodeStream, Trap5AStepThatCallsToolsIsNotTheEnd) {
  for (const char* reason : {"tool-calls", "unknown", ""}) {
    EXPECT_THAT(Told(absl::StrCat(R"({"type":"text","part":{"text":"All done."}})", "\n",
                                  R"({"type":"step_finish","part":{"messageID":"m","reason":")",
                                  reason, R"("}})")),
                ElementsAre("text All done.", "step over step m"));
  }
}

// It asks the model again after every step that called a tool, and some providers say "stop" there.
TEST(OpencodeStream, Trap5AStepThatStopsAfterACallIsNotTheEnd) {
  constexpr char kStep[] =
      R"({"type":"tool_use","part":{"messageID":"%","callID":"1","tool":"read","state":{}}}
{"type":"step_finish","part":{"messageID":"m","reason":"stop"}})";
  EXPECT_THAT(Told(absl::StrReplaceAll(kStep, {{"%", "m"}})),
              ElementsAre("done read|||success|-|0", "step over step m"));
  EXPECT_THAT(Told(absl::StrReplaceAll(kStep, {{"%", "earlier"}})),
              ElementsAre("done read|||success|-|0", "step over step m", "result ok "));
}

// The conversation is made smaller, and the work goes on.
TEST(OpencodeStream, Trap3AFullContextIsNotTheEnd) {
  const std::vector<std::string> told =
      Told(Failing("ContextOverflowError", R"("message":"too much")"));
  EXPECT_THAT(told, ElementsAre("session s ", "retry The context window is full: too much"));
  // Where the stream ends there, the adapter knows it again.
  EXPECT_EQ(OpencodeAgent().Diagnose({}, told.back()).failure, FailureClass::kContextOverflow);
}

TEST(OpencodeStream, AnAnswerThatWasCutIsAFailure) {
  const AgentEvent::Result result =
      ResultOf(R"({"type":"step_finish","part":{"reason":"length"}})");
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.failure, FailureClass::kAgentError);
  EXPECT_EQ(result.message, "The model's answer ended early: length.");
}

TEST(OpencodeStream, UsageAndCostAreThoseOfTheStep) {
  EXPECT_THAT(
      Told(R"({"type":"step_finish","part":{"messageID":"m","reason":"tool-calls","cost":0.25,)"
           R"("tokens":{"input":10,"output":3,"reasoning":4,"cache":{"read":5,"write":6}}}})"),
      ElementsAre("step over step m", "usage 10 7 5 6 $0.2500 more"));
}

TEST(OpencodeStream, Trap13ARefusedLoginIsCertain) {
  EXPECT_THAT(Told(Stream("opencode-unauthorized")),
              ElementsAre("session ses_00000000000000000000000001 ",
                          "result agent_needs_setup Unauthorized: scripted failure 401"));
  EXPECT_TRUE(ResultOf(Stream("opencode-unauthorized")).certain);
}

TEST(OpencodeStream, Trap13EveryFailureHasItsClass) {
  struct Case {
    const char* name;
    const char* data;
    FailureClass failure;
    bool certain;
  };
  for (const Case& c :
       {Case{"APIError", R"("message":"no","statusCode":400)", FailureClass::kAgentError, false},
        {"APIError", R"("message":"no","statusCode":429)", FailureClass::kRateLimited, true},
        {"APIError", R"("message":"no","statusCode":500)", FailureClass::kNetwork, true},
        {"APIError", R"("message":"usage limit until 2026-11-22","statusCode":429)",
         FailureClass::kQuota, false},
        {"ProviderAuthError", R"("message":"no key")", FailureClass::kAgentNeedsSetup, true},
        {"APIError",
         R"("message":"API key not valid. Please pass a valid API key.","statusCode":400)",
         FailureClass::kAgentNeedsSetup, true},
        {"UnknownError", R"("message":"Unexpected server error.")", FailureClass::kAgentError,
         false},
        {"MessageAbortedError", "", FailureClass::kAgentError, false}}) {
    const AgentEvent::Result result = ResultOf(Failing(c.name, c.data));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, c.failure) << c.name << c.data;
    EXPECT_EQ(result.certain, c.certain) << c.name << c.data;
    EXPECT_THAT(result.message, ::testing::Not(IsEmpty()));
  }
}

TEST(OpencodeStream, Trap10UnknownEventsAreCounted) {
  EXPECT_THAT(Told("{\"type\":\"novelty\"}\n{\"no\":\"type\"}"),
              ElementsAre("unknown novelty", "unknown no type"));
}

TEST(OpencodeStream, Trap10WrongTypesOfFieldsNeverThrow) {
  for (const char* value : kOddValues) {
    for (const char* shape :
         {R"({"type":%,"sessionID":%})", R"({"type":"step_start","part":%})",
          R"({"type":"step_finish","part":%})",
          R"({"type":"step_finish","part":{"reason":%,"tokens":%,"cost":%}})",
          R"({"type":"step_finish","part":{"tokens":{"input":%,"output":%,"cache":%}}})",
          R"({"type":"text","part":%})", R"({"type":"text","part":{"text":%}})",
          R"({"type":"tool_use","part":%})", R"({"type":"tool_use","part":{"state":%}})",
          R"({"type":"tool_use","part":{"tool":%,"callID":%,"state":{"status":%,"input":%}}})",
          R"({"type":"tool_use","part":{"state":{"metadata":{"exit":%},"time":{"start":%}}}})",
          R"({"type":"tool_use","part":{"tool":"todowrite","state":{"input":{"todos":%}}}})",
          R"({"type":"error","error":%})", R"({"type":"error","error":{"data":%,"name":%}})",
          R"({"type":"error","error":{"data":{"message":%,"statusCode":%}}})"}) {
      Told(absl::StrReplaceAll(shape, {{"%", value}}));
    }
  }
}

TEST(OpencodeStream, Trap10AMutatedStreamIsTakenWithoutHarm) {
  OpencodeStream stream;
  ExpectToTakeMutations(stream, Stream("opencode-first"), 3'000);
}

}  // namespace
}  // namespace handoff
