// Checkpoints of workspaces whose agent did its worst: the files are kept, nothing is believed, and
// what is missing is said.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "tests/integration/repo/checkpoint_fixture.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class HostileCheckpointTest : public CheckpointTest {
 protected:
  HostileCheckpointTest() { Start(); }

  void ReplaceWithFifo(const std::string& path) {
    git_.Remove(In(path));
    ASSERT_EQ(::mkfifo(git_.Path(In(path)).c_str(), 0600), 0);
  }
  // The files are kept, standing on what was submitted, whatever became of .git.
  void ExpectFilesAreKept(const CheckpointResult& checkpoint) {
    EXPECT_EQ(checkpoint.head_commit, base_);
    git_.Remove("b");
    const PrepareRequest there = RestoreOn("b", checkpoint);
    Restore(there);
    EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
    EXPECT_EQ(git_.Git(there.workspace, {"rev-parse", "HEAD"}), base_ + "\n");
  }
};

TEST_F(HostileCheckpointTest, AnIndexThatIsNoneIsNamed) {
  git_.Write(In("forced.log"), "ignored but committed\n");
  git_.Git(workspace_, {"add", "-f", "forced.log"});
  git_.Git(workspace_, {"commit", "-q", "-m", "Force"});
  for (const int how : {0, 1, 2, 3}) {
    if (how == 0) ReplaceWithFifo(".git/index");
    if (how == 1) Replace(".git/index", "/etc/passwd");
    if (how == 2) git_.Remove(In(".git/index"));
    if (how == 3) git_.Write(In(".git/index"), std::string("DIRC\0\0\0\2\xff\xff\xff\xff", 12));
    const CheckpointResult checkpoint = Take();
    EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("the index cannot be read"))) << how;
    // What HEAD tracks counts although it is ignored.
    EXPECT_THAT(Paths(checkpoint.commit), HasSubstr("forced.log"));
    EXPECT_FALSE(git_.GitSucceeds(here_.store, {"rev-parse", "-q", checkpoint.commit + "^2"}));
  }
}

TEST_F(HostileCheckpointTest, AnIndexOfObjectsThatAreNotThereIsNamed) {
  git_.Write(In("changed"), "more\n");
  git_.Git(workspace_,
           {"update-index", "--add", "--cacheinfo", "100644," + std::string(40, 'a') + ",absent"});
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("an object that is not there: absent")));
  EXPECT_THAT(Paths(checkpoint.commit), Not(HasSubstr("absent")));
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), " M changed\n");
}

TEST_F(HostileCheckpointTest, WithoutAnythingOfGitTheFilesAreKept) {
  git_.Write(In("new"), "new\n");
  git_.Remove(In("kept"));
  git_.Remove(In(".git"));
  const CheckpointResult gone = Take();
  EXPECT_THAT(gone.notes, Contains(HasSubstr("HEAD cannot be read")));
  ExpectFilesAreKept(gone);
  git_.Link(In(".git"), git_.Path("origin/.git"));
  git_.Write("origin/secret", "of another repository\n");
  git_.CommitAll("origin", "not this one's");
  ExpectFilesAreKept(Take());
}

TEST_F(HostileCheckpointTest, FifosAndLinksInGitAreSentencesNotTraps) {
  git_.Write(In("new"), "new\n");
  ReplaceWithFifo(".git/objects/pack/pack-1.idx");
  CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("pack-1.idx is neither a file nor")));
  ExpectFilesAreKept(checkpoint);
  git_.Remove(In(".git/objects/pack/pack-1.idx"));
  ReplaceWithFifo(".git/HEAD");
  checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr(".git/HEAD is a FIFO")));
  ExpectFilesAreKept(checkpoint);
  git_.Remove(In(".git/HEAD"));
  git_.Write(In(".git/HEAD"), "ref: refs/heads/../../../../etc/passwd\n");
  ExpectFilesAreKept(Take());
  Replace(".git/objects", "/");
  ExpectFilesAreKept(Take());
}

