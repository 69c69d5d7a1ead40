// What a person has, and git takes for worthless or does not know: takeover and return leave it.

#include <csignal>

#include "tests/integration/cli/pty.h"
#include "tests/integration/cli/takeover_fixture.h"

namespace handoff {
namespace {

// Mine is what was submitted, with nothing uncommitted, and ignores some names.
class TakeoverKeeps : public TakeoverTest {
 protected:
  TakeoverKeeps() {
    Write(Mine() + "/.git/info/exclude", "local.cfg\nbuild\nignored\n");
    CHECK(MakeDirectories(Mine() + "/folder").ok());
    Write(Mine() + "/folder/tracked", "tracked\n");
    Git(Mine(), {"add", "."});
    Commit(Mine(), "second");
    base_ = Rev(Mine(), "HEAD");
    handoff_.mutable_spec()->mutable_repository()->set_commit(base_);
    Git(Agents(), {"pull", "-q"});
  }

  // The agent's work with these files in it, committed.
  void AgentWrites(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      CHECK(MakeDirectories(std::filesystem::path(Agents() + "/" + file).parent_path()).ok());
      Write(Agents() + "/" + file, "the agent's\n");
    }
    Git(Agents(), {"add", "-A"});
    Commit(Agents(), "The agent's");
    SaveWork();
  }
  void MineHas(const std::string& file) {
    CHECK(MakeDirectories(std::filesystem::path(Mine() + "/" + file).parent_path()).ok());
    Write(Mine() + "/" + file, "mine\n");
  }
  // `file` is of a person, and the work of the agent has something else there.
  void ExpectRefused(const std::string& file) {
    const std::string status = Status(Mine());
    const Said said = TakeOver({"--here"});
    EXPECT_EQ(said.exit, 6) << said.err;
    EXPECT_THAT(said.err, HasSubstr(absl::StrCat(Mine(), "/", file)));
    EXPECT_THAT(said.err, HasSubstr("No file was changed"));
    EXPECT_EQ(*ReadFile(Mine() + "/" + file), "mine\n");
    EXPECT_EQ(Status(Mine()), status);
    EXPECT_EQ(Rev(Mine(), "HEAD"), base_);
    EXPECT_EQ(Git(Mine(), {"symbolic-ref", "HEAD"}), "refs/heads/main");
    EXPECT_FALSE(PathExists(Mine() + "/.git/index.lock"));
  }
  std::string Before() const { return absl::StrCat("refs/handoff/", kId, "/before"); }
};

TEST_F(TakeoverKeeps, AnIgnoredFile) {
  AgentWrites({"local.cfg"});
  MineHas("local.cfg");
  ExpectRefused("local.cfg");
}

TEST_F(TakeoverKeeps, AnIgnoredFolderWhereTheAgentHasAFile) {
  AgentWrites({"build"});
  MineHas("build/deep/out");
  ExpectRefused("build/deep/out");
}

TEST_F(TakeoverKeeps, AnIgnoredFileWhereTheAgentHasAFolder) {
  AgentWrites({"build/deep/out"});
  MineHas("build");
  ExpectRefused("build");
}

TEST_F(TakeoverKeeps, AnIgnoredFileInAFolderThatBecomesAFile) {
  CHECK(RemoveTree(Agents() + "/folder").ok());
  AgentWrites({"folder"});
  MineHas("folder/ignored");
  ExpectRefused("folder/ignored");
}

TEST_F(TakeoverKeeps, WhatIsInNobodysWayStaysAndTheRestIsTheAgents) {
  CHECK(RemoveTree(Agents() + "/a").ok());
  CHECK(RemoveTree(Agents() + "/folder").ok());
  AgentWrites({"a/new", "folder", "build/theirs"});
  for (const char* file : {"build/out", "local.cfg"}) MineHas(file);
  const Said said = TakeOver({"--here"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(Status(Mine()), "");
  EXPECT_EQ(*ReadFile(Mine() + "/a/new"), "the agent's\n");
  EXPECT_EQ(*ReadFile(Mine() + "/folder"), "the agent's\n");
  for (const char* file : {"/build/out", "/local.cfg"})
    EXPECT_EQ(*ReadFile(Mine() + file), "mine\n");
}

TEST_F(TakeoverKeeps, AnIgnoredFileInAWorkTreeThatTakesTheNextWork) {
  AgentWrites({"first"});
  ASSERT_EQ(TakeOver().exit, 0);
  ASSERT_EQ(RunIn(Taken(), {"return", kId}).exit, 0);
  handoff_ = Record();
  handoff_.mutable_attempts()->RemoveLast();
  handoff_.set_status(v1::Handoff::SUCCEEDED);
  AgentWrites({"local.cfg"});
  Write(Taken() + "/local.cfg", "mine\n");
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_THAT(said.err, HasSubstr("local.cfg"));
  EXPECT_EQ(*ReadFile(Taken() + "/local.cfg"), "mine\n");
}

TEST_F(TakeoverKeeps, AnOperationThatIsNotFinished) {
  AgentWrites({"new"});
  Write(Mine() + "/.git/CHERRY_PICK_HEAD", base_ + "\n");
  const Said said = TakeOver({"--here"});
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_THAT(said.err, HasSubstr("a cherry-pick is in progress, and"));
  EXPECT_EQ(Git(Mine(), {"symbolic-ref", "HEAD"}), "refs/heads/main");
  EXPECT_THAT(coordinator_.takeovers(), IsEmpty());
}

TEST_F(TakeoverKeeps, TheFilesGoBackWhereHeadCannotFollow) {
  CHECK(RemoveTree(Agents() + "/folder").ok());
  AgentWrites({"new", "a"});
  Write(Mine() + "/.git/HEAD.lock", "");
  const Said said = TakeOver({"--here"});
  EXPECT_NE(said.exit, 0);
  EXPECT_THAT(said.err, HasSubstr("Your files are as they were."));
  EXPECT_THAT(said.err, HasSubstr(Before()));
  EXPECT_EQ(*ReadFile(Mine() + "/a"), "one\n");
  EXPECT_EQ(*ReadFile(Mine() + "/folder/tracked"), "tracked\n");
  EXPECT_FALSE(PathExists(Mine() + "/new"));
  CHECK(RemoveTree(Mine() + "/.git/HEAD.lock").ok());
  EXPECT_EQ(Status(Mine()), "");
  EXPECT_EQ(Rev(Mine(), "HEAD"), base_);
  EXPECT_EQ(TakeOver({"--here"}).exit, 0);
  EXPECT_EQ(*ReadFile(Mine() + "/new"), "the agent's\n");
}

TEST_F(TakeoverKeeps, WhatWasThereIsKeptAsACommit) {
  AgentWrites({"new"});
  ASSERT_EQ(TakeOver().exit, 0);
  Write(Taken() + "/open", "not committed\n");
  ASSERT_EQ(RunIn(Taken(), {"return", kId}).exit, 0);
  // The next attempt did without it.
  handoff_ = Record();
  handoff_.mutable_attempts()->RemoveLast();
  handoff_.set_status(v1::Handoff::SUCCEEDED);
  AgentWrites({"newer"});
  const Said said = TakeOver();
  ASSERT_EQ(said.exit, 0) << said.err;
  EXPECT_FALSE(PathExists(Taken() + "/open"));
  EXPECT_EQ(Git(Mine(), {"show", Before() + ":open"}), "not committed");
  Git(Mine(), {"fsck", "--strict", "--full"});
}

// handoff.md beside the work.
class TakenDocument : public TakeoverTest {
 protected:
  TakenDocument() {
    LeaveWork();
    CHECK(TakeOver().exit == 0);
  }
  void WriteMine(const std::string& prompt) {
    Document document = *Parse(*ReadFile(Beside("handoff.md")));
    document.resume_prompt = prompt;
    mine_ = Render(document);
    Write(Beside("handoff.md"), mine_);
  }
  Said Return() const { return RunIn(Taken(), {"return", kId}); }

  std::string mine_;
};

TEST_F(TakenDocument, IsLeftWhereThePersonChangedIt) {
  coordinator_.SetDocument("");
  ASSERT_EQ(TakeOver().exit, 0);
  const std::string newest = RunIn(Mine(), {"show", "--md", kId}).out;
  EXPECT_EQ(*ReadFile(Beside("handoff.md")), newest) << "an untouched one is the newest";
  WriteMine("Mine.");
  const Said same = TakeOver();
  EXPECT_EQ(*ReadFile(Beside("handoff.md")), mine_);
  EXPECT_THAT(same.err, Not(HasSubstr("changes of yours"))) << "nothing else is new";
  handoff_ = Record();
  handoff_.set_reason("Something else.");
  handoff_.mutable_spec()->set_task("Another task.");
  coordinator_.Set(handoff_);
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(*ReadFile(Beside("handoff.md")), mine_);
  EXPECT_EQ(*ReadFile(Beside("handoff.md.theirs")), RunIn(Mine(), {"show", "--md", kId}).out);
  EXPECT_THAT(said.err, HasSubstr("has changes of yours and is as you left it"));
}

TEST_F(TakenDocument, GoesBackWithTheWork) {
  WriteMine("Begin with the tests.");
  const Said said = Return();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("sent what you wrote in handoff.md: Resume Prompt\n"));
  ASSERT_EQ(coordinator_.edits().size(), 1u);
  EXPECT_EQ(coordinator_.edits()[0].markdown(), mine_);
  EXPECT_EQ(coordinator_.returns().size(), 1u);
}

TEST_F(TakenDocument, UntouchedIsNotSent) {
  const Said said = Return();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, Not(HasSubstr("handoff.md")));
  EXPECT_THAT(coordinator_.edits(), IsEmpty());
}

TEST_F(TakenDocument, ThatCannotBeSentIsNoReasonNotToReturn) {
  WriteMine("Mine.");
  handoff_ = Record();
  handoff_.add_edits()->set_section("Resume Prompt");  // grace's
  coordinator_.Set(handoff_);
  const Said said = Return();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("was not sent: "));
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("'handoff sync ", kId, " --dir ", Taken(), "'")));
  EXPECT_EQ(*ReadFile(Beside("handoff.md")), mine_);
  EXPECT_TRUE(PathExists(Beside("handoff.md.theirs")));
  EXPECT_EQ(coordinator_.returns().size(), 1u);
}

