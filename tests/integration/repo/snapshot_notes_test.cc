// What a submission carries only in part, and says so.
#include "gmock/gmock.h"
#include "tests/integration/repo/snapshot_fixture.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SnapshotOptions From(SnapshotFrom from) {
  SnapshotOptions options;
  options.from = from;
  return options;
}

class OperationTest : public SnapshotTest {
 protected:
  OperationTest() {
    git_.Git("work", {"checkout", "-q", "-b", "other"});
    git_.Write("work/theirs", "theirs\n");
    other_ = git_.CommitAll("work", "theirs");
    git_.Write("work/theirs", "more\n");
    git_.CommitAll("work", "more of theirs");
    git_.Git("work", {"checkout", "-q", "main"});
    git_.Write("work/a", "ours\n");
    git_.CommitAll("work", "ours");
  }
  std::vector<std::string> Notes() {
    const auto snapshot = Take("work");
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot.ok() ? snapshot->notes : std::vector<std::string>();
  }
  std::string other_;
};

TEST_F(OperationTest, AMergeInProgressIsNotedAndItsResultCarried) {
  git_.Git("work", {"merge", "-q", "--no-commit", "--no-ff", other_});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes,
              ElementsAre(AllOf(HasSubstr("a merge with " + other_.substr(0, 10)),
                                HasSubstr("in progress"), HasSubstr("ordinary changes"))));
  const std::string workspace = Prepare(*snapshot);
  EXPECT_EQ(git_.Tree(workspace), git_.Tree("work"));
  EXPECT_EQ(git_.Git(workspace, {"status", "--porcelain"}), "A  theirs\n");
}

TEST_F(OperationTest, OtherOperationsInProgressAreNoted) {
  git_.Git("work", {"cherry-pick", "--no-commit", other_});
  EXPECT_THAT(Notes(), IsEmpty());  // that leaves a change and no operation
  git_.Git("work", {"reset", "-q", "--hard"});
  git_.Git("work", {"bisect", "start"});
  git_.Git("work", {"bisect", "bad"});
  EXPECT_THAT(Notes(), ElementsAre(HasSubstr("a bisect is in progress")));
  git_.Git("work", {"bisect", "reset"});
  git_.Git("work", {"revert", "--no-commit", "HEAD"});
  EXPECT_THAT(Notes(), ElementsAre(HasSubstr("a revert is in progress")));
  git_.Git("work", {"reset", "-q", "--hard"});
  git_.Git("work", {"-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "-q", "-i", "HEAD~1"});
  EXPECT_THAT(Notes(), ElementsAre(HasSubstr("a rebase is in progress")));
}

TEST_F(SnapshotTest, SecretsInUnpushedCommitsAreNoted) {
  git_.Git("", {"clone", "-q", "--bare", "work", "origin.git"});
  git_.Git("work", {"remote", "add", "origin", git_.Path("origin.git")});
  git_.Write("work/deploy/id_rsa", "not pushed\n");
  git_.Write("work/plain", "x\n");
  const std::string commit = git_.CommitAll("work", "a key by mistake");
  git_.Remove("work/deploy/id_rsa");
  git_.CommitAll("work", "gone, but not from the history");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, ElementsAre(AllOf(HasSubstr("commit " + commit.substr(0, 10)),
                                                 HasSubstr("adds deploy/id_rsa"))));
  git_.Git("work", {"push", "-q", "origin", "main"});
  const auto pushed = Take("work");
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_THAT(pushed->notes, IsEmpty());
}

TEST_F(SnapshotTest, WhatConcernsCommittedFilesIsNotedWithoutTheWorkTreeToo) {
  git_.Write("work/.gitattributes", "*.bin filter=lfs -text\n");
  git_.Write("work/x.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n");
  git_.CommitAll("work", "lfs");
  git_.Git("", {"clone", "-q", "--bare", "work", "origin.git"});
  git_.Git("work", {"remote", "add", "origin", git_.Path("origin.git")});
  git_.Git("work", {"config", "core.eol", "crlf"});
  git_.Write("work/a", "not sent\n");
  for (const SnapshotFrom from : {SnapshotFrom::kHead, SnapshotFrom::kPushed}) {
    const auto snapshot = Take("work", From(from));
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_EQ(snapshot->from, from);
    EXPECT_EQ(snapshot->worktree_commit, "");
    EXPECT_THAT(snapshot->notes, Contains(HasSubstr("kept in Git LFS (x.bin)")));
    EXPECT_THAT(snapshot->notes, Contains(HasSubstr("core.eol is crlf")));
  }
}

TEST_F(SnapshotTest, ThePersonIsToldEveryNote) {
  for (int i = 0; i < 70; ++i) {
    ASSERT_TRUE(MakeDirectories(git_.Path("work/nested" + std::to_string(i) + "/.git")).ok());
  }
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, SizeIs(70));
}

}  // namespace
}  // namespace handoff
