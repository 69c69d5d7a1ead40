#include "cli/text/transcript.h"

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

TEST(Transcript, ShowsWhatClaudeSaidAndDid) {
  EXPECT_EQ(
      Read(absl::StrCat(
          R"({"type":"system","subtype":"init","session_id":"7d1f","model":"opus"})", "\n",
          R"({"type":"rate_limit_event","rate_limit_info":{"status":"allowed"}})", "\n",
          R"({"type":"system","subtype":"api_retry","error_status":500,"error":"server_error"})",
          "\n", R"({"type":"assistant","message":{"content":[{"type":"thinking","thinking":"hm"},)",
          R"({"type":"text","text":"I will build first."},)",
          R"({"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ninja"}}]}})", "\n",
          R"({"type":"tool_progress","tool_use_id":"t1"})", "\n",
          R"({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1",)",
          R"("is_error":true,"content":"Exit code 2\nFAILED"}]}})", "\n",
          R"({"type":"assistant","message":{"content":[{"type":"tool_use","id":"t2",)",
          R"("name":"Write","input":{"file_path":"x.cc","content":"int x;"}}]}})", "\n",
          R"({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t2",)",
          R"("content":[{"type":"text","text":"ok"}]},{"type":"tool_result",)",
          R"("tool_use_id":"t3","is_error":true,"content":"not here"}]}})", "\n",
          R"({"type":"user","message":{"content":"the prompt"}})", "\n",
          R"({"type":"result","subtype":"error_during_execution","is_error":true,)",
          R"("errors":["No conversation found"]})", "\n")),
      "session 7d1f, model opus\n"
      "! the model's service failed: 500 server_error; it is asked again\n"
      "I will build first.\n"
      "> Bash ninja\n"
      "< Bash ninja  exit 2\n"
      "> Write x.cc\n"
      "< Write x.cc  done\n"
      "< tool  failed: not here\n"
      "result: error No conversation found\n");
}

TEST(Transcript, ShowsWhatCopilotSaidAndDid) {
  const auto event = [](absl::string_view type, absl::string_view data) {
    return absl::StrCat(R"({"type":")", type, R"(","data":{)", data, "}}\n");
  };
  EXPECT_EQ(
      Read(absl::StrCat(
          event("session.skills_loaded", ""), event("assistant.turn_start", ""),
          event("assistant.message", R"("content":"I will build.")"),
          event("tool.execution_start",
                R"("toolCallId":"1","toolName":"bash","arguments":{"command":"ninja"})"),
          event("tool.execution_complete",
                R"("toolCallId":"1","success":true,"shellExecution":{"exitCode":2})"),
          event("tool.execution_start",
                R"("toolCallId":"2","toolName":"create","arguments":{"path":"x.cc"})"),
          event("tool.execution_complete", R"("toolCallId":"2","success":true)"),
          event("tool.execution_complete", R"("success":false,"error":{"message":"not here"})"),
          event("session.error", R"("message":"500 no")"), event("abort", ""),
          R"({"type":"result","sessionId":"1-2","exitCode":0,"usage":{}})", "\n",
          R"({"type":"result","sessionId":"1-2","exitCode":1,"usage":{}})", "\n")),
      "I will build.\n"
      "> bash ninja\n"
      "< bash ninja  exit 2\n"
      "> create x.cc\n"
      "< create x.cc  done\n"
      "< tool  failed: not here\n"
      "! 500 no\n"
      "! interrupted\n"
      "result: success\nsession 1-2\n"
      "result: error exit 1\nsession 1-2\n");
}

TEST(Transcript, ShowsWhatOpencodeSaidAndDid) {
  const auto event = [](absl::string_view type, absl::string_view fields) {
    return absl::StrCat(R"({"type":")", type, R"(","sessionID":"ses_1",)", fields, "}\n");
  };
  EXPECT_EQ(Read(absl::StrCat(
                event("step_start", R"("part":{})"),
                event("tool_use", R"("part":{"tool":"bash","state":{"status":"completed",)"
                                  R"("input":{"command":"ninja"},"metadata":{"exit":2}}})"),
                event("tool_use", R"("part":{"tool":"write","state":{"status":"completed",)"
                                  R"("input":{"filePath":"x.cc"}}})"),
                event("tool_use", R"("part":{"tool":"read","state":{"status":"error",)"
                                  R"("input":{"filePath":"y.cc"},"error":"not there"}})"),
                event("step_finish", R"("part":{"reason":"tool-calls"})"),
                event("text", R"("part":{"text":"Fixed."})"),
                event("step_finish", R"("part":{"reason":"stop"})"),
                event("step_finish", R"("part":{"reason":"length"})"),
                event("error", R"("error":{"name":"APIError","data":{"message":"no more"}})"))),
            "session ses_1\n"
            "< bash ninja  exit 2\n"
            "< write x.cc  done\n"
            "< read y.cc  failed: not there\n"
            "Fixed.\n"
            "result: success\n"
            "result: error the model's answer ended early: length\n"
            "result: error no more\n");
}

