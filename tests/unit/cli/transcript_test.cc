#include "cli/transcript.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

std::string Read(absl::string_view bytes, bool events = true) {
  Transcript transcript(events, /*colour=*/false);
  std::string text = transcript.Feed(bytes);
  return text + transcript.End();
}

std::string Said(absl::string_view text) {
  return absl::StrCat(R"({"type":"assistant","message":{"content":[{"type":"text","text":")", text,
                      R"("}]}})", "\n");
}

std::string Tool(absl::string_view subtype, absl::string_view call) {
  return absl::StrCat(R"({"type":"tool_call","subtype":")", subtype,
                      R"(","call_id":"a\nb","tool_call":)", call, "}\n");
}

TEST(Transcript, ShowsWhatTheAgentSaidAndDid) {
  EXPECT_EQ(
      Read(absl::StrCat(
          R"({"type":"system","subtype":"init","session_id":"7d1f","model":"Auto"})", "\n",
          R"({"type":"user","message":{"content":[{"type":"text","text":"the prompt"}]}})", "\n",
          R"({"type":"thinking","subtype":"delta","text":"hm"})", "\n", Said("I will build first."),
          Tool("started", R"({"shellToolCall":{"args":{"command":"ninja"}}})"),
          Tool("completed", R"({"shellToolCall":{"args":{"command":"ninja"},)"
                            R"("result":{"failure":{"exitCode":1}}}})"),
          Tool("completed", R"({"editToolCall":{"args":{"path":"x.cc"},)"
                            R"("result":{"success":{"linesAdded":3,"linesRemoved":1}}}})"),
          Tool("completed", R"({"shellToolCall":{"args":{"command":"rm -rf /"},)"
                            R"("result":{"rejected":{"reason":"not here"}}}})"),
          R"({"type":"result","subtype":"success","is_error":false,"duration_ms":15231})", "\n")),
      "session 7d1f, model Auto\n"
      "I will build first.\n"
      "> shell ninja\n"
      "< shell ninja  exit 1\n"
      "< edit x.cc  +3 −1\n"
      "< shell rm -rf /  rejected: not here\n"
      "result: success after 15 s\n");
}

TEST(Transcript, AnErrorResultSaysWhat) {
  EXPECT_EQ(Read(R"({"type":"result","subtype":"error","is_error":true,"result":"out of quota"})"),
            "result: error out of quota\n");
}

TEST(Transcript, LinesThatAreNoEventsComeThroughWithoutControls) {
  EXPECT_EQ(Read("plain \x1b[31mred\x1b[0m\n{not json\n{\"a\":1}\n[1]\n"),
            "plain red\n{not json\n{\"a\":1}\n[1]\n");
}

TEST(Transcript, ACommandsOutputIsNeverTakenForEvents) {
  EXPECT_EQ(Read("{\"type\":\"user\"}\n", /*events=*/false), "{\"type\":\"user\"}\n");
}

TEST(Transcript, WhatTheAgentSaysCannotMoveTheCursor) {
  EXPECT_EQ(Read(Said(R"(a\u001b[2Jb\u009b1mc)")), "abc\n");
}

TEST(Transcript, PiecesGiveTheSameTextAsTheWhole) {
  const std::string bytes = absl::StrCat(Said("hi"), "x\ny");
  std::string text;
  Transcript transcript(true, false);
  for (const char c : bytes) text += transcript.Feed(absl::string_view(&c, 1));
  EXPECT_EQ(text + transcript.End(), Read(bytes));
}

TEST(Transcript, OddShapesOfKnownEventsDoNoHarm) {
  for (const char* line :
       {R"({"type":"assistant"})", R"({"type":"assistant","message":[]})",
        R"({"type":"assistant","message":{"content":"x"}})", R"({"type":"tool_call"})",
        R"({"type":"tool_call","subtype":"completed","tool_call":7})",
        R"({"type":"tool_call","subtype":"completed","tool_call":{"shellToolCall":{"result":[]}}})",
        R"({"type":"result"})", R"({"type":7})", R"({"type":null})"}) {
    Read(line);
  }
}

TEST(Transcript, AHugeLineIsCutAndSaysSo) {
  const std::string text = Read("{\"a\":\"" + std::string(100'000, 'x') + "\"}\n");
  EXPECT_LT(text.size(), 5000u);
  EXPECT_NE(text.find("100 kB"), std::string::npos) << text.substr(4000);
}

TEST(Transcript, OfAProgressBarTheLastStateIsShown) {
  EXPECT_EQ(Read("a\r0%\r50%\r100%\n\r\ndone\r\n7%\r8%", /*events=*/false), "100%\n\ndone\n8%\n");
}

}  // namespace
}  // namespace handoff
