// `handoff return`: what a person did in a taken work tree, as the checkpoint that comes next.

#include "common/hash.h"
#include "tests/integration/cli/takeover_fixture.h"

namespace handoff {
namespace {

class ReturnTest : public TakeoverTest {
 protected:
  ReturnTest() {
    LeaveWork();
    CHECK(TakeOver().exit == 0);
    Git(Taken(), {"config", "user.name", "Ann"});
  }

  Said Return(const std::vector<std::string>& flags = {}) const {
    std::vector<std::string> arguments = {"return", kId};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunIn(Taken(), arguments);
  }
  v1::ReturnRequest Last() const {
    CHECK(!coordinator_.returns().empty());
    return coordinator_.returns().back();
  }
  // Into the agent's repository, as a worker does: what is in it, one object a line.
  std::string Unpack(const v1::Checkpoint& checkpoint) {
    const auto objects = coordinator_.objects();
    const std::string& pack = objects.at(checkpoint.packs().rbegin()->sha256());
    EXPECT_EQ(checkpoint.packs().rbegin()->bytes(), pack.size());
    const std::string path = dir_.path() + "/came.pack";
    Write(path, pack);
    Git(Agents(), {"index-pack", "-o", dir_.path() + "/came.idx", path});
    Git(Agents(), {"index-pack", "--strict", "--stdin"}, pack);
    return Git(Agents(), {"show-index"}, *ReadFile(dir_.path() + "/came.idx"));
  }
  void CommitTwice() {
    Write(Taken() + "/a", "one\ntwo\nby hand\n");
    Git(Taken(), {"commit", "-q", "-a", "-m", "By hand"});
    Write(Taken() + "/second", "2\n");
    Git(Taken(), {"add", "second"});
    Git(Taken(), {"commit", "-q", "-m", "Again by hand"});
  }
};

TEST_F(ReturnTest, CommitsAndChangesComeBackAsACheckpointOnTheAgents) {
  const std::string left = handoff_.attempts(0).checkpoint().commit();
  CommitTwice();
  Write(Taken() + "/open", "not committed\n");
  Write(Taken() + "/index", "staged\n");
  Git(Taken(), {"add", "index"});
  Write(Taken() + "/.env", "TOKEN=1\n");
  const std::string status = Status(Taken());
  const Said said = Return({"Look at 'a' first"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, IsEmpty());
  EXPECT_THAT(said.err, HasSubstr("returned 2 commits, "));
  EXPECT_THAT(said.err, HasSubstr("held back: .env"));
  EXPECT_THAT(said.err, HasSubstr("attempt 2 is queued"));
  EXPECT_EQ(Status(Taken()), status) << "it stays as it is";
  const v1::ReturnRequest request = Last();
  EXPECT_EQ(request.based_on(), left);
  const v1::Checkpoint& checkpoint = request.checkpoint();
  EXPECT_EQ(checkpoint.head_commit(), Rev(Taken(), "HEAD"));
  EXPECT_EQ(checkpoint.branch(), kBranch);
  EXPECT_EQ(checkpoint.submitted_commit(), base_);
  ASSERT_EQ(checkpoint.packs_size(), 2);
  EXPECT_EQ(checkpoint.packs(0).sha256(), handoff_.attempts(0).checkpoint().packs(0).sha256());
  EXPECT_THAT(checkpoint.notes(), ::testing::Contains(HasSubstr(".env: looks like a secret")));
  const std::string came = Unpack(checkpoint);
  EXPECT_THAT(came, Not(HasSubstr(Rev(Mine(), "HEAD:big")))) << "the coordinator has it";
  EXPECT_THAT(came, Not(HasSubstr(Rev(Agents(), "HEAD"))));
  const std::string commit = checkpoint.commit();
  EXPECT_EQ(Rev(Agents(), commit + "^1"), checkpoint.head_commit());
  EXPECT_EQ(Git(Agents(), {"log", "--format=%s", commit + "^1"}),
            "Again by hand\nBy hand\nThe agent's\nfirst");
  EXPECT_EQ(Git(Agents(), {"ls-tree", "-r", "--name-only", commit}),
            "a\nbig\nindex\nnew\nopen\nsecond\nstaged");
  EXPECT_EQ(Git(Agents(), {"ls-tree", "-r", "--name-only", commit + "^2"}),
            "a\nbig\nindex\nsecond\nstaged");
  EXPECT_EQ(Git(Agents(), {"show", commit + ":open"}), "not committed");
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

// A record names no more of them, and its session is in those that are left out.
TEST_F(ReturnTest, OnTooManyPacksItStandsAlone) {
  v1::Handoff now = Record();
  v1::Checkpoint& base = *now.mutable_attempts(0)->mutable_checkpoint();
  base.set_session("5e55");
  while (base.packs_size() < 64)
    base.add_packs()->set_sha256(Sha256Hex(absl::StrCat(base.packs_size())));
  coordinator_.Set(now);
  CommitTwice();
  const Said said = Return();
  ASSERT_EQ(said.exit, 0) << said.err;
  const v1::Checkpoint checkpoint = Last().checkpoint();
  ASSERT_EQ(checkpoint.packs_size(), 1);
  EXPECT_EQ(checkpoint.session(), "");
  EXPECT_THAT(checkpoint.notes(), ::testing::Contains(HasSubstr("the agent's session")));
  const std::string alone = dir_.path() + "/alone";
  Git("", {"init", "-q", "--bare", alone});
  Git(alone, {"index-pack", "--strict", "--stdin"},
      coordinator_.objects().at(checkpoint.packs(0).sha256()));
  EXPECT_EQ(Git(alone, {"log", "--format=%s", checkpoint.commit() + "^1"}),
            "Again by hand\nBy hand\nThe agent's\nfirst");
}

TEST_F(ReturnTest, TheNextAgentIsToldWhatChangedAndWhatWasSaid) {
  CommitTwice();
  Write(Taken() + "/open", "another text\n");
  CHECK(RemoveTree(Taken() + "/new").ok());
  Git(Taken(), {"mv", "big", "bigger"});
  ASSERT_EQ(Return({"Look at 'a' first"}).exit, 0);
  const std::string message = Last().message();
  EXPECT_THAT(message, HasSubstr("alice went on with this by hand from what attempt 1 left"));
  EXPECT_THAT(message, HasSubstr("Commits made by hand (2), newest first:\n- "));
  EXPECT_THAT(message,
              HasSubstr(absl::StrCat(Rev(Taken(), "HEAD").substr(0, 10), " Again by hand\n")));
  EXPECT_THAT(message, HasSubstr("- M a\n"));
  EXPECT_THAT(message, HasSubstr("- D new\n"));
  EXPECT_THAT(message, HasSubstr("- R big -> bigger (not committed)\n"));
  EXPECT_THAT(message, HasSubstr("- A open (not committed)\n"));
  EXPECT_THAT(message, HasSubstr("alice says:\n\nLook at 'a' first\n"));
}

TEST_F(ReturnTest, NothingChangedIsNoCheckpoint) {
  const Said said = Return();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("nothing was changed"));
  EXPECT_FALSE(Last().has_checkpoint());
  EXPECT_EQ(Last().based_on(), handoff_.attempts(0).checkpoint().commit());
  EXPECT_THAT(Last().message(), HasSubstr("No file was changed."));
  const Said again = Return();
  EXPECT_EQ(again.exit, 6) << "it is theirs no more";
  EXPECT_THAT(again.err, HasSubstr("is not taken over"));
  EXPECT_EQ(coordinator_.returns().size(), 1u) << "nobody was asked";
}

TEST_F(ReturnTest, WhatIsOnlyStagedIsAChange) {
  Git(Taken(), {"add", "a"});
  const Said said = Return();
  EXPECT_EQ(said.exit, 0) << said.err;
  ASSERT_TRUE(Last().has_checkpoint()) << said.err;
  Unpack(Last().checkpoint());
  EXPECT_EQ(Git(Agents(), {"show", Last().checkpoint().commit() + "^2:a"}),
            "one\ntwo\nnot committed");
}

TEST_F(ReturnTest, TheAgentsSessionStaysWithTheWork) {
  v1::Handoff now = Record();
  v1::Checkpoint& base = *now.mutable_attempts(0)->mutable_checkpoint();
  base.set_session("5e55");
  base.set_session_tree(std::string(40, '3'));
  coordinator_.Set(now);
  CommitTwice();
  ASSERT_EQ(Return().exit, 0);
  EXPECT_EQ(Last().checkpoint().session(), "5e55");
  EXPECT_EQ(Last().checkpoint().session_tree(), base.session_tree());
}

TEST_F(ReturnTest, ACommandReadsNoMessage) {
  v1::Handoff now = Record();
  now.set_agent("command");
  coordinator_.Set(now);
  const Said refused = Return({"Go on"});
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.err, HasSubstr("reads no message"));
  EXPECT_THAT(coordinator_.returns(), IsEmpty());
  CommitTwice();
  ASSERT_EQ(Return().exit, 0);
  EXPECT_EQ(Last().message(), "");
}

TEST_F(ReturnTest, TheWorkTreeIsFoundFromItsRepositoryAndByName) {
  const Said elsewhere = Run({"return", kId});
  EXPECT_EQ(elsewhere.exit, 3);
  EXPECT_THAT(elsewhere.err, HasSubstr("--dir"));
  Git("", {"init", "-q", dir_.path() + "/other"});
  EXPECT_EQ(RunIn(dir_.path() + "/other", {"return", kId}).exit, 3);
  EXPECT_EQ(Run({"return", kId, "--dir", Mine()}).exit, 3) << "that one is not it";
  EXPECT_THAT(coordinator_.returns(), IsEmpty());
  CommitTwice();
  const std::string head = Rev(Taken(), "HEAD");
  // On a branch of its own by now.
  Git(Taken(), {"checkout", "-q", "-b", "renamed"});
  EXPECT_EQ(RunIn(Mine(), {"return", kId}).exit, 0);
  EXPECT_EQ(Last().checkpoint().head_commit(), head);
  EXPECT_EQ(Last().checkpoint().branch(), "renamed");
  ASSERT_EQ(TakeOver().exit, 6) << "its branch is not where it was";
}

TEST_F(ReturnTest, AfterItsReturnTheWorkTreeTakesTheNextWork) {
  CommitTwice();
  Write(Taken() + "/open", "not committed\n");
  ASSERT_EQ(Return().exit, 0);
  Unpack(Last().checkpoint());
  // Attempt 2 goes on from there.
  handoff_ = Record();
  handoff_.mutable_attempts()->RemoveLast();
  Git(Agents(), {"reset", "-q", "--hard", Last().checkpoint().head_commit()});
  Git(Agents(), {"clean", "-fdq"});
  Write(Agents() + "/open", "not committed\n");
  Write(Agents() + "/third", "3\n");
  Git(Agents(), {"add", "third"});
  Commit(Agents(), "The agent's again");
  SaveWork();
  handoff_.set_status(v1::Handoff::SUCCEEDED);
  coordinator_.Set(handoff_);
  Write(Taken() + "/late", "after the return\n");
  const Said refused = TakeOver();
  EXPECT_EQ(refused.exit, 6);
  EXPECT_THAT(refused.err, HasSubstr("has work that was not returned"));
  CHECK(RemoveTree(Taken() + "/late").ok());
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("attempt 2's work"));
  EXPECT_EQ(Rev(Taken(), "HEAD"), Rev(Agents(), "HEAD"));
  EXPECT_EQ(Rev(Taken(), kBranch), Rev(Agents(), "HEAD"));
  EXPECT_EQ(Status(Taken()), "?? open");
  EXPECT_EQ(*ReadFile(Taken() + "/third"), "3\n");
}

TEST_F(ReturnTest, HistoryThatWasRewrittenIsSaid) {
  Git(Taken(), {"reset", "-q", "--soft", "HEAD~1"});
  Git(Taken(), {"commit", "-q", "-m", "Otherwise"});
  ASSERT_EQ(Return().exit, 0);
  EXPECT_THAT(Last().message(), HasSubstr("The history was rewritten"));
  Unpack(Last().checkpoint());
  EXPECT_EQ(Git(Agents(), {"log", "--format=%s", Last().checkpoint().head_commit()}),
            "Otherwise\nfirst");
}

TEST_F(ReturnTest, DoneEndsItAndHasNoReader) {
  EXPECT_EQ(Return({"--done", "a message"}).exit, 2);
  EXPECT_EQ(Return({"one", "two"}).exit, 2);
  EXPECT_EQ(Return({"--unchanged", "--include", "x"}).exit, 2);
  EXPECT_THAT(coordinator_.returns(), IsEmpty());
  CommitTwice();
  const Said said = Return({"--done"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_TRUE(Last().done());
  EXPECT_EQ(Last().message(), "");
  EXPECT_TRUE(Last().has_checkpoint());
  EXPECT_THAT(said.err, HasSubstr("runs its checks alone"));
}

TEST_F(ReturnTest, UnchangedGivesItBackWithoutAWorkTree) {
  CommitTwice();
  const Said said = Run({"return", kId, "--unchanged", "--json"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("\"status\":\"QUEUED\""));
  EXPECT_FALSE(Last().has_checkpoint());
}

TEST_F(ReturnTest, WhatTheAgentLeftIsNoSecretOfThePersons) {
  // It came from the pool: holding it back would delete it there.
  ASSERT_EQ(Return({"--unchanged"}).exit, 0);
  Write(Agents() + "/.env", "AGENT=1\n");
  handoff_.clear_attempts();
  SaveWork();
  CHECK(RemoveTree(Taken()).ok());
  ASSERT_EQ(TakeOver().exit, 0);
  Write(Taken() + "/x", "more\n");
  const Said said = Return();
  ASSERT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, Not(HasSubstr("held back")));
  Unpack(Last().checkpoint());
  EXPECT_EQ(Git(Agents(), {"show", Last().checkpoint().commit() + ":.env"}), "AGENT=1");
}

TEST_F(ReturnTest, OfOneOnItsHostNothingIsSent) {
  v1::Handoff now = Record();
  now.set_taken_on("build-7");
  coordinator_.Set(now);
  EXPECT_EQ(Return({"--dir", "."}).exit, 2);
  const Said said = Run({"return", kId, "Go on"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_FALSE(Last().has_checkpoint());
  EXPECT_EQ(Last().based_on(), "");
  EXPECT_THAT(Last().message(), HasSubstr("by hand in this workspace"));
  EXPECT_THAT(Last().message(), HasSubstr("Go on"));
}

TEST_F(ReturnTest, ThroughAnUploadThatBreaksItIsTheSame) {
  Write(Taken() + "/large", std::string(600000, 'x') + RandomHex(300000));
  coordinator_.BreakUploadAfter(100000);
  const Said said = Return();
  EXPECT_EQ(said.exit, 0) << said.err;
  Unpack(Last().checkpoint());
  EXPECT_EQ(Git(Agents(), {"cat-file", "-s", Last().checkpoint().commit() + ":large"}), "1200000");
}

}  // namespace
}  // namespace handoff
