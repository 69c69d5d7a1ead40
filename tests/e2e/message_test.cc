// Messages and questions from the outside: what a person says reaches the agent once and in order,
// whatever dies meanwhile, and what the agent asks waits for a person.

#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What a prompt says before a message that these tests sent.
std::string From(int number) {
  return absl::StrCat("Message ", number, " from ", Pool::Person(), ":\n");
}

class Message : public ::testing::Test {
 protected:
  Message() {
    pool.StartCoordinator();
    pool.StartWorker("a", 1);
    repository = pool.MakeRepository("origin");
  }

  nlohmann::json Show(const std::string& id) const {
    const CommandResult show = pool.Handoff({"show", id, "--json"});
    EXPECT_EQ(show.exit_code, 0) << show.err;
    return nlohmann::json::parse(show.out);
  }
  void Send(const std::string& id, const std::string& text) const {
    const CommandResult sent = pool.Handoff({"send", id, text});
    EXPECT_EQ(sent.exit_code, 0) << sent.err;
  }
  std::string InHandoffDir(const std::string& id, const std::string& name) const {
    return absl::StrCat(pool.path("a"), "/workspaces/", id, "/repo/.cursor/agent-handoffs/", id,
                        "/", name);
  }
  // What the agent of that attempt was told.
  std::string Prompt(const std::string& id, int attempt) const {
    return ReadFile(InHandoffDir(id, absl::StrCat("attempt-", attempt, ".prompt.md"))).value_or("");
  }

  Pool pool;
  std::string repository;
};

// To a conversation of Cursor, which may be empty under that id.
auto IsTold(const std::string& news) {
  return AllOf(StartsWith("Continue the delegated task: what follows is new. If you do not know"),
               HasSubstr(absl::StrCat("/handoff.md first: it says what the task is and where it "
                                      "stands.\n\n",
                                      news, "\n\n---\nHow this attempt is run")));
}

TEST_F(Message, FiveArriveInOrderOnceThroughACrashOfTheCoordinatorAndALostAttempt) {
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string id =
      pool.Submit({"--id", "five",
                   Pool::Script({absl::StrCat("tell ", said.path(), " here"),
                                 absl::StrCat("wait ", gate.path()), "result ok Done"})},
                  repository);
  EXPECT_EQ(said.Await(), "here");
  const std::string waited = pool.path("waited");
  Subprocess wait = pool.HandoffInBackground({"wait", id}, "", waited);
  for (const char* text : {"note 1", "note 2", "note 3"}) Send(id, text);
  pool.Kill("coordinator", SIGKILL);
  pool.StartCoordinator();
  Send(id, "note 4");
  Send(id, "note 5\nscript: result ok Done");
  EXPECT_THAT(pool.Handoff({"show", id}).out, HasSubstr("Messages   5 waiting"));

  // The next attempt is leased to a worker that dies before it takes it up.
  ASSERT_EQ(pool.Handoff({"worker", "drain", "a"}).exit_code, 0);
  pool.AwaitWorkers();  // nothing is leased to one that stands still before
  gate.Open();
  pool.Eventually([&] { return Show(id).at("attempts").size() == 2; });
  EXPECT_EQ(FileSize(waited).value_or(1), 0u) << "a success with messages that wait is no end";
  pool.Kill("a", SIGSTOP);
  ASSERT_EQ(pool.Handoff({"worker", "undrain", "a"}).exit_code, 0);
  pool.Eventually([&] { return Show(id).at("attempts").at(1).value("worker", "") == "a"; });
  EXPECT_EQ(Show(id).at("messages").at(0).at("state"), "GIVEN");
  pool.Kill("a", SIGKILL);
  pool.RestartWorker("a");

  EXPECT_TRUE(wait.Wait()->ok());
  auto shown = Show(id);
  ASSERT_EQ(shown.at("attempts").size(), 3u);
  EXPECT_EQ(shown.at("attempts").at(1).at("state"), "LOST");
  EXPECT_EQ(shown.at("attempts").at(2).at("sessionKind"), "SAME");
  EXPECT_THAT(Prompt(id, 3), IsTold(absl::StrCat(From(1), "note 1\n\n", From(2), "note 2\n\n",
                                                 From(3), "note 3\n\n", From(4), "note 4\n\n",
                                                 From(5), "note 5\nscript: result ok Done")));
  ASSERT_EQ(shown.at("messages").size(), 5u);
  for (const auto& message : shown.at("messages")) {
    EXPECT_EQ(message.at("state"), "DELIVERED") << message;
    EXPECT_EQ(message.at("attempt"), 3) << message;
  }

  pool.Kill("coordinator", SIGKILL);
  pool.StartCoordinator();
  Send(id, "note 6\nscript: result ok Done");
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  EXPECT_THAT(Prompt(id, 4), IsTold(absl::StrCat(From(6), "note 6\nscript: result ok Done")))
      << "what was read is not said again";
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out,
              HasSubstr("went with attempt 3: `note 5 script: result ok Done`"));
}

