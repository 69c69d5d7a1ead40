// What `handoff mcp` tells of its tools, what becomes of their arguments, and what they answer.

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/text/mcp_answer.h"
#include "cli/text/mcp_message.h"
#include "cli/text/mcp_tools.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

const McpTool& Tool(const std::string& name) {
  const McpTool* const tool = FindMcpTool(name);
  EXPECT_NE(tool, nullptr) << name;
  return *tool;
}

McpCommand CommandOf(const std::string& tool, const Json& arguments) {
  auto command = McpCommandFor(Tool(tool), arguments);
  EXPECT_TRUE(command.ok()) << command.status();
  return command.ok() ? *std::move(command) : McpCommand();
}

std::string RefusalOf(const std::string& tool, const Json& arguments) {
  const auto command = McpCommandFor(Tool(tool), arguments);
  EXPECT_FALSE(command.ok());
  return std::string(command.status().message());
}

Json ResultOf(const std::string& tool, const McpRan& ran, const Json& arguments = {{"id", "h"}}) {
  return McpResult(Tool(tool), CommandOf(tool, arguments), ran);
}

McpRan Ran(int code, const std::string& out, const std::string& notes) {
  McpRan ran;
  ran.exit.code = code;
  ran.out = out;
  ran.out_size = out.size();
  ran.notes = notes;
  return ran;
}

std::string TextOf(const Json& result) { return result.at("content").at(0).at("text"); }

TEST(McpTools, AreDescribedWithWhatTheyTake) {
  const Json tools = DescribeMcpTools().at("tools");
  std::vector<std::string> names;
  for (const Json& tool : tools) {
    names.push_back(tool.at("name"));
    const Json& schema = tool.at("inputSchema");
    EXPECT_EQ(schema.at("type"), "object");
    EXPECT_EQ(schema.at("additionalProperties"), false);
    EXPECT_TRUE(schema.at("properties").contains("repo")) << names.back();
    EXPECT_GT(tool.at("description").get<std::string>().size(), 40u) << names.back();
    for (const auto& [name, property] : schema.at("properties").items()) {
      EXPECT_TRUE(property.at("description").is_string()) << names.back() << " " << name;
    }
  }
  EXPECT_THAT(names, ElementsAre("submit", "list", "show", "why", "diff", "logs", "wait", "summary",
                                 "send", "resume", "cancel", "takeover", "return"));
}

TEST(McpTools, SayWhichOfThemChangeSomething) {
  const Json described = DescribeMcpTools();
  for (const Json& tool : described.at("tools")) {
    const std::string name = tool.at("name");
    const bool looks = name == "list" || name == "show" || name == "why" || name == "diff" ||
                       name == "logs" || name == "wait";
    EXPECT_EQ(tool.at("annotations").at("readOnlyHint"), looks) << name;
    EXPECT_EQ(tool.at("annotations").at("destructiveHint"), name == "cancel" || name == "takeover")
        << name;
  }
}

TEST(McpTools, AnArgumentIsNeverTakenForAFlag) {
  const McpCommand submit = CommandOf("submit", {{"task", "--dry-run is broken"},
                                                 {"agent", "--dry-run"},
                                                 {"checks", {"-x", "make test"}},
                                                 {"push", true},
                                                 {"reuse", false},
                                                 {"check_retries", 2}});
  EXPECT_THAT(submit.arguments,
              ElementsAre("submit", "--agent=--dry-run", "--check=-x", "--check=make test",
                          "--check-retries=2", "--push", "-"));
  EXPECT_EQ(submit.input, "--dry-run is broken");
  EXPECT_THAT(RefusalOf("submit", {{"task", "t"}, {"checks", {""}}, {"private", true}}),
              HasSubstr("empty string"));
  EXPECT_THAT(RefusalOf("cancel", {{"id", "--help"}}), HasSubstr("must not begin with '-'"));
  EXPECT_THAT(RefusalOf("cancel", {{"id", "a b"}}), HasSubstr("is not an id"));
  EXPECT_THAT(CommandOf("cancel", {{"id", "-"}, {"reason", "-"}}).arguments,
              ElementsAre("cancel", "--reason=-", "-"));
}

