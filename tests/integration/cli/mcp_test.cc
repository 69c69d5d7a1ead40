// handoff mcp, as a client on its standard input and output sees it.

#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/fakes/mcp_client.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using Json = nlohmann::json;

class McpCommandTest : public Command {
 protected:
  McpClient Start(const std::vector<std::string>& more = {},
                  const std::vector<std::string>& flags = {}) const {
    std::vector<std::string> arguments = {"mcp"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    SpawnOptions options = Options(arguments);
    options.env.insert(options.env.end(), more.begin(), more.end());
    return McpClient(std::move(options));
  }
  static int StatusOf(const Json& result) {
    return result.at("structuredContent").at("exit_status").get<int>();
  }
};

TEST_F(McpCommandTest, ShakesHandsAndNamesItsTools) {
  McpClient client = Start();
  const Json hello =
      client.Request("initialize", {{"protocolVersion", "2025-03-26"},
                                    {"capabilities", Json::object()},
                                    {"clientInfo", {{"name", "test"}, {"version", "1"}}}});
  EXPECT_EQ(hello.at("result").at("protocolVersion"), "2025-03-26");
  client.Notify("notifications/initialized", Json::object());
  EXPECT_EQ(client.Request("ping", Json::object()).at("result"), Json::object());
  EXPECT_EQ(client.Request("tools/list", Json::object()).at("result").at("tools").size(), 13u);
  client.CloseInput();
  EXPECT_EQ(client.AwaitEnd().code, 0);
  EXPECT_THAT(client.skipped(), IsEmpty());
}

TEST_F(McpCommandTest, AnswersNonsenseAndGoesOn) {
  McpClient client = Start();
  client.SendLine("{");
  EXPECT_EQ(client.Next().at("error").at("code"), -32700);
  client.SendLine(std::string((8 << 20) + 1, 'x'));
  EXPECT_EQ(client.Next().at("error").at("code"), -32600);
  EXPECT_EQ(client.Request("resources/list", Json::object()).at("error").at("code"), -32601);
  EXPECT_EQ(client.Request("tools/call", Json::object()).at("error").at("code"), -32602);
  EXPECT_EQ(client.AnswerTo(client.SendCall("rm", Json::object())).at("error").at("code"), -32602);
  client.SendLine(
      R"([{"jsonrpc":"2.0","id":"a","method":"ping"},{"jsonrpc":"2.0","id":"b","method":"ping"}])");
  EXPECT_EQ(client.Next().at("id"), "a");
  EXPECT_EQ(client.Next().at("id"), "b");
  EXPECT_TRUE(client.Call("show", {{"id", "h"}, {"color", 1}}).at("isError"));
  EXPECT_EQ(coordinator_.calls(), 0);
}

TEST_F(McpCommandTest, ATaskIsSubmittedFromTheRepositoryThatIsMeant) {
  CHECK(MakeDirectories(dir_.path() + "/app").ok());
  Git({"init", "-q", "-b", "main", "app"});
  Git({"-C", "app", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty",
       "-m", "first"});
  McpClient client = Start();
  const Json arguments = {
      {"task", "Make it faster\n"}, {"repo", "app"}, {"checks", Json::array({"make test"})}};
  const Json result = client.Call("submit", arguments);
  EXPECT_EQ(result.at("isError"), false) << result;
  ASSERT_EQ(coordinator_.submits().size(), 1u);
  const v1::HandoffSpec spec = coordinator_.submits()[0].spec();
  EXPECT_EQ(spec.task(), "Make it faster\n");
  EXPECT_TRUE(spec.has_repository());
  EXPECT_EQ(spec.checks(0).command(), "make test");
  EXPECT_FALSE(spec.child());
  EXPECT_THAT(McpClient::TextOf(result), HasSubstr("HEAD "));
  const std::string id = result.at("structuredContent").at("id");
  EXPECT_THAT(McpClient::TextOf(client.Call("show", {{"id", id}})), HasSubstr(id));
  const Json nowhere = client.Call("submit", {{"task", "t"}, {"repo", "none"}});
  EXPECT_EQ(StatusOf(nowhere), 3);
  EXPECT_THAT(McpClient::TextOf(nowhere), HasSubstr("is no directory"));
  EXPECT_EQ(coordinator_.submits().size(), 1u);
  // The server's own place is where --repo says.
  McpClient elsewhere = Start({}, {"--repo", "app"});
  EXPECT_EQ(elsewhere.Call("submit", {{"task", "t"}}).at("isError"), false);
  EXPECT_TRUE(coordinator_.submits().at(1).spec().has_repository());
}

TEST_F(McpCommandTest, OneThatWaitsKeepsNothingWaiting) {
  Add("20261120-h", v1::Handoff::RUNNING);
  McpClient client = Start();
  const int wait = client.SendCall("wait", {{"id", "20261120-h"}, {"timeout_seconds", 50}});
  EXPECT_THAT(McpClient::TextOf(client.Call("list", Json::object())), HasSubstr("20261120-h"));
  EXPECT_EQ(client.Request("ping", Json::object()).at("result"), Json::object());
  EXPECT_THAT(client.skipped(), IsEmpty());
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  const Json waited = client.AnswerTo(wait).at("result");
  EXPECT_EQ(waited.at("structuredContent").at("settled"), true);
  EXPECT_EQ(waited.at("isError"), false);
  EXPECT_THAT(McpClient::TextOf(waited), HasSubstr("20261120-h: succeeded"));
}

TEST_F(McpCommandTest, AWaitThatIsNotOverSaysHowItStands) {
  Add("20261120-h", v1::Handoff::RUNNING);
  McpClient client = Start();
  const int call = client.SendCall("wait", {{"id", "20261120-h"}, {"timeout_seconds", 1}},
                                   {{"progressToken", "p"}});
  const Json result = client.AnswerTo(call).at("result");
  EXPECT_EQ(result.at("structuredContent").at("settled"), false);
  EXPECT_EQ(result.at("isError"), false);
  EXPECT_THAT(McpClient::TextOf(result), HasSubstr("20261120-h: running"));
  ASSERT_FALSE(client.skipped().empty());
  EXPECT_EQ(client.skipped()[0].at("method"), "notifications/progress");
  EXPECT_EQ(client.skipped()[0].at("params").at("progressToken"), "p");
}

TEST_F(McpCommandTest, ACancelledCallIsEndedAndNotAnswered) {
  Add("20261120-h", v1::Handoff::RUNNING);
  McpClient client = Start();
  std::vector<int> waits;
  for (int i = 0; i < 8; ++i) waits.push_back(client.SendCall("wait", {{"id", "20261120-h"}}));
  const Json refused = client.Call("list", Json::object());
  EXPECT_TRUE(refused.at("isError"));
  EXPECT_THAT(McpClient::TextOf(refused), HasSubstr("8 calls are running already"));
  client.Notify("notifications/cancelled", {{"requestId", waits[3]}, {"reason", "enough"}});
  client.Notify("notifications/cancelled", {{"requestId", 12345}});
  client.Notify("notifications/cancelled", {{"requestId", {{"of", "no kind"}}}});
  // There is room again once its process has ended.
  Json listed = client.Call("list", Json::object());
  while (listed.at("isError")) listed = client.Call("list", Json::object());
  Add("20261120-h", v1::Handoff::CANCELLED);
  for (int i = 0; i < 8; ++i) {
    if (i == 3) continue;
    EXPECT_TRUE(client.AnswerTo(waits[static_cast<size_t>(i)]).contains("result"));
  }
  client.CloseInput();
  EXPECT_EQ(client.AwaitEnd().code, 0);
  for (const Json& message : client.skipped()) EXPECT_NE(message.value("id", 0), waits[3]);
}

TEST_F(McpCommandTest, EndsWithItsInputAndOnASignal) {
  Add("20261120-h", v1::Handoff::RUNNING);
  McpClient client = Start();
  client.SendCall("wait", {{"id", "20261120-h"}});
  const int list = client.SendCall("list", Json::object());
  client.CloseInput();
  // What only waits is ended, what works is answered.
  EXPECT_EQ(client.AwaitEnd().code, 0);
  const auto& said = client.skipped();
  EXPECT_TRUE(std::any_of(said.begin(), said.end(), [&](const Json& message) {
    return message.value("id", 0) == list && message.contains("result");
  }));
  McpClient other = Start();
  other.SendCall("wait", {{"id", "20261120-h"}});
  other.Request("ping", Json::object());
  other.Signal(SIGTERM);
  EXPECT_EQ(other.AwaitEnd().code, 0);
}

TEST_F(McpCommandTest, AnAnswerIsNotForTheRunnerOfAJob) {
  McpClient client = Start({"GITHUB_ACTIONS=true"});
  const Json answer = client.Call("show", {{"id", "20261120-none"}});
  EXPECT_TRUE(answer.at("isError"));
  EXPECT_THAT(answer.dump(), Not(HasSubstr("::")));
}

TEST_F(McpCommandTest, ALogIsReadInParts) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  std::string log;
  for (int i = 0; i < 300; ++i) absl::StrAppend(&log, "line ", i, " \x1b[31mred\n");
  coordinator_.SetLog("20261120-h", 1, log);
  McpClient client = Start();
  std::string read;
  int64_t offset = 0;
  int parts = 0;
  for (bool more = true; more; ++parts) {
    const Json part =
        client.Call("logs", {{"id", "20261120-h"}, {"offset", offset}, {"max_bytes", 1000}});
    ASSERT_EQ(part.at("isError"), false) << part;
    const std::string text = McpClient::TextOf(part);
    EXPECT_LT(text.size(), 1200u);
    absl::StrAppend(&read, text.substr(0, text.rfind("[attempt")));
    more = part.at("structuredContent").at("more");
    offset = part.at("structuredContent").at("next_offset");
  }
  EXPECT_GT(parts, 4);
  EXPECT_EQ(static_cast<size_t>(offset), log.size());
  EXPECT_THAT(read, Not(HasSubstr("\x1b")));
  for (const char* line : {"line 0 ", "line 57 ", "line 299 "}) EXPECT_THAT(read, HasSubstr(line));
  EXPECT_EQ(std::count(read.begin(), read.end(), '\n'), 300);
  EXPECT_THAT(McpClient::TextOf(client.Call("logs", {{"id", "20261120-h"}, {"tail", 1}})),
              HasSubstr("line 299"));
  EXPECT_EQ(StatusOf(client.Call("logs", {{"id", "20261120-h"}, {"offset", 1 << 30}})), 2);
}