TEST_F(Message, AQuestionIsAskedAndItsAnswerGoesOnInTheSameSession) {
  const std::string id = "asks";
  const std::string ask =
      absl::StrCat("write .cursor/agent-handoffs/", id, "/question.md Which database?\\nA or B.");
  pool.Submit({"--id", id, Pool::Script({ask, "result ok I have to ask"})}, repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 9);
  const auto waiting = Show(id);
  EXPECT_EQ(waiting.at("status"), "WAITING");
  EXPECT_EQ(waiting.at("question"), "Which database?\nA or B.");
  EXPECT_THAT(pool.Handoff({"show", id}).out, HasSubstr("Which database?\n           A or B.\n"));
  EXPECT_THAT(pool.Handoff({"list"}).out, HasSubstr("The agent asks: Which database?"));
  EXPECT_THAT(pool.Handoff({"why", id}).out, HasSubstr("waits for a person"));
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out,
              HasSubstr("The agent asks (its own words):\n\n```text\nWhich database?\nA or B.\n"));
  pool.Kill("coordinator", SIGKILL);
  pool.StartCoordinator();
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 9) << "it is asked until it is answered";

  Send(id, "Use A.\nscript: result ok Done");
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  const auto done = Show(id);
  ASSERT_EQ(done.at("attempts").size(), 2u);
  EXPECT_EQ(done.at("attempts").at(1).at("sessionKind"), "SAME");
  EXPECT_EQ(done.at("attempts").at(1).at("session"), done.at("attempts").at(0).at("session"));
  EXPECT_EQ(done.value("question", ""), "") << "the old question is not asked again";
  EXPECT_THAT(Prompt(id, 2), IsTold(absl::StrCat(From(1), "Use A.\nscript: result ok Done")));
  EXPECT_FALSE(PathExists(InHandoffDir(id, "question.md")));
  const std::string events = pool.Handoff({"events", "--id", id}).out;
  for (const char* kind : {"  waiting  ", "  message  "}) EXPECT_THAT(events, HasSubstr(kind));
}

TEST_F(Message, OneThatWaitsIsCancelled) {
  const std::string id = "gives-up";
  pool.Submit(
      {"--id", id,
       Pool::Script({absl::StrCat("write .cursor/agent-handoffs/", id, "/question.md Which?"),
                     "result ok I have to ask"})},
      repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 9);
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  EXPECT_EQ(Show(id).value("question", ""), "");
}

TEST_F(Message, NowEndsTheRunningAgentAndTheNextAttemptGoesOnWithIt) {
  Gate said(pool.path("said"));
  const std::string id = pool.Submit(
      {"--id", "stops", Pool::Script({absl::StrCat("tell ", said.path(), " here"), "silence"})},
      repository);
  EXPECT_EQ(said.Await(), "here");
  const std::string log = pool.path("log");
  Subprocess follower = pool.HandoffInBackground({"logs", "-f", "--raw", id}, "", log);
  const CommandResult sent =
      pool.Handoff({"send", id, "--now", "Not so.\nscript: result ok Otherwise"});
  EXPECT_EQ(sent.exit_code, 0);
  EXPECT_THAT(sent.err, StartsWith("stops: kept as message 1; attempt 1 is being interrupted, and "
                                   "attempt 2 goes on with it\n"));
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  const auto shown = Show(id);
  ASSERT_EQ(shown.at("attempts").size(), 2u);
  EXPECT_EQ(shown.at("attempts").at(0).at("state"), "CANCELLED");
  EXPECT_EQ(shown.at("attempts").at(1).at("state"), "SUCCEEDED");
  EXPECT_THAT(Prompt(id, 2), HasSubstr(From(1) + "Not so.\n"));
  EXPECT_THAT(Prompt(id, 2), HasSubstr("was ended before it was done"));
  EXPECT_TRUE(follower.Wait()->ok());
  EXPECT_THAT(*ReadFile(log), HasSubstr("Otherwise")) << "a follower goes on to the next attempt";
}

TEST_F(Message, OfABoundOrARefusalSayWhatToDo) {
  const std::string id = pool.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  const CommandResult refused = pool.Handoff({"send", id, "more"});
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_THAT(refused.err, HasSubstr("runs a command, which reads no messages"));
  EXPECT_EQ(pool.Handoff({"send", id, "-"}, "", std::string(300 << 10, 'x')).exit_code, 2);
  EXPECT_EQ(pool.Handoff({"send", "20200101-none", "more"}).exit_code, 3);
}

}  // namespace
}  // namespace handoff::e2e