TEST(Transcript, ShowsWhatCodexSaidAndDid) {
  const auto item = [](absl::string_view stage, absl::string_view fields) {
    return absl::StrCat(R"({"type":"item.)", stage, R"(","item":{)", fields, "}}\n");
  };
  const std::string shell = R"("type":"command_execution","command":"ninja","status":)";
  EXPECT_EQ(
      Read(absl::StrCat(
          R"({"type":"thread.started","thread_id":"01a2"})", "\n", R"({"type":"turn.started"})",
          "\n", item("started", shell + R"("in_progress","exit_code":null)"),
          item("completed", shell + R"("failed","exit_code":1)"),
          item("completed", shell + R"("declined","exit_code":null)"),
          item("completed", R"("type":"file_change","status":"completed","changes":)"
                            R"([{"path":"x.cc","kind":"update"},{"path":"y.cc","kind":"add"}])"),
          item("started", R"("type":"todo_list","items":[{"text":"a","completed":true},)"
                          R"({"text":"b","completed":false}])"),
          item("completed", R"("type":"reasoning","text":"hm")"),
          item("completed", R"("type":"agent_message","text":"Fixed.")"),
          R"({"type":"error","message":"Reconnecting"})", "\n", R"({"type":"turn.completed"})",
          "\n", R"({"type":"turn.failed","error":{"message":"no more"}})", "\n")),
      "session 01a2\n"
      "> shell ninja\n"
      "< shell ninja  exit 1\n"
      "< shell ninja  declined\n"
      "< update x.cc  done\n"
      "< add y.cc  done\n"
      "[x] a\n"
      "[ ] b\n"
      "Fixed.\n"
      "! Reconnecting\n"
      "result: success\n"
      "result: error no more\n");
}

TEST(Transcript, ShowsWhatGeminiSaidAndDid) {
  const auto said = [](absl::string_view text) {
    return absl::StrCat(R"({"type":"message","role":"assistant","delta":true,"content":")", text,
                        "\"}\n");
  };
  EXPECT_EQ(Read(absl::StrCat(
                R"({"type":"init","session_id":"7d1f","model":"auto"})", "\n",
                R"({"type":"message","role":"user","content":"the prompt"})", "\n", said("I will "),
                said("build first.\\nThen more."),
                R"({"type":"tool_use","tool_id":"t1","tool_name":"run_shell_command",)",
                R"("parameters":{"command":"ninja","description":"Build"}})", "\n",
                R"({"type":"tool_result","tool_id":"t1","status":"success","output":"ok"})", "\n",
                R"({"type":"tool_use","tool_id":"t2","tool_name":"write_file","parameters":)",
                R"({"file_path":"x.cc"}})", "\n",
                R"({"type":"tool_result","tool_id":"t2","status":"error","error":)",
                R"({"type":"policy_violation","message":"not here"}})", "\n",
                R"({"type":"tool_result","tool_id":"t3","status":"error"})", "\n", said("Done."),
                R"({"type":"error","severity":"warning","message":"Loop detected"})", "\n",
                R"({"type":"result","status":"success","stats":{"duration_ms":2000}})", "\n",
                R"({"type":"result","status":"error","error":{"message":"no more"},"stats":{}})",
                "\n", said("And so"), said(" it ends."))),
            "session 7d1f, model auto\n"
            "I will build first.\nThen more.\n"
            "> run_shell_command ninja\n"
            "< run_shell_command ninja  done\n"
            "> write_file x.cc\n"
            "< write_file x.cc  failed: not here\n"
            "< tool  failed\n"
            "Done.\n"
            "! Loop detected\n"
            "result: success after 2 s\n"
            "result: error no more\n"
            "And so it ends.\n");
}

TEST(Transcript, ShowsWhatQwenSaidAndDid) {
  EXPECT_EQ(
      Read(absl::StrCat(
          R"({"type":"stream_event","event":{"type":"goal_state"}})", "\n",
          R"({"type":"system","subtype":"retry","data":{"attempt":1,"maxRetries":10}})", "\n",
          R"({"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":)",
          R"("run_shell_command","input":{"command":"ninja"}}]}})", "\n",
          R"({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1",)",
          R"("is_error":true,"content":"Command: ninja\nOutput: x\nExit Code: 3\nSignal: -"}]}})",
          "\n", R"({"type":"result","subtype":"error_during_execution","is_error":true,)",
          R"("error":{"message":"[API Error: 401 no]"}})", "\n")),
      "! the model's service failed; it is asked again\n"
      "> run_shell_command ninja\n"
      "< run_shell_command ninja  exit 3\n"
      "result: error [API Error: 401 no]\n");
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
        R"({"type":"result","errors":[7]})", R"({"type":"user","message":{"content":[7]}})",
        R"({"type":"assistant","message":{"content":[{"type":"tool_use","id":7,"input":[]}]}})",
        R"({"type":"rate_limit_event"})", R"({"type":"item.started"})",
        R"({"type":"item.completed","item":{"type":"file_change","changes":[7]}})",
        R"({"type":"item.completed","item":{"type":"todo_list","items":[7]}})",
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

TEST(Transcript, ALineWithoutEndIsCutOnceAndItsRestSkipped) {
  Transcript transcript(true, false);
  std::string text = transcript.Feed("{\"a\":\"" + std::string(70 << 20, 'x'));
  EXPECT_LT(text.size(), 5000u);
  EXPECT_NE(text.find("more than 67 MB"), std::string::npos) << text.substr(4000);
  EXPECT_EQ(transcript.Feed(std::string(1 << 20, 'y') + "\"}\nnext\n"), "next\n");
}

}  // namespace
}  // namespace handoff