TEST(McpTools, HaveTheirOwnUsualValues) {
  EXPECT_THAT(CommandOf("wait", {{"id", "h"}}).arguments,
              ElementsAre("wait", "--timeout=45s", "h"));
  EXPECT_THAT(CommandOf("wait", {{"id", "h"}, {"timeout_seconds", 5}}).arguments,
              ElementsAre("wait", "--timeout=5s", "h"));
  EXPECT_THAT(CommandOf("list", Json::object()).arguments, ElementsAre("list", "--limit=20"));
  EXPECT_THAT(CommandOf("logs", {{"id", "h"}, {"offset", 7}}).arguments,
              ElementsAre("logs", "--from=7", "--bytes=16384", "h"));
  EXPECT_THAT(CommandOf("summary", {{"id", "h"}, {"refresh", true}}).arguments,
              ElementsAre("summary", "--refresh", "h"));
  EXPECT_THAT(CommandOf("summary", {{"id", "h"}, {"refresh", true}, {"offset", 9}}).arguments,
              ElementsAre("summary", "h"))
      << "which would be another one";
  const McpCommand diff = CommandOf("diff", {{"id", "h"}, {"offset", 9}, {"repo", "/r"}});
  EXPECT_THAT(diff.arguments, ElementsAre("diff", "h"));
  EXPECT_EQ(diff.offset, 9u);
  EXPECT_EQ(diff.most, 16384u);
  EXPECT_EQ(diff.repo, "/r");
  EXPECT_THAT(CommandOf("return", {{"id", "h"}, {"message", nullptr}}).arguments,
              ElementsAre("return", "h"));
}

TEST(McpTools, RefuseWhatTheyDoNotTakeByName) {
  EXPECT_THAT(RefusalOf("submit", Json::object()), HasSubstr("'task' is missing"));
  EXPECT_THAT(RefusalOf("show", {{"id", "h"}, {"verbose", true}}),
              HasSubstr("has no parameter 'verbose'. Nothing was done; it has id, repo"));
  EXPECT_THAT(RefusalOf("show", {{"id", 3}}), HasSubstr("'id' must be a string"));
  EXPECT_THAT(RefusalOf("show", {{"id", "h"}, {"markdown", "yes"}}),
              HasSubstr("must be true or false"));
  EXPECT_THAT(RefusalOf("wait", {{"id", "h"}, {"timeout_seconds", 51}}),
              HasSubstr("must be a whole number from 1 to 50"));
  EXPECT_THAT(RefusalOf("wait", {{"id", "h"}, {"timeout_seconds", 1.5}}), HasSubstr("whole"));
  EXPECT_THAT(RefusalOf("logs", {{"id", "h"}, {"offset", UINT64_MAX}}), HasSubstr("whole"));
  EXPECT_THAT(RefusalOf("submit", {{"task", "t"}, {"checks", "make"}}), HasSubstr("a list"));
  EXPECT_THAT(RefusalOf("submit", {{"task", "t"}, {"from", "here"}}),
              HasSubstr("must be one of worktree, head, pushed"));
  EXPECT_THAT(RefusalOf("submit", {{"task", "t"}, {"model", std::string("a\0b", 3)}}),
              HasSubstr("NUL"));
  EXPECT_THAT(RefusalOf("list", Json::array()), HasSubstr("must be an object"));
}

TEST(McpAnswer, AFailureHasTheSentencesOfTheCommandLine) {
  const Json result = ResultOf("show", Ran(3, "", "handoff: there is no handoff 'h'\n"));
  EXPECT_EQ(result.at("isError"), true);
  EXPECT_EQ(TextOf(result), "handoff: there is no handoff 'h'");
  EXPECT_EQ(result.at("structuredContent").at("exit_status"), 3);
}

TEST(McpAnswer, AFailedHandoffIsNoErrorOfAWait) {
  const Json failed = ResultOf("wait", Ran(1, "h: failed. It broke\n", "h: running\n"));
  EXPECT_EQ(failed.at("isError"), false);
  EXPECT_EQ(failed.at("structuredContent").at("settled"), true);
  EXPECT_EQ(TextOf(failed), "h: failed. It broke\n");
  // One that itself timed out has the status of a wait that did.
  EXPECT_EQ(ResultOf("wait", Ran(8, "h: failed\n", "")).at("structuredContent").at("settled"),
            true);
  const Json goes_on = ResultOf("wait", Ran(8, "", "h: running on a\nhandoff: not over\n"));
  EXPECT_EQ(goes_on.at("isError"), false);
  EXPECT_EQ(goes_on.at("structuredContent").at("settled"), false);
  EXPECT_THAT(TextOf(goes_on),
              HasSubstr("h: running on a\nhandoff: not over\nIt goes on: call wait"));
  EXPECT_EQ(ResultOf("wait", Ran(4, "", "handoff: away\n")).at("isError"), true);
}

