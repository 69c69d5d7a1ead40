// States of a repository that most people never see, carried or named.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OddStateTest : public ::testing::Test {
 protected:
  OddStateTest() : client_(HANDOFF_REPO_PROGRAM) {
    ::setenv("HOME", git_.root().c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    ::unsetenv("XDG_CONFIG_HOME");
    git_.Init("work");
    git_.Write("work/a", "one\n");
    git_.Write("work/near/n", "near\n");
    git_.Write("work/far/f", "far\n");
    git_.Write("work/far/g", "far\n");
    git_.CommitAll("work", "first");
  }
  // Workers take no submodule from a path.
  void AddSubmodule(const std::string& path) {
    git_.Init("library");
    git_.Write("library/lib.c", "int lib;\n");
    git_.CommitAll("library", "lib");
    git_.Git("", {"clone", "-q", "--bare", "library", "served/library.git"});
    daemon_ = std::make_unique<GitDaemon>(git_, git_.Path("served"));
    git_.Git("work", {"submodule", "add", "-q", daemon_->Url("library.git"), path});
    git_.CommitAll("work", "with a submodule");
  }
  Snapshot Take(const std::string& where = "work") {
    temps_.push_back(*TempDir::Make("handoff-snapshot-test-"));
    auto snapshot = TakeSnapshot(git_.Path(where), SnapshotOptions(), temps_.back());
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot.ok() ? *std::move(snapshot) : Snapshot();
  }
  void Prepare(const Snapshot& snapshot) {
    request_ = RequestFor(snapshot, git_.Path("worker"), "20260101-x");
    const auto result = client_.Prepare(
        request_, -1, [this](const std::string& text) { progress_.push_back(text); });
    ASSERT_TRUE(result.ok()) << result.status();
    notes_ = result->notes;
  }
  v1::Facts Facts(const Snapshot& snapshot) {
    v1::Facts facts;
    const auto bytes = client_.Facts(FactsFor(request_, snapshot.commit), -1);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_TRUE(bytes.ok() && facts.ParseFromString(*bytes));
    return facts;
  }
  std::string Status(const std::string& where) {
    return git_.Git(where, {"status", "--porcelain", "-uall"});
  }

  GitSandbox git_;
  std::unique_ptr<GitDaemon> daemon_;
  RepoClient client_;
  PrepareRequest request_;
  std::vector<std::string> progress_, notes_;
  std::vector<TempDir> temps_;
};

TEST_F(OddStateTest, AFileThatIsThereIsNotOutsideOfASparseCheckout) {
  git_.Git("work", {"sparse-checkout", "set", "--cone", "near"});
  ASSERT_FALSE(PathExists(git_.Path("work/far/f")));
  git_.Write("work/far/f", "edited\n");
  const Snapshot snapshot = Take();
  EXPECT_EQ(snapshot.modified, 1u);
  EXPECT_THAT(snapshot.notes,
              ElementsAre(HasSubstr("1 files are outside of your sparse checkout")));
  Prepare(snapshot);
  EXPECT_EQ(Status(request_.workspace), " M far/f\n");
  EXPECT_EQ(Status("work"), " M far/f\n");  // which removes the mark, so it comes last
  EXPECT_EQ(git_.Read(request_.workspace + "/far/g"), "far\n");
}

TEST_F(OddStateTest, AChangeUnderSkipWorktreeIsNamed) {
  git_.Git("work", {"update-index", "--skip-worktree", "a", "near/n", "far/f"});
  git_.Write("work/a", "for this machine only\n");
  git_.Remove("work/far/f");
  const Snapshot snapshot = Take();
  EXPECT_EQ(snapshot.worktree_commit, "");
  EXPECT_THAT(snapshot.notes, ElementsAre(HasSubstr("1 files are outside"),
                                          "a: skip-worktree; sent as in the index"));
}

TEST_F(OddStateTest, ASubmoduleWithSkippedFilesIsClean) {
  AddSubmodule("library");
  git_.Git("work/library", {"update-index", "--skip-worktree", "lib.c"});
  git_.Write("work/library/lib.c", "int mine;\n");
  EXPECT_THAT(Take().notes, IsEmpty());
}

TEST_F(OddStateTest, NamesThatGitDoesNotTrackAreNotedAndTheRestIsSent) {
  for (const char* name : {"git~1", ".GIT", "d/.git ", ".git::$INDEX_ALLOCATION"}) {
    git_.Write(absl::StrCat("work/", name), "odd\n");
  }
  git_.Write("work/new", "sent\n");
  const Snapshot snapshot = Take();
  EXPECT_EQ(snapshot.untracked, 1u);
  EXPECT_THAT(snapshot.notes,
              AllOf(testing::SizeIs(4), Each(HasSubstr("a name that git does not track")),
                    Contains(HasSubstr("git~1"))));
  Prepare(snapshot);
  EXPECT_EQ(Status(request_.workspace), "?? new\n");
}

TEST_F(OddStateTest, ARepositoryThatWasAddedWithoutAnAddressIsNoted) {
  git_.Init("work/inner");
  git_.Write("work/inner/file", "of another repository\n");
  git_.CommitAll("work/inner", "inner");
  git_.CommitAll("work", "added by accident");
  EXPECT_THAT(Take().notes, Contains("the submodule inner has no url in .gitmodules; its folder is "
                                     "empty on the worker"));
}

TEST_F(OddStateTest, ASubmoduleMayHaveANameThatIsNotUtf8) {
  AddSubmodule(
      "l\xe4"
      "b");
  const Snapshot snapshot = Take();
  Prepare(snapshot);
  EXPECT_EQ(git_.Read(request_.workspace + "/l\xe4"
                                           "b/lib.c"),
            "int lib;\n");
  EXPECT_THAT(progress_, Contains(HasSubstr("submodule l\\xe4b: ")));
  const std::string inside = request_.workspace.substr(git_.root().size() + 1);
  git_.Write(inside +
                 "/l\xe4"
                 "b/lib.c",
             "int changed;\n");
  const v1::Facts facts = Facts(snapshot);
  ASSERT_EQ(facts.files_size(), 1);
  EXPECT_EQ(facts.files(0).path(), "l\\xe4b/lib.c");
}

// In the commit it is a file, in what was submitted a link: nobody changed anything since.
TEST_F(OddStateTest, AnUncommittedChangeOfTypeIsNoWorkOfTheAgent) {
  AddSubmodule("library");
  git_.Remove("work/a");
  git_.Link("work/a", "near/n");
  git_.Remove("work/library");
  git_.Link("work/library", "near");
  const Snapshot snapshot = Take();
  Prepare(snapshot);
  EXPECT_EQ(Facts(snapshot).files_changed(), 0u);
}

}  // namespace
}  // namespace handoff
