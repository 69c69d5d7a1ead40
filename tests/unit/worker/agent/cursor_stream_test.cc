#include "worker/agent/cursor_stream.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/agent/told.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

std::vector<std::string> Told(absl::string_view lines) {
  CursorStream stream;
  return Told(stream, lines);
}

TEST(CursorStream, TheDocumentedStreamIsUnderstood) {
  EXPECT_THAT(
      Told(Stream("documented")),
      ElementsAre("session 7d1f0c52 Auto", "alive", "progress", "progress",
                  "text I will build first.", "start shell|ninja -C build|",
                  "done shell|ninja -C build||failure|1|8.13s",
                  "done edit||/w/repo/x.cc|success|-|0", "text Fixed; build passes.",
                  "usage 9120 240 45100 0", "result ok I will build first.Fixed; build passes."));
}

TEST(CursorStream, ARejectedToolCallIsTold) {
  EXPECT_THAT(Told(Stream("rejected")), ElementsAre("done shell|rm -rf build||rejected|-|0"));
}

TEST(CursorStream, EveryKindOfToolHasItsName) {
  for (const char* kind : {"read", "write", "edit", "delete", "ls", "glob", "grep", "semSearch",
                           "task", "webSearch", "fetch", "askQuestion", "brandNew"}) {
    EXPECT_THAT(Told(absl::StrCat(R"({"type":"tool_call","subtype":"started","call_id":"c",)",
                                  R"("tool_call":{"hookAdditionalContexts":[],")", kind,
                                  R"(ToolCall":{"args":{"path":"p"}}}})")),
                ElementsAre(absl::StrCat("start ", kind, "||p")));
  }
}

TEST(CursorStream, McpAndFunctionToolsMayCarryTheirArgumentsAsText) {
  EXPECT_THAT(Told(Stream("mcp")),
              ElementsAre("start mcp:find||", "done mcp:find|||failure|-|0", "start run|ls|x",
                          "done run|ls|x||-|0", "start unknown||"));
}

TEST(CursorStream, ParallelCallsMayEndInAnyOrder) {
  EXPECT_THAT(Told(Stream("parallel")),
              ElementsAre("start shell|one|", "start shell|two|", "done shell|two||success|0|3s",
                          "done shell|one||timeout|-|8s"));
}

TEST(CursorStream, AnUnknownSubtypeDoesNotCloseACall) {
  EXPECT_THAT(Told(R"({"type":"tool_call","subtype":"progress","call_id":"a","tool_call":{}}
{"type":"system","subtype":"novelty"}
{"type":"novelty"}
{"no":"type"})"),
              ElementsAre("unknown tool_call/progress", "unknown system/novelty", "unknown novelty",
                          "unknown no type"));
}

TEST(CursorStream, PartialTextIsToldOnceAndWhole) {
  EXPECT_THAT(Told(Stream("partial")),
              ElementsAre("progress", "progress", "text Building.", "progress", "text Done.",
                          "result ok Building.Done."));
}

TEST(CursorStream, ASuccessBeforeAnyTurnIsNotTheEndButAnErrorIs) {
  const std::string ok = R"({"type":"result","subtype":"success","is_error":false,"result":""})";
  EXPECT_THAT(Told(ok), ElementsAre("unknown result before any turn"));
  EXPECT_THAT(Told(absl::StrCat(ok, "\n", R"({"type":"text","text":"hi"})", "\n", ok)),
              ElementsAre("unknown result before any turn", "text hi", "result ok "));
  EXPECT_THAT(Told(R"({"type":"result","subtype":"success","is_error":true,"result":"no"})"),
              ElementsAre("result agent_error no"));
}

TEST(CursorStream, AnErrorResultIsClassified) {
  CursorStream stream;
  const auto events = stream.ParseLine(Stream("quota"));
  ASSERT_THAT(events, SizeIs(1));
  const auto& result = std::get<AgentEvent::Result>(events[0].what);
  EXPECT_EQ(result.failure, FailureClass::kQuota);
  EXPECT_EQ(absl::FormatTime(result.retry_at, absl::UTCTimeZone()), "2026-11-23T00:00:00+00:00");
}

