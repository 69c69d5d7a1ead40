// Ctrl-C in the middle of a command, while the coordinator does not answer: what a person is told.

#include "tests/fakes/skill_file.h"
#include "tests/integration/cli/takeover_fixture.h"

namespace handoff {
namespace {

class LeavingTest : public TakeoverTest {
 protected:
  LeavingTest() {
    Git(Mine(), {"remote", "add", "origin", handoff_.repo()});
    LeaveWork();
  }

  // What is said of a command that is left when it calls `method`.
  std::string LeaveAt(const std::string& method, const std::string& where,
                      const std::vector<std::string>& arguments, int calls_before = 0) {
    coordinator_.held().Begin(method, calls_before);
    auto err = MakePipe();
    CHECK(err.ok());
    SpawnOptions options = Options(arguments);
    options.cwd = where;
    options.fds = {{2, err->second.get()}};
    auto command = Subprocess::Spawn(options);
    CHECK(command.ok());
    err->second.Reset();
    coordinator_.held().Await();
    command->Signal(SIGINT);
    const std::string said = ReadToEnd(err->first.get());
    EXPECT_EQ(command->Wait()->code, 130) << said;
    EXPECT_THAT(LeftInTemp(), IsEmpty());
    return said;
  }
};

TEST_F(LeavingTest, WhileASubmitSendsTheRepositoryNothingIsHandedOver) {
  const std::string said = LeaveAt("Put", Mine(), {"submit", "Mend it"});
  EXPECT_THAT(said, HasSubstr("handoff: you left; nothing was handed over\n"));
}

TEST_F(LeavingTest, WhileASubmitIsNotAnsweredTheListHasIt) {
  const std::string said = LeaveAt("Submit", Mine(), {"submit", "Mend it"});
  EXPECT_THAT(said, HasSubstr("you left; the coordinator had not answered: 'handoff list' shows "
                              "whether it was handed over\n"));
}

TEST_F(LeavingTest, WhileAnImportSendsTheRepositoryNothingIsImported) {
  CHECK(MakeDirectories(Mine() + "/x").ok());
  Write(Mine() + "/x/handoff.md", kSkillFile);
  EXPECT_THAT(LeaveAt("Put", Mine(), {"import", "x"}),
              HasSubstr("handoff: you left; nothing was imported\n"));
}

TEST_F(LeavingTest, WhileAnImportIsNotAnsweredTheListHasIt) {
  CHECK(MakeDirectories(Mine() + "/x").ok());
  Write(Mine() + "/x/handoff.md", kSkillFile);
  EXPECT_THAT(LeaveAt("Import", Mine(), {"import", "x"}),
              HasSubstr("'handoff list' shows whether it was imported\n"));
}

TEST_F(LeavingTest, WhileATakeoverIsNotAnsweredItMayBeTheirs) {
  const std::string said = LeaveAt("TakeOver", Mine(), {"takeover", kId});
  EXPECT_THAT(said, HasSubstr(absl::StrCat("'handoff show ", kId, "' says whether it is yours")));
  EXPECT_FALSE(PathExists(Taken()));
}

TEST_F(LeavingTest, WhileWhatWasTakenIsReadItIsTheirsAndCanBeGivenBack) {
  const std::string said = LeaveAt("Get", Mine(), {"takeover", kId}, /*calls_before=*/1);
  EXPECT_THAT(said, HasSubstr(absl::StrCat("you left; ", kId, " is yours by now. 'handoff take")));
  EXPECT_THAT(said, HasSubstr("--unchanged' gives it back"));
  EXPECT_EQ(Record().status(), v1::Handoff::INTERACTIVE);
}

TEST_F(LeavingTest, WhileTheWorkIsFetchedItIsTheirsWithoutATree) {
  const std::string said = LeaveAt("GetObject", Mine(), {"takeover", kId});
  EXPECT_THAT(said, HasSubstr(absl::StrCat("you left; ", kId, " is yours by now, without")));
  EXPECT_FALSE(PathExists(Taken()));
  EXPECT_EQ(Record().status(), v1::Handoff::INTERACTIVE);
}

TEST_F(LeavingTest, WhileItIsStoppedItBecomesTheirsAllTheSame) {
  handoff_.set_status(v1::Handoff::RUNNING);
  handoff_.mutable_attempts(0)->set_state(v1::Attempt::RUNNING);
  coordinator_.Set(handoff_);
  EXPECT_THAT(LeaveAt("GetPool", Mine(), {"takeover", "--stop", kId}),
              HasSubstr("becomes yours all the same"));
}

TEST_F(LeavingTest, OfOneThatIsTheirsTheTreeIsAsTheyLeftIt) {
  ASSERT_EQ(TakeOver().exit, 0);
  Write(Taken() + "/a", "by hand\n");
  const std::string said = LeaveAt("GetDocument", Mine(), {"takeover", kId});
  EXPECT_THAT(said, HasSubstr(absl::StrCat(kId, " is yours as before, and its work tree ", Taken(),
                                           " as you left it\n")));
  EXPECT_THAT(said, Not(HasSubstr("--unchanged"))) << "that would leave their work out";
}

TEST_F(LeavingTest, WhileAFetchReadsTheWorkNothingIsChanged) {
  EXPECT_THAT(LeaveAt("GetObject", Mine(), {"fetch", kId}),
              HasSubstr("handoff: you left; nothing was changed here\n"));
  EXPECT_EQ(Git(Mine(), {"branch", "--list", kBranch}), "");
}

TEST_F(LeavingTest, WhileADiffReadsTheWorkItIsNotWhole) {
  EXPECT_THAT(LeaveAt("GetObject", Mine(), {"diff", kId}), HasSubstr("the diff is not whole\n"));
}

TEST_F(LeavingTest, WhileAReturnSendsTheWorkItIsTheirsAsBefore) {
  ASSERT_EQ(TakeOver().exit, 0);
  Write(Taken() + "/a", "by hand\n");
  EXPECT_THAT(LeaveAt("Put", Taken(), {"return", kId}),
              HasSubstr(absl::StrCat("you left; ", kId, " is yours as before\n")));
  EXPECT_THAT(coordinator_.returns(), IsEmpty());
}

TEST_F(LeavingTest, WhileAReturnIsNotAnsweredItMayBeGivenBack) {
  ASSERT_EQ(TakeOver().exit, 0);
  EXPECT_THAT(LeaveAt("Return", Taken(), {"return", kId}),
              HasSubstr(absl::StrCat("'handoff show ", kId, "' says whether it is still yours")));
}

}  // namespace
}  // namespace handoff