TEST(McpAnswer, ALongOneIsCutAtALineAndSaysWhereItGoesOn) {
  McpRan ran = Ran(0, "one\ntwo\nthr", "");
  ran.out_size = 100;
  const Json diff = ResultOf("diff", ran, {{"id", "h"}, {"offset", 20}});
  EXPECT_EQ(TextOf(diff), "one\ntwo\n[bytes 20 to 28 of 100; offset 28 goes on]\n");
  EXPECT_EQ(diff.at("structuredContent").at("next_offset"), 28);
  EXPECT_EQ(diff.at("structuredContent").at("more"), true);
  EXPECT_EQ(TextOf(ResultOf("why", ran)),
            "one\ntwo\n[bytes 0 to 8 of 100; the rest is left out: ask for less]\n");
  EXPECT_THAT(TextOf(ResultOf("takeover", ran)), HasSubstr("ID/takeover-prompt.md]\n"));
  EXPECT_THAT(TextOf(ResultOf("summary", ran)), HasSubstr("offset 8 goes on"));
  // Never in the middle of a character.
  ran.out = "aé\xE2\x82";
  EXPECT_THAT(TextOf(ResultOf("diff", ran)), HasSubstr("aé[bytes 0 to 3 of 100"));
  EXPECT_THAT(TextOf(ResultOf("diff", Ran(0, "", ""), {{"id", "h"}, {"offset", 5}})),
              HasSubstr("past the end"));
}

TEST(McpAnswer, ALogNamesItsNextOffset) {
  const Json part = ResultOf(
      "logs", Ran(0, "text\n", "attempt 2: bytes 0 to 4096 of 9000; --from 4096 goes on\n"));
  EXPECT_EQ(part.at("structuredContent").at("next_offset"), 4096);
  EXPECT_EQ(part.at("structuredContent").at("more"), true);
  EXPECT_EQ(TextOf(part), "text\n[attempt 2: bytes 0 to 4096 of 9000; offset 4096 goes on]");
  const Json last = ResultOf("logs", Ran(0, "", "attempt 1: bytes 9 to 9 of 9, its present end\n"));
  EXPECT_EQ(last.at("structuredContent").at("more"), false);
  EXPECT_EQ(last.at("structuredContent").at("next_offset"), 9);
}

TEST(McpAnswer, WhatOthersWroteHasNoControlCharacters) {
  const Json result = ResultOf("show", Ran(0,
                                           "a\x1b]0;title\x07"
                                           "b\xff\n",
                                           ""));
  EXPECT_THAT(TextOf(result), Not(HasSubstr("\x1b")));
  EXPECT_THAT(TextOf(result), HasSubstr("\\xff"));
}

TEST(McpAnswer, ASubmitGivesTheId) {
  const Json result =
      ResultOf("submit", Ran(0, "20261120-h\n", "HEAD abc, nothing to send\n"), {{"task", "t"}});
  EXPECT_EQ(result.at("structuredContent").at("id"), "20261120-h");
  EXPECT_EQ(TextOf(result), "20261120-h\nHEAD abc, nothing to send");
}

McpMessage Parse(const std::string& line) {
  const std::vector<McpMessage> messages = ParseMcpLine(line);
  EXPECT_EQ(messages.size(), 1u);
  return messages.empty() ? McpMessage() : messages[0];
}