TEST_F(TakeoverTest, APromptShowsATerminalNothingButText) {
  LeaveWork();
  Document document;
  document.id = kId;
  document.metadata = {{"Status", "interactive"}};
  document.takeover_prompt = "go \x1b]0;evil\x07on";
  coordinator_.SetDocument(Render(document));
  Pty pty(50, 200);
  SpawnOptions options = Options({"takeover", kId});
  options.cwd = Mine();
  options.fds = {{1, pty.slave()}};
  auto process = Subprocess::Spawn(options);
  ASSERT_TRUE(process.ok());
  pty.LeaveToChild();
  const std::string screen = pty.ReadAll();
  EXPECT_EQ(process->Wait()->code, 0) << screen;
  EXPECT_THAT(screen, HasSubstr("go on"));
  EXPECT_THAT(screen, Not(HasSubstr("evil")));
}

TEST_F(TakeoverTest, APromptThatIsTooLongForAnArgumentIsNamed) {
  LeaveWork();
  Document document;
  document.id = kId;
  document.metadata = {{"Status", "interactive"}};
  document.takeover_prompt = std::string(200 << 10, 'x');
  coordinator_.SetDocument(Render(document));
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, document.takeover_prompt + "\n");
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("Read .cursor/agent-handoffs/", kId, "/")));
  EXPECT_LT(said.err.size(), 4096u);
}

TEST_F(TakeoverTest, WhoLeavesIsToldHowToGiveItBack) {
  LeaveWork();
  handoff_.set_status(v1::Handoff::RUNNING);
  handoff_.mutable_attempts(0)->set_state(v1::Attempt::RUNNING);
  coordinator_.Set(handoff_);
  const int calls = coordinator_.calls();
  auto err = MakePipe();
  SpawnOptions options = Options({"takeover", "--stop", kId});
  options.cwd = Mine();
  options.fds = {{2, err->second.get()}};
  auto process = Subprocess::Spawn(options);
  err->second.Reset();
  coordinator_.AwaitCalls(calls + 5);  // Get, TakeOver, GetPool, Get, Watch
  process->Signal(SIGINT);
  const std::string said = ReadToEnd(err->first.get());
  EXPECT_EQ(process->Wait()->code, 130);
  EXPECT_THAT(said, HasSubstr(absl::StrCat("once it has ended, 'handoff return ", kId,
                                           " --unchanged' gives it back")));
}

}  // namespace
}  // namespace handoff