TEST_F(McpCommandTest, MessagesGoWhereTheyBelong) {
  Add("20261120-h", v1::Handoff::RUNNING);
  McpClient client = Start();
  EXPECT_EQ(
      client.Call("send", {{"id", "20261120-h"}, {"message", "--now is a word"}}).at("isError"),
      false);
  ASSERT_EQ(coordinator_.sends().size(), 1u);
  EXPECT_EQ(coordinator_.sends()[0].text(), "--now is a word");
  EXPECT_FALSE(coordinator_.sends()[0].now());
  const Json unknown = client.Call("cancel", {{"id", "nothing"}});
  EXPECT_EQ(StatusOf(unknown), 3);
  EXPECT_EQ(McpClient::TextOf(unknown) + "\n", Run({"cancel", "nothing"}).err);
}

TEST_F(McpCommandTest, InsideAnAttemptItLooksAndHandsNothingOff) {
  Add("20261120-h", v1::Handoff::RUNNING);
  const std::vector<std::string> inside = {"HANDOFF_ID=20261120-p", "HANDOFF_ATTEMPT=20261120-p/9"};
  McpClient client = Start(inside);
  for (const Json& call : {client.Call("submit", {{"task", "more of this"}}),
                           client.Call("resume", {{"id", "20261120-h"}}),
                           client.Call("send", {{"id", "20261120-h"}, {"message", "hello"}}),
                           client.Call("return", {{"id", "20261120-h"}})}) {
    EXPECT_EQ(StatusOf(call), 5);
    EXPECT_THAT(McpClient::TextOf(call),
                HasSubstr("20261120-p, which was submitted without --child"));
  }
  EXPECT_EQ(coordinator_.calls(), 0);
  EXPECT_EQ(client.Call("show", {{"id", "20261120-h"}}).at("isError"), false);

  std::vector<std::string> allowed = inside;
  allowed.emplace_back("HANDOFF_CHILDREN=allowed");
  McpClient parent = Start(allowed);
  EXPECT_EQ(parent.Call("submit", {{"task", "a part"}, {"agent", "command"}}).at("isError"), false);
  EXPECT_EQ(parent.Call("submit", {{"task", "another"}, {"agent", "command"}, {"child", true}})
                .at("isError"),
            false);
  ASSERT_EQ(coordinator_.submits().size(), 2u);
  EXPECT_EQ(coordinator_.submits()[0].spec().labels().at("parent"), "20261120-p");
  EXPECT_FALSE(coordinator_.submits()[0].spec().child());
  EXPECT_TRUE(coordinator_.submits()[1].spec().child());
}

// The same from the command line.
TEST_F(McpCommandTest, PartsOfALogOnTheCommandLine) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  coordinator_.SetLog("20261120-h", 1, "one\ntwo\nthree\n");
  const Said first = Run({"logs", "20261120-h", "--bytes", "9"});
  EXPECT_EQ(first.out, "one\ntwo\n");
  EXPECT_EQ(first.err, "attempt 1: bytes 0 to 8 of 14; --from 8 goes on\n");
  const Said rest = Run({"logs", "20261120-h", "--bytes", "100", "--from", "8"});
  EXPECT_EQ(rest.out, "three\n");
  EXPECT_EQ(rest.err, "attempt 1: bytes 8 to 14 of 14, its present end\n");
  EXPECT_EQ(Run({"logs", "20261120-h", "--bytes", "5", "--raw"}).out, "one\nt");
  EXPECT_EQ(Run({"logs", "20261120-h", "--bytes", "0"}).exit, 2);
  EXPECT_EQ(Run({"logs", "20261120-h", "--bytes", "5", "-f"}).exit, 2);
}

}  // namespace
}  // namespace handoff