TEST(McpMessages, WhatIsNoneIsAnsweredWithItsCode) {
  const auto code = [](const std::string& line) {
    const McpMessage message = Parse(line);
    EXPECT_EQ(message.kind, McpMessage::kInvalid) << line;
    return message.error.at("error").at("code").get<int>();
  };
  EXPECT_EQ(code("{"), -32700);
  EXPECT_EQ(code("\"a\xff\""), -32700);
  EXPECT_EQ(code("7"), -32600);
  EXPECT_EQ(code("[]"), -32600);
  EXPECT_EQ(code(R"({"id":1,"method":"ping"})"), -32600);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":null,"method":"ping"})"), -32600);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})"), -32600);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1})"), -32600);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":7})"), -32600);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})"), -32602);
  EXPECT_EQ(Parse(R"({"jsonrpc":"2.0","id":"a","method":7})").error.at("id"), "a");
}

TEST(McpMessages, AreRequestsNotificationsAndResponses) {
  const McpMessage request = Parse(R"({"jsonrpc":"2.0","id":"a","method":"ping"})");
  EXPECT_EQ(request.kind, McpMessage::kRequest);
  EXPECT_EQ(request.id, "a");
  EXPECT_EQ(Parse(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").kind,
            McpMessage::kNotification);
  EXPECT_EQ(Parse(R"({"jsonrpc":"2.0","id":1,"result":{}})").kind, McpMessage::kResponse);
  EXPECT_EQ(ParseMcpLine(R"([{"jsonrpc":"2.0","id":1,"method":"ping"},7])").size(), 2u);
  EXPECT_THAT(ParseMcpLine(" \r"), IsEmpty());
}

TEST(McpMessages, WhatNestsWithoutEndIsRefusedBeforeItIsRead) {
  const auto nested = [](size_t depth) {
    return absl::StrCat(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":)",
                        std::string(depth, '['), std::string(depth, ']'), "}}");
  };
  EXPECT_EQ(Parse(nested(200)).kind, McpMessage::kRequest);
  const McpMessage message = Parse(nested(20'000));
  ASSERT_EQ(message.kind, McpMessage::kInvalid);
  EXPECT_EQ(message.error.at("error").at("code"), -32600);
  EXPECT_THAT(message.error.at("error").at("message").get<std::string>(),
              HasSubstr("nothing was done"));
  // Brackets in a string are none.
  const std::string text(20'000, '[');
  EXPECT_EQ(Parse(absl::StrCat(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":")", text,
                               "\"}}"))
                .kind,
            McpMessage::kRequest);
}

TEST(McpMessages, AnIdIsBounded) {
  EXPECT_TRUE(IsMcpId(std::string(kMostMcpId, 'x')));
  EXPECT_TRUE(IsMcpId(-7));
  EXPECT_FALSE(IsMcpId(std::string(kMostMcpId + 1, 'x')));
  EXPECT_FALSE(IsMcpId({{"a", 1}}));
  EXPECT_FALSE(IsMcpId(nullptr));
}

TEST(McpMessages, ALineThatIsTooLongIsSkippedToItsEnd) {
  McpLines lines;
  std::vector<std::string> seen;
  int skipped = 0;
  const auto feed = [&](const std::string& bytes) {
    lines.Feed(
        bytes, [&](absl::string_view line) { seen.emplace_back(line); }, [&] { ++skipped; });
  };
  feed("one\ntw");
  feed("o\n");
  feed(std::string(kMostMcpLine, 'x'));
  EXPECT_EQ(skipped, 0);
  feed("x");
  EXPECT_EQ(skipped, 1);
  feed(std::string(kMostMcpLine + 1, 'x') + "\nthree\n");
  EXPECT_EQ(skipped, 1);
  EXPECT_THAT(seen, ElementsAre("one", "two", "three"));
}

TEST(McpMessages, TheClientsRevisionIsSpokenWhereItIsKnown) {
  for (const char* known : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    EXPECT_EQ(McpInitialize({{"protocolVersion", known}}).at("protocolVersion"), known);
  }
  for (const Json& unknown :
       {Json{{"protocolVersion", "2099-01-01"}}, Json{{"protocolVersion", 7}}, Json::object()}) {
    EXPECT_EQ(McpInitialize(unknown).at("protocolVersion"), "2025-11-25");
  }
  const Json answer = McpInitialize(Json::object());
  EXPECT_EQ(answer.at("serverInfo").at("name"), "handoff");
  EXPECT_TRUE(answer.at("capabilities").at("tools").is_object());
  EXPECT_THAT(answer.at("instructions").get<std::string>(), HasSubstr("stands alone"));
}

}  // namespace
}  // namespace handoff
