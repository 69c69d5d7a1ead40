// `handoff takeover`: an agent's work as a work tree of the person's own repository.

#include <signal.h>

#include <thread>

#include "tests/integration/cli/pty.h"
#include "tests/integration/cli/takeover_fixture.h"

namespace handoff {
namespace {

TEST_F(TakeoverTest, TheWorkTreeIsWhatTheAgentLeftAndStdoutIsThePrompt) {
  LeaveWork();
  Write(Mine() + "/a", "mine, not committed\n");
  const std::string mine = Status(Mine());
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, absl::StrCat(kPrompt, "\n"));
  EXPECT_EQ(Status(Taken()), Status(Agents()));
  EXPECT_EQ(Status(Taken()), " M a\nA  staged\n?? new");
  EXPECT_EQ(*ReadFile(Taken() + "/a"), "one\ntwo\nnot committed\n");
  EXPECT_EQ(*ReadFile(Taken() + "/new"), "not committed\n");
  EXPECT_EQ(Rev(Taken(), "HEAD"), Rev(Agents(), "HEAD"));
  EXPECT_EQ(Git(Taken(), {"symbolic-ref", "HEAD"}), absl::StrCat("refs/heads/", kBranch));
  EXPECT_EQ(Git(Taken(), {"write-tree"}), Git(Agents(), {"write-tree"}));
  EXPECT_EQ(Status(Mine()), mine);
  EXPECT_EQ(Rev(Mine(), "HEAD"), base_);
  EXPECT_EQ(*ReadFile(Beside("attempt-1.log")), "log of 1\n");
  EXPECT_THAT(*ReadFile(Beside("handoff.md")), HasSubstr(kId));
  EXPECT_EQ(*ReadFile(Beside("takeover-prompt.md")), said.out);
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("cd ", Taken(), " && cursor-agent --model gpt-9 ",
                                               "\"$(cat .cursor/agent-handoffs/", kId,
                                               "/takeover-prompt.md)\"")));
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("handoff return ", kId)));
  ASSERT_EQ(coordinator_.takeovers().size(), 1u);
  EXPECT_FALSE(coordinator_.takeovers()[0].stop());
  Git(Mine(), {"fsck", "--strict", "--full"});
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

TEST_F(TakeoverTest, AgainSaysWhereItIsAndTouchesNothing) {
  LeaveWork();
  ASSERT_EQ(TakeOver().exit, 0);
  Write(Taken() + "/a", "by hand\n");
  const std::string status = Status(Taken());
  const Said again = TakeOver();
  EXPECT_EQ(again.exit, 0) << again.err;
  EXPECT_EQ(again.out, absl::StrCat(kPrompt, "\n"));
  EXPECT_THAT(again.err, HasSubstr(Taken()));
  EXPECT_THAT(again.err, HasSubstr("as you left it"));
  EXPECT_EQ(*ReadFile(Taken() + "/a"), "by hand\n");
  EXPECT_EQ(Status(Taken()), status);
  EXPECT_EQ(coordinator_.takeovers().size(), 1u) << "it is theirs already";
  EXPECT_EQ(TakeOver({"--dir", dir_.path() + "/other"}).exit, 6) << "it has one";
}

