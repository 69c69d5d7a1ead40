// Whatever an agent leaves in a workspace is there again on a host that has the packs alone.
#include <fcntl.h>
#include <sys/stat.h>

#include "common/hash.h"
#include "tests/integration/repo/checkpoint_fixture.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(CheckpointTest, TheWholeStateIsThereAgainOnAnotherHost) {
  Start();
  git_.Write(In("committed"), "a\nb\n");
  git_.Write(In("forced.log"), "ignored but committed\n");
  git_.Git(workspace_, {"add", "-f", "committed", "forced.log"});
  git_.Git(workspace_, {"commit", "-q", "-m", "Of the agent"});
  git_.Git(workspace_, {"rm", "-q", "deleted"});
  git_.Write(In("changed"), "staged\n");
  git_.Git(workspace_, {"add", "changed"});
  git_.Write(In("changed"), "staged\nand more\n");
  git_.Write(In("staged only"), "staged\n");
  git_.Git(workspace_, {"add", "staged only"});
  git_.Remove(In("staged only"));
  git_.Remove(In("folder"));
  git_.Write(In("kept"), "kept\n", 0755);
  git_.Write(In("new/with\nnewline"), "new\n");
  git_.Write(In("new/not utf-8 \xff"), "new\n");
  git_.Write(In("noise.log"), "ignored\n");
  git_.Write(In(".cursor/agent-handoffs/20260101-x/handoff.md"), "ours\n");
  Replace("link", "changed");
  git_.Link(In("dangling"), "/nowhere");
  const CheckpointResult checkpoint = Take();
  EXPECT_EQ(checkpoint.branch, "handoff/20260101-x");
  EXPECT_EQ(checkpoint.head_commit + "\n", git_.Git(workspace_, {"rev-parse", "HEAD"}));
  EXPECT_EQ(checkpoint.submitted_commit, base_);
  EXPECT_THAT(checkpoint.notes, IsEmpty());
  ASSERT_THAT(checkpoint.packs, SizeIs(1));
  EXPECT_EQ(git_.Git(here_.store, {"rev-parse", "refs/handoff/20260101-x/attempt-1"}),
            checkpoint.commit + "\n");
  EXPECT_THAT(git_.Git(here_.store, {"cat-file", "-p", checkpoint.commit}),
              HasSubstr("Handoff: 20260101-x"));

  const PrepareRequest there = RestoreOn("b", checkpoint);
  const PrepareResult restored = Restore(there);
  EXPECT_FALSE(restored.reused);
  EXPECT_THAT(restored.notes, IsEmpty());
  EXPECT_EQ(restored.base_commit, base_);
  EXPECT_EQ(restored.head_commit, checkpoint.head_commit);
  EXPECT_EQ(Look(there.workspace), Look(here_.workspace));
  auto before = git_.Tree(here_.workspace);
  before.erase("noise.log");
  before.erase(".cursor/agent-handoffs/20260101-x/handoff.md");
  EXPECT_EQ(git_.Tree(there.workspace), before);
  EXPECT_EQ(Facts(there), Facts(here_));
  EXPECT_THAT(Facts(there), Not(IsEmpty()));
  git_.Git(there.workspace, {"fsck", "--strict"});
  // And the same state is the same commit there.
  CheckpointRequest again = Request(2);
  again.workspace = there.workspace;
  again.store = there.store;
  again.mirror = there.mirror;
  EXPECT_EQ(Take(again).commit, checkpoint.commit);
}

TEST_F(CheckpointTest, WhatIsReadIsNotTouched) {
  Start();
  git_.Write(In("changed"), "staged\n");
  git_.Git(workspace_, {"add", "changed"});
  git_.CommitAll(workspace_, "one");
  git_.Write(In("untracked"), "x\n");
  const auto before = git_.GitDirectory(In(".git"));
  const auto files = git_.Tree(here_.workspace);
  Take();
  EXPECT_EQ(git_.GitDirectory(In(".git")), before);
  EXPECT_EQ(git_.Tree(here_.workspace), files);
  EXPECT_THAT(git_.GitDirectory("a/stores/20260101-x"),
              Not(Contains(testing::Key("checkpointing"))));
}