TEST_F(HostileCheckpointTest, DamagedHistoryCostsHistoryNotFiles) {
  git_.Write(In("new"), "new\n");
  git_.CommitAll(workspace_, "mine");
  const std::string blob = git_.Git(workspace_, {"rev-parse", "HEAD:new"}).substr(0, 40);
  const std::string head = git_.Git(workspace_, {"rev-parse", "HEAD"}).substr(0, 40);
  const auto object = [](const std::string& id) {
    return absl::StrCat(".git/objects/", id.substr(0, 2), "/", id.substr(2));
  };
  // Another's content under the name of one that no file has any more: found only by hashing it.
  git_.Write(In("new"), "newer\n");
  git_.Write("forged", "forged\n");
  const std::string forged =
      git_.Git(workspace_, {"hash-object", "-w", git_.Path("forged")}).substr(0, 40);
  git_.Write(In("later"), "later\n");
  const std::string bytes = git_.Read(In(object(forged)));
  git_.Remove(In(object(blob)));
  git_.Write(In(object(blob)), bytes);
  CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("the agent's commits cannot be kept")));
  ExpectFilesAreKept(checkpoint);
  EXPECT_EQ(git_.Git(here_.store, {"cat-file", "-p", checkpoint.commit + ":new"}), "newer\n");
  git_.Git(here_.store, {"fsck", "--strict"});
  // An absent one, and one that is no object at all.
  git_.Remove(In(object(blob)));
  ExpectFilesAreKept(Take());
  git_.Remove(In(object(head)));
  git_.Write(In(object(head)), "not zlib");
  ExpectFilesAreKept(Take());
}

TEST_F(HostileCheckpointTest, LinksAndFifosInTheWorkTreeAreNotFollowed) {
  ReplaceWithFifo("changed");
  Replace("kept", "/etc/passwd");
  git_.Remove(In("folder"));
  git_.Link(In("folder"), git_.Path("origin"));
  const CheckpointResult checkpoint = Take();
  EXPECT_EQ(git_.Git(here_.store, {"cat-file", "-p", checkpoint.commit + ":kept"}), "/etc/passwd");
  EXPECT_THAT(checkpoint.notes, Contains("changed is a FIFO, socket or device and left out"));
  EXPECT_THAT(Paths(checkpoint.commit), Not(HasSubstr("folder/")));
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}),
            " D changed\n D folder/file\n T kept\n?? folder\n");
}

TEST_F(HostileCheckpointTest, NothingOfTheAgentsConfigurationIsExecuted) {
  const std::string canary = git_.Path("canary");
  const std::string evil = git_.Path("evil.sh");
  git_.Write("evil.sh", absl::StrCat("#!/bin/sh\ntouch ", canary, "\n"), 0755);
  git_.Write(In(".gitattributes"), "* filter=evil\n");
  git_.Write(
      In(".git/config"),
      absl::StrCat("[core]\n\tfsmonitor = ", evil, "\n\tworktree = /etc\n[filter \"evil\"]\n",
                   "\tclean = ", evil, "\n[include]\n\tpath = /dev/tty\n"));
  git_.Write(In(".git/info/alternates"), "/etc\n");
  git_.Write(In("changed"), "one\n");
  EXPECT_THAT(Take().notes, IsEmpty());
  EXPECT_FALSE(PathExists(canary));
}

TEST_F(HostileCheckpointTest, AFileThatGrowsAllTheTimeIsUnstable) {
  // Far longer to read than the tick of the file system's clock, and written all the while.
  git_.Write(In("growing"), std::string(48 << 20, 'x'));
  const auto fd = OpenFile(git_.Path(In("growing")), O_WRONLY);
  ASSERT_TRUE(fd.ok());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (uint64_t i = 0; !done; ++i) {
      if (!PWriteAll(fd->get(), std::to_string(i), i % 1000).ok()) return;
    }
  });
  const CheckpointResult checkpoint = Take();
  done = true;
  writer.join();
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("growing is left out (unstable")));
  EXPECT_THAT(Paths(checkpoint.commit), Not(HasSubstr("growing")));
}