TEST(CursorStream, ControlFramesAreSignsOfLife) {
  EXPECT_THAT(Told(R"({"type":"connection","subtype":"reconnecting"}
{"type":"interaction_query"}
{"type":"background_task_notice"}
{"type":"retry","message":"stream dropped"}
{"type":"error","error":{"message":"bad gateway"}}
{"type":"system","subtype":"error","message":"hm"})"),
              ElementsAre("alive", "alive", "alive", "retry stream dropped", "retry bad gateway",
                          "retry hm"));
}

TEST(CursorStream, LegacyShapesAreAccepted) {
  EXPECT_THAT(Told(R"({"type":"text","text":"hello"}
{"type":"tool_use","id":"1","name":"bash","input":{"command":"ls"}}
{"type":"tool_result","tool_use_id":"1","is_error":true}
{"type":"step_finish"})"),
              ElementsAre("text hello", "start bash|ls|", "done bash|ls||failure|-|0", "progress"));
}

TEST(CursorStream, TodosTellTheProgress) {
  EXPECT_THAT(Told(Stream("todos")), ElementsAre("start updateTodos||", "todo 1 of 3 done: two"));
}

TEST(CursorStream, PrefixesBlankLinesAndNoise) {
  EXPECT_THAT(Told("stdout: {\"type\":\"text\",\"text\":\"a\"}\r\nstderr:{\"type\":\"text\","
                   "\"text\":\"b\"}\n\n   \nplain words\n[1,2]\n\"x\"\n{\"type\":"),
              ElementsAre("text a", "text b", "unknown not json", "unknown not an object",
                          "unknown not an object", "unknown not json"));
}

TEST(CursorStream, BadBytesDoNotCostTheResult) {
  const std::string before = "{\"type\":\"text\",\"text\":\"x\"}\n";
  EXPECT_THAT(
      Told(before + "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"a\xff\xc3\"}"),
      ElementsAre("text x", "result ok a??"));
  EXPECT_THAT(
      Told(before + R"({"type":"result","subtype":"success","result":"\ud83d \\ud800 \udfff"})"),
      ElementsAre("text x", "result ok \xef\xbf\xbd \\ud800 \xef\xbf\xbd"));
}

TEST(CursorStream, LongLinesAndDeepNestingAreTakenInStride) {
  const std::string big(8 << 20, 'x');
  EXPECT_THAT(
      Told(absl::StrCat(
          R"({"type":"tool_call","subtype":"completed","call_id":"c","tool_call":)",
          R"({"editToolCall":{"args":{"path":"p"},"result":{"success":{"afterFullFileContent":")",
          big, R"("}}}}})")),
      ElementsAre("done edit||p|success|-|0"));
  EXPECT_THAT(Told(std::string((64 << 20) + 1, ' ')), ElementsAre("unknown long line"));
  EXPECT_THAT(Told(std::string(1 << 20, '[')), ElementsAre("unknown not json"));
  EXPECT_THAT(Told(std::string(1 << 20, '[') + std::string(1 << 20, ']')),
              ElementsAre("unknown not json"));
}