TEST_F(CheckpointTest, TheSameStateTwiceSendsNothing) {
  Start();
  git_.Write(In("changed"), "more\n");
  git_.Write("session/log", "said\n");
  CheckpointRequest request = Request();
  request.session_root = git_.Path("session");
  request.session_files = {"log"};
  const CheckpointResult first = Take(request);
  CheckpointRequest next = Request(first, 2);
  next.session_root = request.session_root;
  next.session_files = request.session_files;
  const CheckpointResult second = Take(next);
  EXPECT_EQ(second.commit, first.commit);
  EXPECT_EQ(second.session_tree, first.session_tree);
  ASSERT_THAT(second.packs, SizeIs(1));
  EXPECT_EQ(second.packs[0].sha256, first.packs[0].sha256);
  EXPECT_THAT(git_.Tree("packs"), SizeIs(1));
  EXPECT_EQ(git_.Git(here_.store, {"rev-parse", "refs/handoff/20260101-x/attempt-2"}),
            first.commit + "\n");
  // A session that went on is a change although no file is another.
  git_.Write("session/log", "said\nand more\n");
  EXPECT_THAT(Take(next).packs, SizeIs(2));
}

TEST_F(CheckpointTest, AChainOfThreeIsRestoredFromItsPacks) {
  Start();
  const std::string large(200'000, 'x');
  git_.Write(In("large"), large);
  const CheckpointResult first = Take();
  git_.CommitAll(workspace_, "second");
  git_.Write(In("changed"), "more\n");
  const CheckpointResult second = Take(Request(first));
  git_.Remove(In("kept"));
  git_.Git(workspace_, {"add", "-A"});
  const CheckpointResult third = Take(Request(second));
  ASSERT_THAT(third.packs, SizeIs(3));
  EXPECT_EQ(third.packs[0].sha256, first.packs[0].sha256);
  EXPECT_EQ(third.packs[1].sha256, second.packs[1].sha256);
  EXPECT_EQ(*FileSize(PackPath(third.packs[2])), third.packs[2].bytes);
  const PrepareRequest there = RestoreOn("b", third);
  Restore(there);
  EXPECT_EQ(Look(there.workspace), Look(here_.workspace));
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
  git_.Remove("b");
  PrepareRequest part = RestoreOn("b", third);
  part.checkpoint_packs.erase(part.checkpoint_packs.begin());
  EXPECT_FALSE(client_.Prepare(part, -1, nullptr).ok());
}

TEST_F(CheckpointTest, ManyPacksBecomeOneThatIsEnough) {
  Start();
  git_.Write(In("early"), "early\n");
  const CheckpointResult first = Take();
  CheckpointRequest request = Request(first);
  for (char c = 0; request.stored_packs.size() < 32; ++c) {
    request.stored_packs.push_back({std::string(64, static_cast<char>('a' + c % 6)), 100});
  }
  git_.Write(In("late"), "late\n");
  const CheckpointResult one = Take(request);
  ASSERT_THAT(one.packs, SizeIs(1));
  const PrepareRequest there = RestoreOn("b", one);
  Restore(there);
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
  request.stored_packs.pop_back();
  git_.Write(In("later"), "later\n");
  EXPECT_THAT(Take(request).packs, SizeIs(32));
}

TEST_F(CheckpointTest, ADetachedHeadStaysDetached) {
  Start();
  git_.Git(workspace_, {"checkout", "-q", "--detach"});
  git_.Write(In("changed"), "more\n");
  git_.CommitAll(workspace_, "on no branch");
  const CheckpointResult checkpoint = Take();
  EXPECT_EQ(checkpoint.branch, "");
  const PrepareRequest there = RestoreOn("b", checkpoint);
  EXPECT_EQ(Restore(there).head_commit, checkpoint.head_commit);
  EXPECT_FALSE(git_.GitSucceeds(there.workspace, {"symbolic-ref", "HEAD"}));
  EXPECT_EQ(Look(there.workspace), Look(here_.workspace));
}

TEST_F(CheckpointTest, ABranchWithoutACommitStaysOne) {
  Start();
  git_.Git(workspace_, {"checkout", "-q", "--orphan", "fresh"});
  git_.Git(workspace_, {"rm", "-q", "-r", "--cached", "."});
  git_.Write(In("changed"), "more\n");
  const CheckpointResult checkpoint = Take();
  EXPECT_EQ(checkpoint.branch, "fresh");
  EXPECT_EQ(checkpoint.head_commit, "");
  const PrepareRequest there = RestoreOn("b", checkpoint);
  EXPECT_EQ(Restore(there).head_commit, "");
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain", "-b"}),
            git_.Git(here_.workspace, {"status", "--porcelain", "-b"}));
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
  EXPECT_EQ(Facts(there), Facts(here_));
}

