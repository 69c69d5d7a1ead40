// `handoff return`: which work tree it is, and a return whose answer was lost.

#include "tests/integration/cli/takeover_fixture.h"

namespace handoff {
namespace {

class ReturnAgain : public TakeoverTest {
 protected:
  ReturnAgain() { LeaveWork(); }
  // As it is after the attempt that a return began, which left nothing.
  void EndsAgain() {
    handoff_ = Record();
    handoff_.mutable_attempts()->RemoveLast();
    handoff_.set_status(v1::Handoff::SUCCEEDED);
    coordinator_.Set(handoff_);
  }
  void CommitIn(const std::string& root) {
    Write(root + "/a", "by hand\n");
    Git(root, {"commit", "-q", "-a", "-m", "By hand"});
  }
};

TEST_F(ReturnAgain, AnOldTakeoversTreeIsNotTheOne) {
  ASSERT_EQ(TakeOver({"--here"}).exit, 0);
  ASSERT_EQ(RunIn(Mine(), {"return", kId, "--unchanged"}).exit, 0);
  Git(Mine(), {"stash", "-q", "-u"});
  Git(Mine(), {"checkout", "-q", "main"});
  EndsAgain();
  ASSERT_EQ(TakeOver().exit, 0);
  CommitIn(Taken());
  const Said named = RunIn(Mine(), {"return", kId, "--dir", "."});
  EXPECT_EQ(named.exit, 3);
  EXPECT_THAT(named.err, HasSubstr(absl::StrCat("is ", Taken(), ", not ", Mine())));
  const Said said = RunIn(Mine(), {"return", kId});
  ASSERT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(coordinator_.returns().back().checkpoint().head_commit(), Rev(Taken(), "HEAD"));
}

TEST_F(ReturnAgain, OfTwoThatMayBeItNoneIsGuessed) {
  ASSERT_EQ(TakeOver({"--here"}).exit, 0);
  ASSERT_EQ(RunIn(Mine(), {"return", kId, "--unchanged"}).exit, 0);
  Git(Mine(), {"stash", "-q", "-u"});
  Git(Mine(), {"checkout", "-q", "main"});
  EndsAgain();
  ASSERT_EQ(TakeOver().exit, 0);
  Git(Taken(), {"checkout", "-q", "-b", "renamed"});
  const Said said = RunIn(Taken(), {"return", kId});
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_THAT(said.err, HasSubstr("--dir"));
  EXPECT_EQ(RunIn(Taken(), {"return", kId, "--dir", "."}).exit, 0);
  EXPECT_EQ(coordinator_.returns().back().based_on(), handoff_.attempts(0).checkpoint().commit());
}

TEST_F(ReturnAgain, ARecordOfOtherWorkIsNone) {
  ASSERT_EQ(TakeOver({"--here"}).exit, 0);
  ASSERT_EQ(RunIn(Mine(), {"return", kId, "--unchanged"}).exit, 0);
  Git(Mine(), {"stash", "-q", "-u"});
  Git(Mine(), {"checkout", "-q", "main"});
  EndsAgain();
  Write(Agents() + "/later", "2\n");
  SaveWork();
  ASSERT_EQ(TakeOver().exit, 0);
  Git(Mine(), {"worktree", "remove", "--force", Taken()});
  const Said said = RunIn(Mine(), {"return", kId});
  EXPECT_EQ(said.exit, 3) << said.err;
  EXPECT_THAT(said.err, HasSubstr("no work tree of this repository is one of"));
}

TEST_F(ReturnAgain, AHalfFilledTreeIsNotTakenForDeletions) {
  ASSERT_EQ(TakeOver().exit, 0);
  const std::string index =
      Git(Taken(), {"rev-parse", "--path-format=absolute", "--git-path", "index"});
  CHECK(RemoveTree(index).ok());
  const Said said = RunIn(Mine(), {"return", kId});
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("'handoff takeover ", kId, "' completes it")));
  EXPECT_THAT(coordinator_.returns(), IsEmpty());
  ASSERT_EQ(TakeOver().exit, 0);
  EXPECT_EQ(RunIn(Mine(), {"return", kId}).exit, 0);
}

TEST_F(ReturnAgain, AnAnswerThatWasLostIsAskedForAgain) {
  ASSERT_EQ(TakeOver().exit, 0);
  CommitIn(Taken());
  coordinator_.LoseAnswers(1);
  const Said said = RunIn(Taken(), {"return", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("attempt 2 is queued"));
  EXPECT_EQ(coordinator_.returns().size(), 2u);
  EXPECT_EQ(Record().attempts_size(), 2);
}

TEST_F(ReturnAgain, AlsoOfOneWithoutWork) {
  ASSERT_EQ(TakeOver().exit, 0);
  coordinator_.LoseAnswers(1);
  const Said said = RunIn(Taken(), {"return", kId});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("attempt 2 is queued"));
  EXPECT_EQ(Record().attempts_size(), 2);
}

TEST_F(ReturnAgain, WhatTheCoordinatorHasIsReturnedWithoutARecordOfIt) {
  ASSERT_EQ(TakeOver().exit, 0);
  const std::string record = *ReadFile(Beside("takeover.json"));
  CommitIn(Taken());
  ASSERT_EQ(RunIn(Taken(), {"return", kId}).exit, 0);
  Write(Beside("takeover.json"), record);
  EndsAgain();
  Write(Agents() + "/later", "2\n");
  SaveWork();
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(*ReadFile(Taken() + "/later"), "2\n");
}

TEST_F(ReturnAgain, WhatItsRecordSaysWasReturnedIsSoToo) {
  ASSERT_EQ(TakeOver().exit, 0);
  CommitIn(Taken());
  ASSERT_EQ(RunIn(Taken(), {"return", kId}).exit, 0);
  EndsAgain();
  // From another clone, since then.
  handoff_.mutable_returned()->set_commit(std::string(40, '4'));
  Write(Agents() + "/later", "2\n");
  SaveWork();
  const Said said = TakeOver();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(*ReadFile(Taken() + "/later"), "2\n");
}

}  // namespace
}  // namespace handoff
