// Which workspace an attempt goes on in, and what is made of a checkpoint whose surroundings are
// gone.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/repo/checkpoint_fixture.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class RestoreTest : public CheckpointTest {
 protected:
  // Serves `origin` as it is now, with nothing that no branch leads to.
  void Publish() {
    git_.Remove("served");
    git_.Git("", {"clone", "-q", "--bare", "--no-local", "origin", "served"});
  }
  void StartFromServed() {
    Publish();
    here_ = RequestOn(git_.Path("a"), "20260101-x");
    here_.url = git_.Path("served");
    here_.commit = base_;
    here_.attempt = 1;
    const auto prepared = client_.Prepare(here_, -1, nullptr);
    ASSERT_TRUE(prepared.ok()) << prepared.status();
    workspace_ = "a/workspaces/20260101-x/repo";
  }
};

TEST_F(RestoreTest, AWorkspaceOfTheSameOrALaterAttemptIsKept) {
  Start();
  const CheckpointResult checkpoint = Take();
  git_.Write(In("after"), "later than the checkpoint\n");
  const PrepareRequest next = RestoreOn("a", checkpoint);
  EXPECT_TRUE(Restore(next).reused);
  EXPECT_TRUE(PathExists(git_.Path(In("after"))));
  // Attempt 2 works in it now; the checkpoint of attempt 1 is behind.
  PrepareRequest third = next;
  third.attempt = 3;
  EXPECT_TRUE(Restore(third).reused);
  EXPECT_TRUE(PathExists(git_.Path(In("after"))));
}

TEST_F(RestoreTest, AWorkspaceOfAnEarlierAttemptMakesRoomAndIsKeptInTheStore) {
  Start();
  const CheckpointResult first = Take();
  const PrepareRequest there = RestoreOn("b", first);
  Restore(there);
  ASSERT_TRUE(WriteFileAtomically(there.workspace + "/second", "of attempt 2\n").ok());
  CheckpointRequest request = Request(first, 2);
  request.workspace = there.workspace;
  request.store = there.store;
  request.mirror = there.mirror;
  const CheckpointResult second = Take(request);
  // Back on host a, where attempt 1 left something that its checkpoint did not have.
  git_.Write(In("late"), "late\n");
  git_.CommitAll(workspace_, "late");
  PrepareRequest back = RestoreOn("a", second);
  back.attempt = 3;
  back.checkpoint_attempt = 2;
  const PrepareResult result = Restore(back);
  EXPECT_FALSE(result.reused);
  EXPECT_THAT(result.notes, IsEmpty());
  EXPECT_EQ(git_.Tree(here_.workspace), git_.Tree(there.workspace));
  EXPECT_EQ(git_.Git(here_.store, {"show", "refs/handoff/20260101-x/displaced-1:late"}), "late\n");
  EXPECT_EQ(
      git_.Git(here_.store, {"log", "-1", "--format=%s", "refs/handoff/20260101-x/displaced-1^1"}),
      "late\n");
  git_.Git(here_.store, {"fsck", "--strict"});
  EXPECT_THAT(*ListDirectory(git_.Path("a/workspaces/20260101-x")), ElementsAre("repo"));
  // Done again for the same attempt: it is there already.
  git_.Write(In("third"), "of attempt 3\n");
  EXPECT_TRUE(Restore(back).reused);
}