TEST_F(CheckpointTest, ARebaseInProgressIsNamedAndItsFilesAreThere) {
  Start();
  git_.Write(In("changed"), "agent\n");
  git_.CommitAll(workspace_, "agent");
  git_.Git(workspace_, {"checkout", "-q", "-b", "other", base_});
  git_.Write(In("changed"), "other\n");
  git_.CommitAll(workspace_, "other");
  EXPECT_FALSE(git_.GitSucceeds(workspace_, {"rebase", "handoff/20260101-x"}));
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes,
              Contains("a rebase was in progress; its state is not in the checkpoint, the files "
                       "are"));
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("the index has conflicts")));
  EXPECT_EQ(checkpoint.branch, "");
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
  EXPECT_THAT(git_.Read(there.workspace + "/changed"), HasSubstr("<<<<<<<"));
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), " M changed\n");
}

TEST_F(CheckpointTest, AConflictInAFileThatIsIgnoredIsKept) {
  Start();
  for (const char* side : {"left", "right"}) {
    git_.Git(workspace_, {"checkout", "-q", "-b", side, base_});
    git_.Write(In("x.log"), side);
    git_.Git(workspace_, {"add", "-f", "x.log"});
    git_.Git(workspace_, {"commit", "-q", "-m", side});
  }
  EXPECT_FALSE(git_.GitSucceeds(workspace_, {"merge", "-q", "left"}));
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("a merge was in progress")));
  EXPECT_THAT(Paths(checkpoint.commit), HasSubstr("x.log"));
}

TEST_F(CheckpointTest, ALockedIndexIsReadAllTheSame) {
  Start();
  git_.Write(In("changed"), "staged\n");
  git_.Git(workspace_, {"add", "changed"});
  git_.Write(In(".git/index.lock"), "");
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(checkpoint.notes, IsEmpty());
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), "M  changed\n");
}

TEST_F(CheckpointTest, TenThousandUntrackedFilesAreKept) {
  Start();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(MakeDirectories(git_.Path(In(absl::StrCat("many/", i)))).ok());
    for (int j = 0; j < 100; ++j) {
      const auto fd = OpenFile(git_.Path(In(absl::StrCat("many/", i, "/", j))), O_WRONLY | O_CREAT);
      ASSERT_TRUE(fd.ok() && WriteAll(fd->get(), absl::StrCat(i, " ", j)).ok());
    }
  }
  const CheckpointResult first = Take();
  EXPECT_THAT(first.notes, IsEmpty());
  git_.Write(In("many/1/1"), "changed\n");
  const CheckpointResult second = Take(Request(first));
  ASSERT_THAT(second.packs, SizeIs(2));
  // One file, the trees above it, and the commit.
  EXPECT_LT(second.packs[1].bytes, 16'000u);
  const PrepareRequest there = RestoreOn("b", second);
  Restore(there);
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
}

TEST_F(CheckpointTest, AnUnmodifiedFileIsTheSameBlobWhateverItsLineEndings) {
  Start();
  EXPECT_EQ(git_.Read(In("windows.bat")), "echo\r\n");
  git_.Write(In("agents.bat"), "echo\r\n");
  git_.Git(workspace_, {"add", "agents.bat"});
  git_.Git(workspace_, {"commit", "-q", "-m", "Of the agent"});
  // Without what stat said, so that it is read and converted.
  git_.Remove("a/stores/20260101-x/base-index");
  const CheckpointResult checkpoint = Take();
  EXPECT_EQ(git_.Git(here_.store, {"rev-parse", checkpoint.commit + "^{tree}"}),
            git_.Git(workspace_, {"rev-parse", "HEAD^{tree}"}));
}

