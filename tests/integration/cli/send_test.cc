// handoff send, and what is shown of messages and questions.

#include "absl/strings/str_cat.h"
#include "tests/integration/cli/command.h"
#include "tests/integration/cli/pty.h"

namespace handoff {
namespace {

class SendCommand : public Command {
 protected:
  void AddAgent(v1::Handoff::Status status, v1::Attempt::State state) {
    v1::Handoff handoff;
    handoff.set_id("20261120-h");
    handoff.set_status(status);
    handoff.set_agent("cursor");
    handoff.set_owner("alice");
    handoff.add_attempts()->set_number(1);
    handoff.mutable_attempts(0)->set_state(state);
    coordinator_.Set(handoff);
  }
};

TEST_F(SendCommand, SaysUnderWhichNumberAndWhenItIsRead) {
  AddAgent(v1::Handoff::RUNNING, v1::Attempt::RUNNING);
  const Said said = Run({"send", "20261120-h", "Keep the API"});
  EXPECT_EQ(said.exit, 0);
  EXPECT_THAT(said.out, IsEmpty());
  EXPECT_EQ(said.err,
            "20261120-h: kept as message 1; it goes with attempt 2, when attempt 1 has ended\n");
  ASSERT_EQ(coordinator_.sends().size(), 1u);
  EXPECT_EQ(coordinator_.sends()[0].text(), "Keep the API");
  EXPECT_FALSE(coordinator_.sends()[0].now());
  AddAgent(v1::Handoff::RUNNING, v1::Attempt::STOPPING);
  EXPECT_EQ(Run({"send", "20261120-h", "--now", "Stop that"}).err,
            "20261120-h: kept as message 1; attempt 1 is being interrupted, and attempt 2 goes on "
            "with it\n");
  EXPECT_TRUE(coordinator_.sends()[1].now());
  AddAgent(v1::Handoff::QUEUED, v1::Attempt::QUEUED);
  EXPECT_THAT(
      Run({"send", "20261120-h", "More"}).err,
      HasSubstr("20261120-h: kept as message 1; it goes with attempt 1, which is queued\n"));
}

TEST_F(SendCommand, TakesTheTextFromWhereItIs) {
  AddAgent(v1::Handoff::RUNNING, v1::Attempt::RUNNING);
  EXPECT_EQ(Run({"send", "20261120-h", "-"}, "two\nlines\n").exit, 0);
  CHECK(WriteFileAtomically(dir_.path() + "/more.md", "of a file\n").ok());
  EXPECT_EQ(Run({"send", "20261120-h", "--file", "more.md"}).exit, 0);
  EXPECT_EQ(Run({"send", "20261120-h", "--drop", "2"}).err,
            "20261120-h: message 2 is taken back\n");
  ASSERT_EQ(coordinator_.sends().size(), 3u);
  EXPECT_EQ(coordinator_.sends()[0].text(), "two\nlines\n");
  EXPECT_EQ(coordinator_.sends()[1].text(), "of a file\n");
  EXPECT_EQ(coordinator_.sends()[2].drop(), 2);
  EXPECT_EQ(coordinator_.sends()[2].text(), "");
}

TEST_F(SendCommand, RefusesWhatMakesNoSenseAndSendsNothing) {
  AddAgent(v1::Handoff::RUNNING, v1::Attempt::RUNNING);
  const std::vector<std::vector<std::string>> all = {
      {"send", "20261120-h"},
      {"send", "20261120-h", "two", "words"},
      {"send", "20261120-h", "text", "--drop", "1"},
      {"send", "20261120-h", "--drop", "-1"},
      {"send", "20261120-h", "--drop", "1", "--now"},
      {"send", "20261120-h", "text", "--file", "f"},
      {"send", "20261120-h", "--file", "no-such-file"},
  };
  for (const auto& arguments : all) {
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, 2) << said.err;
    EXPECT_THAT(said.err, Not(IsEmpty()));
  }
  EXPECT_EQ(Run({"send", "20261120-other", "text"}).exit, 3);
  EXPECT_THAT(coordinator_.sends(), IsEmpty());
}

TEST_F(SendCommand, JsonIsTheHandoff) {
  AddAgent(v1::Handoff::RUNNING, v1::Attempt::RUNNING);
  const Said said = Run({"send", "20261120-h", "text", "--json"});
  EXPECT_THAT(said.out, HasSubstr("\"messages\":[{\"number\":1"));
  EXPECT_THAT(said.err, IsEmpty());
}

TEST_F(SendCommand, AtATerminalTheEditorAsksAndWhatCouldNotBeSentIsKept) {
  AddAgent(v1::Handoff::RUNNING, v1::Attempt::RUNNING);
  const auto edit = [&](const std::string& id) {
    const std::string editor = dir_.path() + "/editor";
    CHECK(WriteFileAtomically(editor, "printf 'Use A.\\n\\n# dropped\\n' > \"$1\"\n").ok());
    Pty pty(24, 4000);
    SpawnOptions options = Options({"send", id});
    options.env.push_back("TERM=xterm");
    options.env.push_back(absl::StrCat("EDITOR=/bin/sh ", editor));
    options.fds = {{0, pty.slave()}, {2, pty.slave()}};
    auto process = Subprocess::Spawn(options);
    CHECK(process.ok());
    pty.LeaveToChild();
    const std::string err = pty.ReadAll();
    return std::pair(process->Wait()->code, err);
  };
  EXPECT_EQ(edit("20261120-h").first, 0);
  ASSERT_EQ(coordinator_.sends().size(), 1u);
  EXPECT_EQ(coordinator_.sends()[0].text(), "Use A.\n");
  EXPECT_THAT(LeftInTemp(), IsEmpty());
  const auto [exit, err] = edit("20261120-other");
  EXPECT_EQ(exit, 3);
  EXPECT_THAT(err, HasSubstr("Your message is kept in "));
  EXPECT_THAT(err, HasSubstr("MESSAGE.md: handoff send 20261120-other --file "));
  EXPECT_EQ(LeftInTemp().size(), 1u);
}

TEST_F(SendCommand, AQuestionIsShownWholeAndWaitEndsWithNine) {
  v1::Handoff handoff;
  handoff.set_id("20261120-h");
  handoff.set_status(v1::Handoff::WAITING);
  handoff.set_agent("cursor");
  handoff.set_owner("alice");
  handoff.set_reason("The agent asks: Which?");
  handoff.set_question("Which?\n\n1. A\n2. \x1b[31mB");
  handoff.add_attempts()->set_number(1);
  handoff.mutable_attempts(0)->set_state(v1::Attempt::SUCCEEDED);
  coordinator_.Set(handoff);
  const Said wait = Run({"wait", "20261120-h"});
  EXPECT_EQ(wait.exit, 9);
  EXPECT_EQ(wait.out, "20261120-h: waiting. The agent asks: Which?\n");
  const Said show = Run({"show", "20261120-h"});
  EXPECT_THAT(show.out, HasSubstr("\n           1. A\n           2. B\n"));
  EXPECT_THAT(show.out, HasSubstr("handoff send 20261120-h ANSWER"));
  EXPECT_THAT(Run({"list"}).out, HasSubstr("The agent asks: Which?"));
}

// Until the handoff rests: a message, an answer or a retry is no end of it.
TEST_F(SendCommand, LogsGoOnToTheNextAttempt) {
  AddAgent(v1::Handoff::RUNNING, v1::Attempt::RUNNING);
  coordinator_.SetLog("20261120-h", 1, "one\n");
  auto out = MakePipe();
  SpawnOptions options = Options({"logs", "-f", "--raw", "20261120-h"});
  options.fds = {{1, out->second.get()}};
  auto process = Subprocess::Spawn(options);
  out->second.Reset();
  std::string line(4, ' ');
  CHECK(::read(out->first.get(), line.data(), 4) == 4);
  v1::Handoff handoff;
  handoff.set_id("20261120-h");
  handoff.set_status(v1::Handoff::RUNNING);
  handoff.set_agent("cursor");
  handoff.add_attempts()->set_number(1);
  handoff.mutable_attempts(0)->set_state(v1::Attempt::SUCCEEDED);
  handoff.add_attempts()->set_number(2);
  handoff.mutable_attempts(1)->set_state(v1::Attempt::RUNNING);
  coordinator_.SetLog("20261120-h", 2, "two\n");
  coordinator_.Set(handoff);
  CHECK(::read(out->first.get(), line.data(), 4) == 4);
  EXPECT_EQ(line, "two\n");
  handoff.set_status(v1::Handoff::SUCCEEDED);
  handoff.mutable_attempts(1)->set_state(v1::Attempt::SUCCEEDED);
  coordinator_.Set(handoff);
  EXPECT_EQ(ReadToEnd(out->first.get()), "");
  EXPECT_EQ(process->Wait()->code, 0);
  EXPECT_EQ(Run({"logs", "-f", "--raw", "--attempt", "1", "20261120-h"}).out, "one\n");
}

}  // namespace
}  // namespace handoff
