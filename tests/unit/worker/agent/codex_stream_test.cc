#include "worker/agent/codex_stream.h"

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

std::vector<std::string> Told(absl::string_view lines) {
  CodexStream stream;
  return Told(stream, lines);
}

AgentEvent::Result ResultOf(absl::string_view lines) {
  CodexStream stream;
  return LastResult(stream, lines);
}

std::string Failing(absl::string_view message) {
  return absl::StrCat(R"({"type":"turn.failed","error":{"message":")", message, R"("}})");
}

TEST(CodexStream, AMeasuredStreamIsUnderstood) {
  EXPECT_THAT(
      Told(Stream("codex-first")),
      ElementsAre("session 01a223bf-0000-7783-893d-253cdbb70000 ", "alive", "progress", "progress",
                  "start shell|/bin/bash -lc 'ninja -C build'|",
                  "done shell|/bin/bash -lc 'ninja -C build'||failure|1|0",
                  "todo 1 of 3 done: mend", "start update||/w/repo/x.cc", "start add||/w/repo/y.cc",
                  "done update||/w/repo/x.cc|success|-|0", "done add||/w/repo/y.cc|success|-|0",
                  "done mcp:docs/find|||failure|-|0", "done shell|rm -rf /||rejected|-|0",
                  "done web_search||||-|0", "text Fixed; build passes.",
                  "usage 2000 68 400 7 in all", "result ok Fixed; build passes."));
}

// Trap 5: only a turn that completes is a success, whatever the exit status.
TEST(CodexStream, Trap5WithoutTheEndOfATurnThereIsNoResult) {
  EXPECT_THAT(Told(R"({"type":"turn.started"}
{"type":"item.completed","item":{"type":"agent_message","text":"All done."}}
{"type":"error","message":"stream disconnected"})"),
              ElementsAre("progress", "text All done.", "retry stream disconnected"));
}

TEST(CodexStream, Trap13ARefusedLoginIsCertain) {
  EXPECT_THAT(Told(Stream("codex-unauthorized")),
              ElementsAre("session 01a223bf-0000-7783-893d-253cdbb70000 ", "progress",
                          "retry Reconnecting... 1/5 (unexpected status 401 Unauthorized: no, url: "
                          "https://api.example.org/v1/responses)",
                          "retry unexpected status 401 Unauthorized: no, url: "
                          "https://api.example.org/v1/responses",
                          "result agent_needs_setup unexpected status 401 Unauthorized: no, url: "
                          "https://api.example.org/v1/responses"));
  EXPECT_TRUE(ResultOf(Stream("codex-unauthorized")).certain);
}

TEST(CodexStream, Trap13EveryFailureHasItsClass) {
  struct Case {
    const char* message;
    FailureClass failure;
    const char* says;
  };
  for (const Case& c :
       {Case{"exceeded retry limit, last status: 429 Too Many Requests", FailureClass::kRateLimited,
             "exceeded retry limit, last status: 429 Too Many Requests"},
        {"You've hit your usage limit. Try again at 2026-11-23.", FailureClass::kQuota,
         "You've hit your usage limit. Try again at 2026-11-23."},
        {"unexpected status 500 Internal Server Error: x", FailureClass::kNetwork,
         "unexpected status 500 Internal Server Error: x"},
        {"We’re currently experiencing high demand, which may cause temporary errors.",
         FailureClass::kRateLimited,
         "We’re currently experiencing high demand, which may cause temporary errors."},
        {"stream disconnected before completion: x", FailureClass::kNetwork,
         "stream disconnected before completion: x"},
        {R"({\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no such thing\"}})",
         FailureClass::kAgentError, "no such thing"},
        {"Your input exceeds the context window of this model.", FailureClass::kContextOverflow,
         "Your input exceeds the context window of this model."}}) {
    const AgentEvent::Result result = ResultOf(Failing(c.message));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.failure, c.failure) << c.message;
    EXPECT_EQ(result.message, c.says);
  }
  EXPECT_EQ(ResultOf(Failing("usage limit until 2026-11-22")).retry_at,
            absl::FromUnixSeconds(1795392000));
}

// Trap 6: it reconnects for ever; the clocks must not take that for work.
TEST(CodexStream, Trap6ReconnectingIsNoProgress) {
  EXPECT_THAT(Told(R"j({"type":"error","message":"Reconnecting... 2/5 (x)"})j"),
              ElementsAre("retry Reconnecting... 2/5 (x)"));
}

TEST(CodexStream, Trap10UnknownEventsAreCounted) {
  EXPECT_THAT(Told(R"({"type":"novelty"}
{"type":"item.completed","item":{"id":"1","type":"novelty"}}
{"type":"item.started"}
{"type":"item.updated","item":{"id":"1","type":"command_execution"}}
{"no":"type"})"),
              ElementsAre("unknown novelty", "unknown item/novelty", "unknown item/no type",
                          "progress", "unknown no type"));
}

TEST(CodexStream, Trap10AToolsWholeOutputInOneLineIsTaken) {
  EXPECT_THAT(
      Told(absl::StrCat(R"({"type":"item.completed","item":{"id":"1","aggregated_output":")",
                        std::string(8 << 20, 'x'),
                        R"(","type":"command_execution","command":"seq","exit_code":0,)",
                        R"("status":"completed"}})")),
      ElementsAre("done shell|seq||success|0|0"));
}

TEST(CodexStream, Trap10WrongTypesOfFieldsNeverThrow) {
  for (const char* value : kOddValues) {
    for (const char* shape :
         {R"({"type":%})", R"({"type":"thread.started","thread_id":%})",
          R"({"type":"item.completed","item":%})", R"({"type":"item.completed","item":{"type":%}})",
          R"({"type":"item.completed","item":{"type":"command_execution","exit_code":%,"id":%}})",
          R"({"type":"item.completed","item":{"type":"file_change","changes":%,"status":%}})",
          R"({"type":"item.completed","item":{"type":"file_change","changes":[%,{"path":%}]}})",
          R"({"type":"item.started","item":{"type":"todo_list","items":%}})",
          R"({"type":"item.started","item":{"type":"todo_list","items":[%]}})",
          R"({"type":"turn.completed","usage":%})", R"({"type":"error","message":%})",
          R"({"type":"turn.completed","usage":{"input_tokens":%,"cached_input_tokens":%}})",
          R"({"type":"turn.failed","error":%})",
          R"({"type":"turn.failed","error":{"message":%}})"}) {
      Told(absl::StrReplaceAll(shape, {{"%", value}}));
    }
  }
}

TEST(CodexStream, Trap10AMutatedStreamIsTakenWithoutHarm) {
  CodexStream stream;
  ExpectToTakeMutations(stream, Stream("codex-first"), 3'000);
}

}  // namespace
}  // namespace handoff