TEST_F(CheckpointTest, OurOwnFolderIsNoWorkEvenWhenItIsTracked) {
  Start();
  git_.Write(In(".cursor/agent-handoffs/20260101-x/handoff.md"), "ours\n");
  git_.Write(In(".cursor/rules"), "theirs\n");
  git_.Git(workspace_, {"add", "-f", ".cursor"});
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(Paths(checkpoint.commit), Not(HasSubstr("handoff.md")));
  EXPECT_THAT(Paths(checkpoint.commit + "^2"), Not(HasSubstr("handoff.md")));
  EXPECT_THAT(Paths(checkpoint.commit), HasSubstr(".cursor/rules"));
  git_.Git(workspace_, {"commit", "-q", "-m", "All of it"});
  EXPECT_THAT(Paths(Take().commit), Not(HasSubstr("handoff.md")));
}

TEST_F(CheckpointTest, WhatIsTooLargeOrNoFileIsLeftOutAndNamed) {
  Start();
  git_.Write(In("large"), std::string(2000, 'x'));
  git_.Write(In("changed"), std::string(2000, 'x'));
  ASSERT_EQ(::mkfifo(git_.Path(In("pipe")).c_str(), 0600), 0);
  git_.Write(In("git~1"), "a trick\n");
  CheckpointRequest request = Request();
  request.max_file_bytes = 1000;
  const CheckpointResult checkpoint = Take(request);
  EXPECT_THAT(checkpoint.notes,
              ElementsAre("changed is left out (2.0 kB, more than 1.0 kB); the checkpoint has it "
                          "as it is in HEAD",
                          "large is left out (2.0 kB, more than 1.0 kB)",
                          "pipe is a FIFO, socket or device and left out",
                          "git~1 has a name that git does not track, and is left out"));
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), "");
}

TEST_F(CheckpointTest, NotesAreBounded) {
  Start();
  for (int i = 0; i < 70; ++i) {
    git_.Write(In(absl::StrCat(std::string(200, 'n'), "\xff", std::string(50, 'n'), i)), "large");
  }
  CheckpointRequest request = Request();
  request.max_file_bytes = 4;
  const CheckpointResult checkpoint = Take(request);
  ASSERT_THAT(checkpoint.notes, SizeIs(65));
  EXPECT_EQ(checkpoint.notes.back(), "and 6 more");
  for (const std::string& note : checkpoint.notes) EXPECT_LE(note.size(), 300u);
}

TEST_F(CheckpointTest, ATooLargePackIsNotMadeAndTheCommitIsKept) {
  Start();
  std::string noise;  // that does not get smaller
  for (int i = 0; i < 100; ++i) absl::StrAppend(&noise, Sha256Hex(std::to_string(i)));
  git_.Write(In("noise"), noise);
  CheckpointRequest request = Request();
  request.max_pack_bytes = 2000;
  const CheckpointResult checkpoint = Take(request);
  EXPECT_THAT(checkpoint.too_large, HasSubstr("more than 2.0 kB"));
  EXPECT_THAT(checkpoint.packs, IsEmpty());
  EXPECT_THAT(git_.Tree("packs"), IsEmpty());
  EXPECT_THAT(Paths("refs/handoff/20260101-x/attempt-1"), HasSubstr("noise"));
  git_.Git(here_.store, {"fsck", "--strict"});
}

TEST_F(CheckpointTest, OneThatWasKilledIsDoneAgain) {
  Start();
  for (int i = 0; i < 300; ++i) git_.Write(In(absl::StrCat("new/", i)), std::to_string(i));
  for (const char* moment : {"comparing", "reading", "listing", "packing", "unpacking"}) {
    auto pipe = MakePipe();
    ASSERT_TRUE(pipe.ok());
    const auto killed =
        client_.Checkpoint(Request(), pipe->first.get(), [&](const std::string& text) {
          if (text.starts_with(moment)) pipe->second.Reset();
        });
    // One that was quicker than the cancellation has done its work.
    if (!killed.ok()) {
      EXPECT_EQ(killed.status().code(), absl::StatusCode::kCancelled);
    }
  }
  const CheckpointResult checkpoint = Take();
  EXPECT_THAT(git_.Tree("packs"), SizeIs(1));
  EXPECT_FALSE(PathExists(here_.store + "/checkpointing"));
  git_.Git(here_.store, {"fsck", "--strict"});
  const PrepareRequest there = RestoreOn("b", checkpoint);
  Restore(there);
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
}

}  // namespace
}  // namespace handoff