TEST_F(RestoreTest, RoomThatWasHalfMadeIsMadeAgain) {
  Start();
  const CheckpointResult checkpoint = Take();
  git_.Write(In("late"), "late\n");
  PrepareRequest again = RestoreOn("a", checkpoint);
  again.rebuild = true;
  const auto displaced = [&] {
    return git_.Git(here_.store, {"show", "refs/handoff/20260101-x/displaced-1:late"});
  };
  for (const char* moment : {"comparing", "listing", "packing", "checking out"}) {
    auto pipe = MakePipe();
    ASSERT_TRUE(pipe.ok());
    const auto killed = client_.Prepare(again, pipe->first.get(), [&](const std::string& text) {
      if (text.starts_with(moment)) pipe->second.Reset();
    });
    // One that was quicker than the cancellation has done its work.
    if (killed.ok()) break;
    EXPECT_EQ(killed.status().code(), absl::StatusCode::kCancelled);
  }
  const PrepareResult result = Restore(again);
  EXPECT_THAT(result.notes, IsEmpty());
  EXPECT_THAT(*ListDirectory(git_.Path("a/workspaces/20260101-x")), ElementsAre("repo"));
  EXPECT_EQ(displaced(), "late\n");
  EXPECT_FALSE(PathExists(git_.Path(In("late"))));
  // Killed when the new workspace was there and nothing was noted yet: it is not displaced in turn.
  git_.Remove("a/stores/20260101-x/prepared");
  EXPECT_TRUE(Restore(again).reused);
  EXPECT_EQ(displaced(), "late\n");
}

TEST_F(RestoreTest, WhatACheckpointCannotHoldIsMovedAside) {
  Start();
  const CheckpointResult checkpoint = Take();
  git_.Init(In("nested"));
  git_.Write(In("nested/file"), "x\n");
  PrepareRequest again = RestoreOn("a", checkpoint);
  again.rebuild = true;
  const PrepareResult result = Restore(again);
  EXPECT_FALSE(result.reused);
  EXPECT_THAT(result.notes, ElementsAre(testing::AllOf(HasSubstr("repo.old-1"),
                                                       HasSubstr("nested/ is a repository"))));
  // The daemon was killed before it heard of that, and asks again.
  const PrepareResult repeated = Restore(again);
  EXPECT_TRUE(repeated.reused);
  EXPECT_EQ(repeated.notes, result.notes);
  PrepareRequest next = RestoreOn("a", checkpoint);
  next.attempt = again.attempt + 1;
  EXPECT_THAT(Restore(next).notes, IsEmpty()) << "another attempt has nothing to do with it";
  EXPECT_EQ(git_.Read(workspace_ + ".old-1/nested/file"), "x\n");
  EXPECT_FALSE(PathExists(git_.Path(In("nested"))));
}

TEST_F(RestoreTest, ARebuiltWorkspaceIsTheCheckpointNotWhatWasThere) {
  Start();
  git_.Write(In("changed"), "at the checkpoint\n");
  const CheckpointResult checkpoint = Take();
  git_.Write(In("changed"), "after it\n");
  PrepareRequest again = RestoreOn("a", checkpoint);
  again.rebuild = true;
  EXPECT_FALSE(Restore(again).reused);
  EXPECT_EQ(git_.Read(In("changed")), "at the checkpoint\n");
  // The rebuilding was done for attempt 2; doing it again must not undo the work of its agent.
  git_.Write(In("changed"), "by the agent\n");
  EXPECT_TRUE(Restore(again).reused);
  EXPECT_EQ(git_.Read(In("changed")), "by the agent\n");
}

TEST_F(RestoreTest, AStoreThatRemembersNoAttemptLearnsItFromACheckpoint) {
  Start();
  git_.Remove("a/stores/20260101-x/prepared-attempt");
  const CheckpointResult checkpoint = Take();
  EXPECT_TRUE(Restore(RestoreOn("a", checkpoint)).reused);
  git_.Remove("a/stores/20260101-x/prepared-attempt");
  PrepareRequest third = RestoreOn("a", checkpoint);
  third.attempt = 3;
  EXPECT_FALSE(Restore(third).reused);
}