TEST_F(TakeoverTest, WhatIsInTheWayIsSaidBeforeAnythingIsTaken) {
  LeaveWork();
  Git(Mine(), {"worktree", "add", "-q", "-b", kBranch, dir_.path() + "/own"});
  const Said branch = TakeOver();
  EXPECT_EQ(branch.exit, 6);
  EXPECT_THAT(branch.err, HasSubstr("is checked out in"));
  Git(Mine(), {"worktree", "remove", dir_.path() + "/own"});
  Git(Mine(), {"branch", "-D", kBranch});
  CHECK(MakeDirectories(Taken()).ok());
  Write(Taken() + "/file", "of somebody\n");
  const Said folder = TakeOver();
  EXPECT_EQ(folder.exit, 6);
  EXPECT_THAT(folder.err, HasSubstr("not empty"));
  const Said nowhere = Run({"takeover", kId});
  EXPECT_EQ(nowhere.exit, 3);
  EXPECT_THAT(nowhere.err, HasSubstr("not in a repository"));
  EXPECT_EQ(TakeOver({"--open"}).exit, 2) << "there is no terminal";
  EXPECT_THAT(coordinator_.takeovers(), IsEmpty());
  const Said elsewhere = TakeOver({"--dir", "../else where"});
  EXPECT_EQ(elsewhere.exit, 0) << elsewhere.err;
  EXPECT_EQ(Status(dir_.path() + "/else where"), Status(Agents()));
  EXPECT_THAT(elsewhere.err, HasSubstr("else where' && cursor-agent"));
}

TEST_F(TakeoverTest, CommitsOfThePersonsOnThatBranchAreLeftAlone) {
  LeaveWork();
  const std::string own =
      Git(Mine(), {"commit-tree", "-p", "HEAD", "-m", "Mine", absl::StrCat(base_, "^{tree}")});
  Git(Mine(), {"update-ref", absl::StrCat("refs/heads/", kBranch), own});
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 6);
  EXPECT_THAT(said.err, HasSubstr("take over again"));
  EXPECT_THAT(said.err, HasSubstr("is yours by now, without a work tree"));
  EXPECT_EQ(Rev(Mine(), kBranch), own);
  EXPECT_FALSE(PathExists(Taken()));
  // What a fetch made of the same work is no commit of theirs.
  Git(Mine(), {"branch", "-D", kBranch});
  ASSERT_EQ(RunIn(Mine(), {"fetch", kId}).exit, 0);
  const Said taken = TakeOver();
  EXPECT_EQ(taken.exit, 0) << taken.err;
  EXPECT_EQ(Rev(Taken(), "HEAD"), Rev(Agents(), "HEAD"));
}

TEST_F(TakeoverTest, OneThatBrokeOffIsMadeWhole) {
  LeaveWork();
  Git(Agents(), {"push", "-q", Mine(), absl::StrCat("HEAD:refs/heads/", kBranch)});
  Git(Mine(), {"worktree", "add", "-q", "--no-checkout", Taken(), kBranch});
  Write(Taken() + "/a", "half");
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(Status(Taken()), Status(Agents()));
  EXPECT_EQ(*ReadFile(Taken() + "/a"), "one\ntwo\nnot committed\n");
  // A folder that was deleted without git's knowing is in nobody's way.
  CHECK(RemoveTree(Taken()).ok());
  const Said again = TakeOver();
  EXPECT_EQ(again.exit, 0) << again.err;
  EXPECT_EQ(Status(Taken()), Status(Agents()));
}

TEST_F(TakeoverTest, WithoutACheckpointItBeginsWhereItWasSubmitted) {
  const Said said = TakeOver({"--json"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("\"status\":\"INTERACTIVE\""));
  EXPECT_THAT(said.err, HasSubstr("what was submitted"));
  EXPECT_EQ(Rev(Taken(), "HEAD"), base_);
  EXPECT_EQ(Status(Taken()), "");
}

TEST_F(TakeoverTest, ALinkInTheWorkLeadsNothingOutside) {
  const std::string outside = dir_.path() + "/outside";
  CHECK(MakeDirectories(outside).ok());
  std::filesystem::create_symlink(outside, Agents() + "/.cursor");
  Git(Agents(), {"add", "-A"});
  Commit(Agents(), "A link");
  SaveWork();
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, absl::StrCat(kPrompt, "\n"));
  EXPECT_THAT(said.err, HasSubstr("handoff.md and the logs are not beside the work"));
  EXPECT_THAT(*ListDirectory(outside), IsEmpty());
  EXPECT_EQ(Rev(Taken(), "HEAD"), Rev(Agents(), "HEAD"));
  EXPECT_THAT(TakeOver().err, HasSubstr("as you left it"));
  EXPECT_EQ(RunIn(Taken(), {"return", kId}).exit, 0);
}

