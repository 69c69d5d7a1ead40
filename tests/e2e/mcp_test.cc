// An agent's way through the whole pool by `handoff mcp`, and what an agent inside an attempt may.

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"
#include "tests/fakes/mcp_client.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class Mcp : public ::testing::Test {
 protected:
  Mcp() {
    pool.StartCoordinator();
    pool.StartWorker("a", 3);
    repository = pool.MakeRepository("app");
  }

  SpawnOptions Options() const {
    SpawnOptions options;
    options.argv = {Program("handoff"), "mcp"};
    options.env = {"PATH=/usr/bin:/bin",
                   "HOME=" + pool.path("home"),
                   "GIT_CONFIG_GLOBAL=/dev/null",
                   "GIT_CONFIG_NOSYSTEM=1",
                   "HANDOFF_COORDINATOR=" + pool.address(),
                   "HANDOFF_CREDENTIALS=" + pool.credentials()};
    for (const char* name : {"LSAN_OPTIONS", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = ::getenv(name)) options.env.push_back(absl::StrCat(name, "=", value));
    }
    options.cwd = pool.dir();
    return options;
  }
  // As an agent does: in bounded steps, until it is settled.
  static Json WaitFor(const std::string& id, McpClient& client) {
    while (true) {
      Json result = client.Call("wait", {{"id", id}, {"timeout_seconds", 20}});
      EXPECT_EQ(result.at("isError"), false) << result;
      if (result.at("structuredContent").at("settled")) return result;
    }
  }
  static std::string Text(McpClient& client, const std::string& tool, const Json& arguments) {
    const Json result = client.Call(tool, arguments);
    EXPECT_EQ(result.at("isError"), false) << tool << ": " << result;
    return McpClient::TextOf(result);
  }
  // The log of a script that hands something off, as an agent does that is logged in there.
  std::string HandOffInside(const std::vector<std::string>& flags, const std::string& inner_flags,
                            std::string* id) const {
    std::vector<std::string> all = flags;
    all.insert(all.end(), {"--agent", "command", "--", "sh", "-c",
                           absl::StrCat("HANDOFF_COORDINATOR=", pool.address(),
                                        " HANDOFF_CREDENTIALS=", pool.credentials(), " ",
                                        Program("handoff"), " submit --agent command ", inner_flags,
                                        " -- true; echo \"inner exit $?\"")});
    *id = pool.Submit(all);
    EXPECT_EQ(pool.Handoff({"wait", *id}).exit_code, 0) << pool.Handoff({"why", *id}).out;
    return pool.Handoff({"logs", *id}).out;
  }

  Pool pool;
  std::string repository;
};

TEST_F(Mcp, ATaskGoesFromSubmitToReturn) {
  McpClient client(Options());
  client.Request("initialize", {{"protocolVersion", "2025-06-18"},
                                {"capabilities", Json::object()},
                                {"clientInfo", {{"name", "e2e"}, {"version", "1"}}}});
  const Json submitted = client.Call(
      "submit", {{"task", Pool::Script({"write src/new.txt made by the agent", "result ok Done"})},
                 {"repo", repository}});
  ASSERT_EQ(submitted.at("isError"), false) << submitted;
  const std::string id = submitted.at("structuredContent").at("id");
  EXPECT_THAT(Text(client, "list", Json::object()), HasSubstr(id));
  EXPECT_THAT(McpClient::TextOf(WaitFor(id, client)), HasSubstr(id + ": succeeded"));
  EXPECT_THAT(Text(client, "show", {{"id", id}}), HasSubstr("src/new.txt"));
  EXPECT_THAT(Text(client, "show", {{"id", id}, {"markdown", true}}),
              HasSubstr("# Background Agent Handoff: " + id));
  EXPECT_THAT(Text(client, "logs", {{"id", id}}), HasSubstr("its present end"));
  EXPECT_THAT(Text(client, "diff", {{"id", id}, {"stat", true}, {"repo", repository}}),
              HasSubstr("src/new.txt"));
  EXPECT_THAT(Text(client, "diff", {{"id", id}, {"repo", repository}}),
              HasSubstr("+made by the agent"));
  EXPECT_THAT(Text(client, "why", {{"id", id}}), HasSubstr(id));
  EXPECT_THAT(Text(client, "summary", {{"id", id}}), HasSubstr(id + ", attempt 1: "));

  const std::string prompt = Text(client, "takeover", {{"id", id}, {"repo", repository}});
  EXPECT_THAT(prompt, HasSubstr("Original task:"));
  const std::string tree = absl::StrCat(repository, "-", id);
  EXPECT_THAT(prompt, HasSubstr(tree));
  EXPECT_EQ(*ReadFile(tree + "/src/new.txt"), "made by the agent\n");
  ASSERT_TRUE(WriteFileAtomically(tree + "/mine.txt", "by hand\n", 0644).ok());
  EXPECT_THAT(Text(client, "return",
                   {{"id", id},
                    {"repo", tree},
                    {"message", "script: tool shell cat mine.txt\nscript: result ok Seen"}}),
              HasSubstr("1 file changed"));
  WaitFor(id, client);
  EXPECT_THAT(Text(client, "logs", {{"id", id}, {"attempt", 2}}),
              HasSubstr("shell cat mine.txt  exit 0"));
  EXPECT_THAT(McpClient::TextOf(client.Call("cancel", {{"id", id}})), HasSubstr(id));
  client.CloseInput();
  EXPECT_EQ(client.AwaitEnd().code, 0);
}

TEST_F(Mcp, AnAgentHandsNothingOffUnlessThatWasAllowed) {
  std::string refused;
  const std::string said = HandOffInside({}, "", &refused);
  EXPECT_THAT(said, AllOf(HasSubstr("inner exit 5"),
                          HasSubstr(refused + ", which was submitted without --child")));
  EXPECT_THAT(pool.Handoff({"show", refused}).out, Not(HasSubstr("may hand off")));

  std::string parent;
  EXPECT_THAT(HandOffInside({"--child"}, "--id the-child", &parent), HasSubstr("inner exit 0"));
  EXPECT_THAT(pool.Handoff({"show", parent}).out, HasSubstr("may hand off further tasks"));
  const Json child = Json::parse(pool.Handoff({"show", "the-child", "--json"}).out);
  EXPECT_EQ(child.at("labels").at("parent"), parent);
  EXPECT_FALSE(child.at("spec").value("child", false));
  EXPECT_THAT(pool.Handoff({"show", "the-child"}).out, HasSubstr("parent=" + parent));
  EXPECT_EQ(pool.Handoff({"wait", "the-child"}).exit_code, 0);
}

}  // namespace
}  // namespace handoff::e2e