TEST_F(RestoreTest, AWorkspaceOfSomebodyElseIsRefused) {
  Start();
  PrepareRequest again = RestoreOn("a", Take());
  again.rebuild = true;
  git_.Write("a/stores/20260101-x/prepared", "20260101-y " + base_ + "\n");
  git_.Remove(In(".git/handoff"));
  EXPECT_EQ(client_.Prepare(again, -1, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(PathExists(git_.Path(In("kept"))));
}

TEST_F(RestoreTest, ABranchThatIsGoneAtOriginIsInThePacks) {
  git_.Git("origin", {"checkout", "-q", "-b", "feature"});
  git_.Write("origin/kept", "on the feature branch\n");
  base_ = git_.CommitAll("origin", "feature");
  git_.Git("origin", {"checkout", "-q", "main"});
  StartFromServed();
  git_.Write(In("changed"), "more\n");
  const CheckpointResult checkpoint = Take();
  const std::string look = Look(here_.workspace);
  git_.Git("origin", {"branch", "-q", "-D", "feature"});
  Publish();
  const PrepareRequest there = RestoreOn("b", checkpoint);
  const PrepareResult restored = Restore(there);
  EXPECT_THAT(restored.notes, IsEmpty());
  EXPECT_EQ(restored.base_commit, base_);
  EXPECT_EQ(git_.Git(there.workspace, {"log", "--format=%s"}), "feature\nfirst\n");
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain"}), " M changed\n");
  EXPECT_EQ(Facts(there), Facts(here_));
}

TEST_F(RestoreTest, AForcePushedBaseCostsTheHistoryNotTheFiles) {
  StartFromServed();
  git_.Write(In("changed"), "committed\n");
  git_.CommitAll(workspace_, "of the agent");
  git_.Write(In("changed"), "uncommitted\n");
  const CheckpointResult checkpoint = Take();
  git_.Git("origin", {"commit", "-q", "--amend", "-m", "another first"});
  Publish();
  const PrepareRequest there = RestoreOn("b", checkpoint);
  const PrepareResult restored = Restore(there);
  EXPECT_THAT(restored.notes, ElementsAre(testing::StartsWith("history unavailable: ")));
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
  EXPECT_EQ(git_.Git(there.workspace, {"log", "--format=%s"}), "History unavailable\n");
  // HEAD's files were all there, so what was not committed still is not.
  EXPECT_EQ(git_.Git(there.workspace, {"status", "--porcelain", "-b"}),
            "## handoff/20260101-x\n M changed\n");
  EXPECT_EQ(restored.base_commit, restored.head_commit);
  FactsRequest facts = FactsFor(there, restored.base_commit);
  facts.worktree_commit = std::string(40, 'a');
  EXPECT_TRUE(client_.Facts(facts, -1).ok());
  // And it goes on from there.
  CheckpointRequest next = Request(checkpoint, 2);
  next.workspace = there.workspace;
  next.store = there.store;
  next.mirror = there.mirror;
  next.base_commit = restored.base_commit;
  const CheckpointResult second = Take(next);
  EXPECT_EQ(second.head_commit, restored.head_commit);
  PrepareRequest further = RestoreOn("c", second);
  Restore(further);
  EXPECT_EQ(Look(further.workspace), Look(there.workspace));
}

TEST_F(RestoreTest, WhatOriginsDefaultBranchGotSinceIsFetched) {
  StartFromServed();
  PrepareRequest older = RequestOn(git_.Path("b"), "20260102-y");
  older.url = here_.url;
  Restore(older);  // the mirror of host b as it was
  git_.Write("origin/newer", "newer\n");
  git_.CommitAll("origin", "newer");
  git_.Git("origin", {"push", "-q", git_.Path("served"), "main"});
  PrepareRequest newer = RequestOn(git_.Path("a"), "20260102-y");
  newer.url = here_.url;
  Restore(newer);
  git_.Git(workspace_, {"pull", "-q", "--ff-only", "origin", "main"});
  git_.Write(In("changed"), "more\n");
  const CheckpointResult checkpoint = Take();
  const PrepareRequest there = RestoreOn("b", checkpoint);
  EXPECT_THAT(Restore(there).notes, IsEmpty());
  EXPECT_EQ(git_.Git(there.workspace, {"log", "--format=%s"}), "newer\nfirst\n");
  EXPECT_EQ(git_.Tree(there.workspace), git_.Tree(here_.workspace));
}

TEST_F(RestoreTest, ASubmissionWithItsPackIsTheGroundOfACheckpoint) {
  ::setenv("HOME", git_.root().c_str(), 1);
  ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
  git_.Git("", {"clone", "-q", "origin", "laptop"});
  git_.Write("laptop/unpushed", "unpushed\n");
  git_.Git("laptop", {"add", "-A"});
  git_.Git("laptop", {"commit", "-q", "-m", "Unpushed"});
  const std::string large(100'000, 'x');
  git_.Write("laptop/changed", "by the person\n" + large);
  git_.Write("laptop/untracked", "by the person\n");
  const TempDir temp = *TempDir::Make("handoff-snapshot-test-");
  const auto snapshot = TakeSnapshot(git_.Path("laptop"), {}, temp);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  here_ = RequestFor(*snapshot, git_.Path("a"), "20260101-x");
  here_.attempt = 1;
  Restore(here_);
  base_ = snapshot->commit;
  workspace_ = "a/workspaces/20260101-x/repo";
  git_.Write(In("agents"), "by the agent\n");
  git_.Remove(In("untracked"));
  const CheckpointResult checkpoint = Take();
  EXPECT_EQ(checkpoint.submitted_commit, snapshot->worktree_commit);
  ASSERT_THAT(checkpoint.packs, SizeIs(1));
  EXPECT_LT(checkpoint.packs[0].bytes, 1000u);
  PrepareRequest there = RestoreOn("b", checkpoint);
  there.url = here_.url;
  there.worktree_commit = here_.worktree_commit;
  there.pack_path = here_.pack_path;
  there.pack_complete = here_.pack_complete;
  EXPECT_EQ(Restore(there).base_commit, base_);
  EXPECT_EQ(Look(there.workspace), Look(here_.workspace));
  EXPECT_EQ(Facts(there), Facts(here_));
  EXPECT_THAT(Facts(there), SizeIs(2));
  // Again on the same host, where the pack is no longer downloaded.
  there.pack_path = git_.Path("gone.pack");
  there.rebuild = true;
  there.attempt = 3;
  EXPECT_FALSE(Restore(there).reused);
}

TEST_F(RestoreTest, FilesThatAreGoneWithTheirBaseAreAnErrorThatNamesOne) {
  StartFromServed();
  git_.Write(In("changed"), "more\n");
  const CheckpointResult checkpoint = Take();
  git_.Remove("origin");
  git_.Init("origin");
  git_.Write("origin/other", "other\n");
  git_.CommitAll("origin", "unrelated");
  Publish();
  const PrepareRequest there = RestoreOn("b", checkpoint);
  const auto result = client_.Prepare(there, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound) << result.status();
  EXPECT_THAT(std::string(result.status().message()),
              testing::AllOf(HasSubstr(base_), HasSubstr("files of the checkpoint")));
  EXPECT_FALSE(PathExists(there.workspace));
}

TEST_F(RestoreTest, ADamagedPackIsRefused) {
  Start();
  git_.Write(In("changed"), "more\n");
  const CheckpointResult checkpoint = Take();
  PrepareRequest there = RestoreOn("b", checkpoint);
  git_.Write("damaged.pack", "PACK nonsense");
  there.checkpoint_packs = {git_.Path("damaged.pack")};
  const auto result = client_.Prepare(there, -1, nullptr);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("a pack of the checkpoint"));
  EXPECT_FALSE(PathExists(there.workspace));
  EXPECT_TRUE(client_.Prepare(RestoreOn("b", checkpoint), -1, nullptr).ok());
}

class SessionTest : public CheckpointTest {
 protected:
  CheckpointRequest SessionRequest(std::vector<std::string> files) {
    CheckpointRequest request = Request();
    request.session_root = git_.Path("session");
    request.session_files = std::move(files);
    return request;
  }
};

TEST_F(SessionTest, ItsFilesAreThereAgain) {
  Start();
  git_.Write("session/projects/-work-x/abc.jsonl", "{}\n");
  git_.Write("session/projects/-work-x/abc/sub.jsonl", "{\"a\":1}\n", 0755);
  git_.Write("session/other", "not asked for\n");
  const CheckpointResult checkpoint =
      Take(SessionRequest({"projects/-work-x/abc/sub.jsonl", "projects/-work-x/abc.jsonl"}));
  EXPECT_THAT(checkpoint.notes, IsEmpty());
  EXPECT_EQ(git_.Git(here_.store, {"rev-parse", "refs/handoff/20260101-x/session-1"}),
            checkpoint.session_tree + "\n");
  git_.Write("b/session/stale", "of an earlier attempt\n");
  Restore(RestoreOn("b", checkpoint));
  EXPECT_THAT(git_.Tree("b/session"),
              ElementsAre(testing::Pair("projects/-work-x/abc.jsonl", "file {}\n"),
                          testing::Pair("projects/-work-x/abc/sub.jsonl", "file {\"a\":1}\n")));
  struct stat info;
  ASSERT_EQ(::stat(git_.Path("b/session").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat(git_.Path("b/session/projects/-work-x/abc.jsonl").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // Also where the workspace is kept.
  PrepareRequest kept = RestoreOn("a", checkpoint);
  EXPECT_TRUE(Restore(kept).reused);
  EXPECT_THAT(git_.Tree("a/session"), SizeIs(2));
}

TEST_F(SessionTest, WhatIsNoFileOfItIsLeftOutAndNamed) {
  Start();
  git_.Write("session/good", "good\n");
  git_.Write("session/large", std::string(2000, 'x'));
  git_.Write("secret", "secret\n");
  git_.Link("session/link", git_.Path("secret"));
  git_.Link("session/out", git_.root());
  ASSERT_EQ(::mkfifo(git_.Path("session/pipe").c_str(), 0600), 0);
  CheckpointRequest request =
      SessionRequest({"absent", "../secret", "good", "large", "link", "out/secret", "pipe"});
  request.max_file_bytes = 1000;
  const CheckpointResult checkpoint = Take(request);
  EXPECT_THAT(checkpoint.notes, SizeIs(6));
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("the session's file absent is left out")));
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("large has 2.0 kB")));
  EXPECT_EQ(git_.Git(here_.store, {"ls-tree", "-r", "--name-only", checkpoint.session_tree}),
            "good\n");
  EXPECT_EQ(Take(SessionRequest({"absent"})).session_tree, "");
}

TEST_F(SessionTest, ATreeThatLeadsElsewhereIsRefused) {
  Start();
  git_.Write(In("changed"), "more\n");
  CheckpointResult checkpoint = Take();
  git_.Write("blob", "/etc/passwd");
  const std::string blob =
      git_.Git(here_.store, {"hash-object", "-w", git_.Path("blob")}).substr(0, 40);
  for (const std::string head : {"120000 link", "100644 ..", "100644 a/b", "160000 module"}) {
    std::string bytes = head + std::string(1, '\0');
    for (size_t i = 0; i < 40; i += 2) {
      bytes.push_back(static_cast<char>(std::stoi(blob.substr(i, 2), nullptr, 16)));
    }
    git_.Write("tree.raw", bytes);
    PrepareRequest kept = RestoreOn("a", checkpoint);
    kept.session_tree = git_.Git(here_.store, {"hash-object", "-t", "tree", "-w", "--literally",
                                               git_.Path("tree.raw")})
                            .substr(0, 40);
    kept.session_dir = git_.Path("a/session");
    EXPECT_EQ(client_.Prepare(kept, -1, nullptr).status().code(),
              absl::StatusCode::kInvalidArgument)
        << head;
    EXPECT_FALSE(PathExists(kept.session_dir)) << head;
  }
}

}  // namespace
}  // namespace handoff
