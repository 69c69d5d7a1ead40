// A taken work tree of a repository with a submodule: what is in that stays where it is.

#include "tests/integration/cli/takeover_fixture.h"

namespace handoff {
namespace {

class TakenSubmodule : public TakeoverTest {
 protected:
  TakenSubmodule() {
    Git("", {"init", "-q", "-b", "main", Library()});
    Write(Library() + "/f", "1\n");
    Git(Library(), {"add", "."});
    Commit(Library(), "first");
    Git(Agents(),
        {"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", Library(), "lib"});
    Commit(Agents(), "With a library");
    SaveWork();
  }
  std::string Library() const { return dir_.path() + "/library"; }
  std::string Inside() const { return Taken() + "/lib"; }
  // What its note tells a person to type.
  void Fill() const {
    Git(Taken(), {"-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"});
  }
  Said Return() const { return RunIn(Taken(), {"return", kId}); }
};

TEST_F(TakenSubmodule, IsAnEmptyFolderAndNoDeletion) {
  const Said taken = TakeOver();
  ASSERT_EQ(taken.exit, 0) << taken.err;
  EXPECT_THAT(taken.err, HasSubstr("git submodule update --init --recursive"));
  const Said said = Return();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("nothing was changed"));
  ASSERT_EQ(coordinator_.returns().size(), 1u);
  EXPECT_FALSE(coordinator_.returns()[0].has_checkpoint());
}

TEST_F(TakenSubmodule, WithChangesIsRefusedByNameAndWithACommitCarried) {
  ASSERT_EQ(TakeOver().exit, 0);
  Fill();
  Write(Inside() + "/f", "2\n");
  const Said refused = Return();
  EXPECT_EQ(refused.exit, 6) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("the submodule lib has changes: f (modified)"));
  EXPECT_THAT(coordinator_.returns(), IsEmpty());
  EXPECT_EQ(*ReadFile(Inside() + "/f"), "2\n");
  EXPECT_THAT(LeftInTemp(), IsEmpty());
  Git(Inside(), {"commit", "-q", "-a", "-m", "By hand"});
  const Said said = Return();
  ASSERT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("the submodule lib stands on ",
                                               Rev(Inside(), "HEAD").substr(0, 10))));
  const v1::ReturnRequest request = coordinator_.returns().back();
  EXPECT_THAT(request.message(), HasSubstr("- M lib (not committed)\n"));
  const v1::Checkpoint& checkpoint = request.checkpoint();
  Git(Agents(), {"index-pack", "--strict", "--stdin"},
      coordinator_.objects().at(checkpoint.packs().rbegin()->sha256()));
  EXPECT_EQ(Rev(Agents(), checkpoint.commit() + ":lib"), Rev(Inside(), "HEAD"));
}

}  // namespace
}  // namespace handoff