TEST_F(HostileCheckpointTest, ARepositoryInsideIsNamedAndLeftOut) {
  git_.Init(In("nested"));
  git_.Write(In("nested/file"), "x\n");
  git_.CommitAll(In("nested"), "of its own");
  CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, ElementsAre("nested/ is a repository of its own and left out"));
  EXPECT_THAT(Paths(checkpoint.commit), Not(HasSubstr("nested")));
  git_.Git(workspace_, {"-c", "advice.addEmbeddedRepo=false", "add", "nested"});
  checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("nested was made by the agent")));
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), "A  nested\n");
}

class SubmoduleCheckpointTest : public CheckpointTest {
 protected:
  SubmoduleCheckpointTest() {
    git_.Init("library");
    git_.Write("library/lib.c", "int lib;\n");
    first_ = git_.CommitAll("library", "lib");
    git_.Write("library/lib.c", "int lib = 2;\n");
    second_ = git_.CommitAll("library", "newer");
    git_.Git("origin", {"submodule", "add", "-q", git_.Path("library"), "library"});
    git_.Git("origin/library", {"checkout", "-q", first_});
    base_ = git_.CommitAll("origin", "with a submodule");
    Start();
  }
  std::string first_, second_;
};

TEST_F(SubmoduleCheckpointTest, ItIsRecordedWhereItStandsWhenItsOriginHasThat) {
  EXPECT_THAT(Take().notes, IsEmpty());
  git_.Git(In("library"), {"checkout", "-q", second_});
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, IsEmpty());
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Read(there.workspace + "/library/lib.c"), "int lib = 2;\n");
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), " M library\n");
}

TEST_F(SubmoduleCheckpointTest, WhatOnlyTheWorkspaceHasOfItIsNamed) {
  git_.Write(In("library/lib.c"), "int more;\n");
  git_.CommitAll(In("library"), "unpublished");
  git_.Write(In("library/new"), "uncommitted\n");
  git_.Git(workspace_, {"commit", "-q", "-a", "-m", "Move the submodule"});
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, ElementsAre("changes in the submodule library are left out: new",
                                            testing::AllOf(HasSubstr("which is not at its origin"),
                                                           HasSubstr(first_.substr(0, 10)))));
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Read(there.workspace + "/library/lib.c"), "int lib;\n");
}

TEST_F(SubmoduleCheckpointTest, OneThatTheAgentMadeIsBroughtOrNamed) {
  git_.Init("extra");
  git_.Write("extra/e", "extra\n");
  git_.CommitAll("extra", "extra");
  git_.Git(workspace_, {"submodule", "add", "-q", git_.Path("extra"), "extra"});
  git_.Git(workspace_, {"commit", "-q", "-m", "A submodule of the agent's"});
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("extra was made by the agent")));
  Restore(RestoreOn("b", checkpoint));
  EXPECT_EQ(git_.Read("b/workspaces/20260101-x/repo/extra/e"), "extra\n");
  git_.Remove("extra");
  const PrepareRequest there = RestoreOn("c", checkpoint);
  EXPECT_THAT(Restore(there).notes,
              ElementsAre(HasSubstr("submodule extra of the checkpoint cannot be brought")));
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), "");
  EXPECT_EQ(git_.Read(there.workspace + "/library/lib.c"), "int lib;\n");
  // One that was submitted has to be there.
  git_.Remove("library");
  EXPECT_EQ(client_.Prepare(RestoreOn("d", checkpoint), -1, nullptr).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(SubmoduleCheckpointTest, OneThatCannotBeReadAndOneThatIsAFolderNow) {
  git_.Remove(In("library/.git"));
  git_.Write(In("library/lib.c"), "plain\n");
  CheckpointResult checkpoint = Take();
  EXPECT_THAT(Paths(checkpoint.commit), HasSubstr("library/lib.c"));
  git_.Link(In("library/.git"), "/etc");
  checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("the submodule library cannot be read")));
  EXPECT_THAT(git_.Git(here_.store, {"ls-tree", checkpoint.commit, "library"}), HasSubstr(first_));
}

}  // namespace
}  // namespace handoff