std::string Nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(CursorStream, ArgumentsNestedWithoutEndDoNotTakeTheStack) {
  const std::string before = R"({"type":"tool_call","subtype":"started","call_id":"c","tool_call":)"
                             R"({"shellToolCall":{"args":{"command":"ls","x":)";
  EXPECT_THAT(Told(absl::StrCat(before, Nested(200'000), "}}}}")), ElementsAre("unknown not json"));
  EXPECT_THAT(Told(absl::StrCat(before, Nested(200), "}}}}")), ElementsAre("start shell|ls|"));
  // Brackets in a string do not nest, whatever is escaped before them.
  const std::string brackets = absl::StrCat(R"("\"\\)", std::string(1000, '['), R"(")");
  EXPECT_THAT(Told(absl::StrCat(before, brackets, "}}}}")), ElementsAre("start shell|ls|"));
}

TEST(CursorStream, EncodedArgumentsNestedWithoutEndCountAsNone) {
  const std::string before = R"({"type":"tool_call","subtype":"started","call_id":"c","tool_call":)"
                             R"({"function":{"name":"f","arguments":"{\"command\":\"ls\",\"x\":)";
  EXPECT_THAT(Told(absl::StrCat(before, Nested(200), R"(}"}}})")), ElementsAre("start f|ls|"));
  EXPECT_THAT(Told(absl::StrCat(before, Nested(200'000), R"(}"}}})")), ElementsAre("start f||"));
}

TEST(CursorStream, LongCallIdsAreHashedAndStillPaired) {
  for (const char* lines :
       {R"({"type":"tool_call","subtype":"started","call_id":"%","tool_call":)"
        R"({"shellToolCall":{"args":{"command":"ls"}}}})"
        "\n"
        R"({"type":"tool_call","subtype":"completed","call_id":"%","tool_call":)"
        R"({"shellToolCall":{}}})",
        R"({"type":"tool_use","id":"%","name":"shell","input":{"command":"ls"}})"
        "\n"
        R"({"type":"tool_result","tool_use_id":"%"})"}) {
    for (const auto& [size, kept] : {std::pair<size_t, size_t>(256, 256), {257, 64}}) {
      CursorStream stream;
      const std::string text = absl::StrReplaceAll(lines, {{"%", std::string(size, 'i')}});
      const std::vector<std::string> both = absl::StrSplit(text, '\n');
      const auto begun = stream.ParseLine(both[0]);
      const auto done = stream.ParseLine(both[1]);
      ASSERT_THAT(begun, SizeIs(1));
      ASSERT_THAT(done, SizeIs(1));
      const std::string id = std::get<AgentEvent::ToolStarted>(begun[0].what).call_id;
      EXPECT_THAT(id, SizeIs(kept));
      EXPECT_EQ(std::get<AgentEvent::ToolFinished>(done[0].what).call_id, id);
      EXPECT_EQ(std::get<AgentEvent::ToolFinished>(done[0].what).command, "ls");
    }
  }
}

TEST(CursorStream, WrongTypesOfFieldsNeverThrow) {
  for (const char* value : kOddValues) {
    for (const char* shape :
         {R"({"type":%})", R"({"type":"system","subtype":%,"message":%})",
          R"({"type":"system","subtype":"init","session_id":%,"model":%})",
          R"({"type":"assistant","message":%,"timestamp_ms":%})",
          R"({"type":"assistant","message":{"content":%}})",
          R"({"type":"tool_call","subtype":"started","call_id":%,"tool_call":%})",
          R"({"type":"tool_call","subtype":"started","tool_call":{"shellToolCall":%}})",
          R"({"type":"tool_call","subtype":"started","tool_call":{"xToolCall":{"args":%}}})",
          R"({"type":"tool_call","subtype":"started","tool_call":)"
          R"({"xToolCall":{"args":{"todos":%}}}})",
          R"({"type":"tool_call","subtype":"completed","tool_call":)"
          R"({"xToolCall":{"result":%},"completedAtMs":%,"startedAtMs":%}})",
          R"({"type":"tool_call","subtype":"completed","tool_call":)"
          R"({"xToolCall":{"result":{"success":{"exitCode":%,"executionTime":%}}}}})",
          R"({"type":"tool_call","subtype":"completed","tool_call":{"function":%}})",
          R"({"type":"tool_use","id":%,"input":%})", R"({"type":"tool_result","is_error":%})",
          R"({"type":"text","text":%})", R"({"type":"retry","message":%,"error":%})",
          R"({"type":"result","is_error":true,"result":%,"usage":%})",
          R"({"type":"result","is_error":%,"subtype":%,"usage":{"inputTokens":%}})"}) {
      Told(absl::StrReplaceAll(shape, {{"%", value}}));
    }
  }
}

TEST(CursorStream, AMutatedStreamIsTakenWithoutHarm) {
  CursorStream stream;
  ExpectToTakeMutations(stream, Stream("documented"), 5'000);
}

}  // namespace
}  // namespace handoff