class TakeoverHere : public TakeoverTest {
 protected:
  // Mine has uncommitted changes, which are submitted, and the agent goes on from them.
  TakeoverHere() {
    Write(Mine() + "/a", "one\nmine\n");
    Write(Mine() + "/gone", "soon\n");
    Write(Mine() + "/mine", "untracked\n");
    Git(Mine(), {"add", "gone"});
    Submitted({});
    Write(Agents() + "/a", "one\nmine\nagent\n");
    Write(Agents() + "/mine", "untracked\n");
    Write(Agents() + "/new", "new\n");
    Git(Agents(), {"add", "a"});
    Commit(Agents(), "The agent's");
    SaveWork();
  }
  // As it is now.
  void Submitted(const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"submit", "--dry-run", "--json", "x"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Said dry = RunIn(Mine(), arguments);
    CHECK(dry.exit == 0);
    const size_t at = dry.out.find("\"worktreeCommit\":\"");
    CHECK(at != std::string::npos);
    handoff_.mutable_spec()->mutable_repository()->set_worktree_commit(dry.out.substr(at + 18, 40));
  }
};

TEST_F(TakeoverHere, TheWorkTreeBecomesTheAgentsWhileItIsWhatWasSubmitted) {
  Write(Mine() + "/.env", "SECRET=1\n");
  const Said said = TakeOver({"--here"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(Git(Mine(), {"symbolic-ref", "HEAD"}), absl::StrCat("refs/heads/", kBranch));
  EXPECT_EQ(Rev(Mine(), "HEAD"), Rev(Agents(), "HEAD"));
  EXPECT_EQ(Status(Mine()), "?? .env\n?? mine\n?? new");
  EXPECT_EQ(*ReadFile(Mine() + "/a"), "one\nmine\nagent\n");
  EXPECT_FALSE(PathExists(Mine() + "/gone")) << "the agent did without it";
  EXPECT_EQ(*ReadFile(Mine() + "/.env"), "SECRET=1\n");
  EXPECT_EQ(Rev(Mine(), "main"), base_);
  EXPECT_FALSE(PathExists(Mine() + "/.git/index.lock"));
  EXPECT_TRUE(PathExists(absl::StrCat(Mine(), "/.cursor/agent-handoffs/", kId, "/handoff.md")));
}

TEST_F(TakeoverHere, RefusesWhenTheTreeMovedOn) {
  const auto refused = [&](const std::string& what) {
    const std::string status = Status(Mine());
    const Said said = TakeOver({"--here"});
    EXPECT_EQ(said.exit, 6) << what;
    EXPECT_THAT(said.err, HasSubstr(what));
    EXPECT_THAT(said.err, HasSubstr("leave --here out"));
    EXPECT_EQ(Status(Mine()), status);
  };
  Write(Mine() + "/a", "one\nmine\nlater\n");
  refused("files or index here");
  Write(Mine() + "/a", "one\nmine\n");
  Git(Mine(), {"add", "a"});
  refused("files or index here");
  Git(Mine(), {"reset", "-q", "a"});
  Git(Mine(), {"commit", "-q", "-m", "Moved on"});
  refused("HEAD is at");
  EXPECT_THAT(coordinator_.takeovers(), IsEmpty()) << "nothing was taken for that";
  EXPECT_EQ(Git(Mine(), {"symbolic-ref", "HEAD"}), "refs/heads/main");
  EXPECT_EQ(TakeOver().exit, 0) << "a work tree beside it is made all the same";
}

TEST_F(TakeoverHere, WhatWasSentWithIncludeIsWhatWasSubmitted) {
  Write(Mine() + "/.env", "SECRET=mine\n");
  Submitted({"--include", ".env"});
  Write(Agents() + "/.env", "SECRET=mine\n");
  SaveWork();
  const Said said = TakeOver({"--here"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(*ReadFile(Mine() + "/.env"), "SECRET=mine\n");
}

TEST_F(TakeoverHere, AFileInTheWayStopsItBeforeAnythingChanges) {
  Write(Agents() + "/.env", "SECRET=agent\n");
  SaveWork();
  Write(Mine() + "/.env", "SECRET=mine\n");
  const std::string status = Status(Mine());
  const Said said = TakeOver({"--here"});
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_THAT(said.err, HasSubstr(".env"));
  EXPECT_EQ(Status(Mine()), status);
  EXPECT_EQ(*ReadFile(Mine() + "/.env"), "SECRET=mine\n");
  EXPECT_EQ(Git(Mine(), {"symbolic-ref", "HEAD"}), "refs/heads/main");
  EXPECT_FALSE(PathExists(Mine() + "/.git/index.lock"));
}

TEST_F(TakeoverTest, ARunningOneIsRefusedOrStoppedAndWaitedFor) {
  LeaveWork();
  handoff_.set_status(v1::Handoff::RUNNING);
  handoff_.mutable_attempts(0)->set_state(v1::Attempt::RUNNING);
  coordinator_.Set(handoff_);
  const Said refused = TakeOver();
  EXPECT_EQ(refused.exit, 6);
  EXPECT_THAT(refused.err, HasSubstr("--stop"));
  EXPECT_FALSE(PathExists(Taken()));
  const int calls = coordinator_.calls();
  Said said;
  std::thread command([&] { said = TakeOver({"--stop"}); });
  coordinator_.AwaitCalls(calls + 5);  // Get, TakeOver, GetPool, Get, Watch
  v1::Handoff now = Record();
  EXPECT_EQ(now.taken_by(), "alice");
  now.set_status(v1::Handoff::INTERACTIVE);
  now.mutable_attempts(0)->set_state(v1::Attempt::CANCELLED);
  coordinator_.Set(now);
  command.join();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("attempt 1 on build-7 saves its work and ends"));
  EXPECT_EQ(Status(Taken()), Status(Agents()));
  EXPECT_TRUE(coordinator_.takeovers().back().stop());
}

TEST_F(TakeoverTest, WhoLeavesWhileItIsStoppedFindsItTheirsLater) {
  LeaveWork();
  handoff_.set_status(v1::Handoff::RUNNING);
  coordinator_.Set(handoff_);
  const int calls = coordinator_.calls();
  SpawnOptions options = Options({"takeover", kId, "--stop"});
  options.cwd = Mine();
  auto err = MakePipe();
  ASSERT_TRUE(err.ok());
  options.fds = {{2, err->second.get()}};
  auto command = Subprocess::Spawn(options);
  ASSERT_TRUE(command.ok());
  err->second.Reset();
  coordinator_.AwaitCalls(calls + 5);
  command->Signal(SIGINT);
  const std::string said = ReadToEnd(err->first.get());
  EXPECT_EQ(command->Wait()->code, 130) << said;
  EXPECT_THAT(said, HasSubstr("becomes yours all the same"));
  EXPECT_FALSE(PathExists(Taken()));
  EXPECT_THAT(LeftInTemp(), IsEmpty());
  v1::Handoff now = Record();
  now.set_status(v1::Handoff::INTERACTIVE);
  coordinator_.Set(now);
  const Said again = TakeOver();
  EXPECT_EQ(again.exit, 0) << again.err << ": nobody has to ask twice";
  EXPECT_EQ(coordinator_.takeovers().size(), 1u);
  EXPECT_EQ(Status(Taken()), Status(Agents()));
}

TEST_F(TakeoverTest, OfOneThatEndedOtherwiseWhileItWaitedNothingIsMade) {
  LeaveWork();
  handoff_.set_status(v1::Handoff::RUNNING);
  coordinator_.Set(handoff_);
  const int calls = coordinator_.calls();
  Said said;
  std::thread command([&] { said = TakeOver({"--stop"}); });
  coordinator_.AwaitCalls(calls + 5);
  v1::Handoff now = Record();
  now.set_status(v1::Handoff::CANCELLED);
  now.clear_taken_by();
  now.set_reason("Cancelled by bob.");
  coordinator_.Set(now);
  command.join();
  EXPECT_EQ(said.exit, 6);
  EXPECT_THAT(said.err, HasSubstr("did not become yours: Cancelled by bob."));
  EXPECT_FALSE(PathExists(Taken()));
}

TEST_F(TakeoverTest, OnItsHostIsTheCommandThatLeadsThere) {
  LeaveWork();
  v1::Attempt& attempt = *handoff_.mutable_attempts(0);
  attempt.set_workspace("/data/it's here/repo");
  attempt.set_session("5e55");
  handoff_.set_worker("build-7");
  handoff_.set_agent("claude");
  coordinator_.Set(handoff_);
  v1::Worker worker;
  worker.set_name("build-7");
  worker.set_ssh("-oProxyCommand=evil");
  coordinator_.SetWorker(worker);
  const Said evil = Run({"takeover", kId, "--on-host"});
  EXPECT_EQ(evil.exit, 6);
  EXPECT_THAT(evil.out, IsEmpty());
  EXPECT_THAT(evil.err, HasSubstr("Set ssh ="));
  worker.set_ssh("me@build-7");
  coordinator_.SetWorker(worker);
  const Said said = Run({"takeover", kId, "--on-host"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(
      said.out,
      absl::StrCat("ssh me@build-7 -t ",
                   ShellQuote("cd '/data/it'\\''s here/repo' && claude --resume 5e55"), "\n"));
  ASSERT_EQ(coordinator_.takeovers().size(), 1u) << "it is theirs there already";
  EXPECT_TRUE(coordinator_.takeovers()[0].on_host());
  EXPECT_EQ(Git(Mine(), {"for-each-ref", "refs/heads/handoff"}), "");
  ASSERT_EQ(TakeOver().exit, 0);
  ASSERT_EQ(coordinator_.takeovers().size(), 2u) << "but not here";
  EXPECT_FALSE(coordinator_.takeovers()[1].on_host());
}

TEST_F(TakeoverTest, OpenStartsTheAgentThereWithThePrompt) {
  LeaveWork();
  const std::string bin = dir_.path() + "/bin";
  CHECK(MakeDirectories(bin).ok());
  CHECK(WriteFileAtomically(bin + "/agent",
                            "#!/bin/sh\npwd > \"$HOME/where\"\nprintf '%s|' \"$@\" > "
                            "\"$HOME/said\"\n",
                            0755)
            .ok());
  Pty pty(50, 200);
  SpawnOptions options = Options({"takeover", kId, "--open"});
  for (std::string& variable : options.env) {
    if (variable.rfind("PATH=", 0) == 0) variable = absl::StrCat("PATH=", bin, ":/usr/bin:/bin");
  }
  options.cwd = Mine();
  options.fds = {{0, pty.slave()}, {1, pty.slave()}, {2, pty.slave()}};
  auto process = Subprocess::Spawn(options);
  ASSERT_TRUE(process.ok());
  pty.LeaveToChild();
  const std::string screen = pty.ReadAll();
  EXPECT_EQ(process->Wait()->code, 0) << screen;
  EXPECT_EQ(*ReadFile(dir_.path() + "/where"), absl::StrCat(Taken(), "\n"));
  EXPECT_EQ(*ReadFile(dir_.path() + "/said"), absl::StrCat("--model|gpt-9|", kPrompt, "|"));
  EXPECT_THAT(screen, HasSubstr("is still yours"));
}

}  // namespace
}  // namespace handoff
