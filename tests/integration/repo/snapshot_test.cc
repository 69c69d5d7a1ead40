// What a submission carries, and what it refuses or names because it cannot.
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/repo/snapshot_fixture.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(SnapshotTest, NoRepositoryAndNoCommitAreSaid) {
  ASSERT_TRUE(MakeDirectories(git_.Path("plain")).ok());
  EXPECT_EQ(Take("plain").status().code(), absl::StatusCode::kNotFound);
  git_.Init("empty");
  EXPECT_EQ(Take("empty").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(Take("empty")), HasSubstr("no commit yet"));
  git_.Git("", {"clone", "-q", "--bare", "work", "bare.git"});
  EXPECT_THAT(Message(Take("bare.git")), HasSubstr("bare"));
}

TEST_F(SnapshotTest, AnUnfinishedMergeIsRefusedByName) {
  git_.Git("work", {"checkout", "-q", "-b", "other"});
  git_.Write("work/a", "theirs\n");
  git_.CommitAll("work", "theirs");
  git_.Git("work", {"checkout", "-q", "main"});
  git_.Write("work/a", "ours\n");
  git_.CommitAll("work", "ours");
  ASSERT_FALSE(git_.GitSucceeds("work", {"merge", "other"}));
  EXPECT_EQ(Take("work").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(Take("work")), HasSubstr("merge is not finished: a still"));
  SnapshotOptions from_head;
  from_head.from = SnapshotFrom::kHead;
  EXPECT_TRUE(Take("work", from_head).ok());
}

TEST_F(SnapshotTest, ADirtySubmoduleIsRefusedByName) {
  AddSubmodule();
  EXPECT_TRUE(Take("work").ok());
  git_.Write("work/library/lib.c", "int changed;\n");
  EXPECT_EQ(Take("work").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(Take("work")), HasSubstr("submodule library has changes: lib.c (modified)"));
  git_.Git("work/library", {"checkout", "-q", "lib.c"});
  git_.Write("work/library/new", "");
  EXPECT_THAT(Message(Take("work")), HasSubstr("new (untracked)"));
  git_.Git("work", {"config", "submodule.library.ignore", "dirty"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("submodule library has changes")));
}

TEST_F(SnapshotTest, ASubmoduleOnAnotherCommitIsCarriedAndUnpushedOnesAreNoted) {
  AddSubmodule();
  git_.Write("work/library/lib.c", "int more;\n");
  git_.CommitAll("work/library", "not pushed");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes,
              ElementsAre(AllOf(HasSubstr("submodule library stands on"), HasSubstr("push it"))));
  EXPECT_NE(snapshot->worktree_commit, "");
  git_.Git("work/library", {"push", "-q", "origin", "HEAD:refs/heads/topic"});
  const auto pushed = Take("work");
  ASSERT_TRUE(pushed.ok());
  EXPECT_THAT(pushed->notes, IsEmpty());
}

TEST_F(SnapshotTest, IntentToAddIsCarriedAsUntracked) {
  git_.Write("work/soon", "content\n");
  git_.Git("work", {"add", "-N", "soon"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, ElementsAre(HasSubstr("soon: added with --intent-to-add")));
  const std::string workspace = Prepare(*snapshot);
  EXPECT_EQ(git_.Tree(workspace), git_.Tree("work"));
  EXPECT_EQ(git_.Git(workspace, {"status", "--porcelain"}), "?? soon\n");
}

TEST_F(SnapshotTest, AFileThatBecameAFolderAndBackIsCarried) {
  git_.Remove("work/a");
  git_.Write("work/a/inside", "x\n");
  git_.Remove("work/folder");
  git_.Write("work/folder", "now a file\n");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const std::string workspace = Prepare(*snapshot);
  EXPECT_EQ(git_.Tree(workspace), git_.Tree("work"));
  EXPECT_EQ(git_.Git(workspace, {"status", "--porcelain"}),
            git_.Git("work", {"status", "--porcelain"}));
}

TEST_F(SnapshotTest, ALinkedWorkTreeIsARepository) {
  git_.Git("work", {"config", "extensions.worktreeConfig", "true"});
  git_.Git("work", {"worktree", "add", "-q", "-b", "topic", git_.Path("linked")});
  git_.Git("linked", {"config", "--worktree", "some.setting", "1"});
  git_.Write("linked/a", "changed here\n");
  const auto before = git_.GitDirectory("work/.git");
  const auto snapshot = Take("linked/folder");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->ref, "topic");
  EXPECT_EQ(snapshot->root, git_.Path("linked"));
  EXPECT_EQ(snapshot->modified, 1u);
  EXPECT_EQ(git_.Tree(Prepare(*snapshot)), git_.Tree("linked"));
  EXPECT_EQ(git_.GitDirectory("work/.git"), before);
}

TEST_F(SnapshotTest, AWorkTreeOfABareRepositoryIsARepository) {
  git_.Git("", {"clone", "-q", "--bare", "work", "bare.git"});
  git_.Git("bare.git", {"worktree", "add", "-q", git_.Path("linked"), "main"});
  git_.Write("linked/new", "x\n");
  const auto snapshot = Take("linked");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->untracked, 1u);
}

TEST_F(SnapshotTest, ADetachedHeadHasNoRef) {
  git_.Git("work", {"checkout", "-q", "--detach"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ(snapshot->ref, "");
  EXPECT_EQ(snapshot->commit, head_);
}

TEST_F(SnapshotTest, SecretsAndHugeFilesStayUnlessIncluded) {
  git_.Write("work/.gitignore", "*.secret\nout/\n");
  git_.Write("work/folder/.env", "PASSWORD=1\n");
  git_.Write("work/key.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n");
  git_.Write("work/folder/large", std::string(2000, 'x'));
  git_.Write("work/a", std::string(2000, 'y'));
  git_.Write("work/x.secret", "ignored\n");
  git_.Write("work/out/report", "ignored\n");
  SnapshotOptions options;
  options.huge_bytes = 1000;
  auto snapshot = Take("work", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->held_back,
              ElementsAre(HasSubstr("a: 2.0 kB"), HasSubstr("folder/.env: looks like a secret"),
                          HasSubstr("folder/large: 2.0 kB"), HasSubstr("a private key")));
  EXPECT_EQ(git_.Read(Prepare(*snapshot) + "/a"), "one\n");
  options.include = {".env", "large", "a", "key.txt", "x.secret", "out"};
  snapshot = Take("work/folder", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->held_back, IsEmpty());
  EXPECT_EQ(git_.Tree(Prepare(*snapshot, "20260101-y")), git_.Tree("work"));
}

// `git add .` is no decision to send a secret: only what is in HEAD counts as tracked.
TEST_F(SnapshotTest, StagedSecretsAndHugeFilesStayUnlessIncluded) {
  git_.Write("work/.env", "PASSWORD=1\n");
  git_.Write("work/key.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n");
  git_.Write("work/large", std::string(2000, 'x'));
  git_.Write("work/new", "sent\n");
  git_.Git("work", {"add", "-A"});
  git_.Write("work/.env", "PASSWORD=2\n");
  SnapshotOptions options;
  options.huge_bytes = 1000;
  auto snapshot = Take("work", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->held_back,
              ElementsAre(HasSubstr(".env: looks like a secret"), HasSubstr("a private key"),
                          HasSubstr("large: 2.0 kB")));
  const std::string workspace = Prepare(*snapshot);
  EXPECT_EQ(git_.Git(workspace, {"status", "--porcelain"}), "A  new\n");
  options.include = {".env", "key.txt", "large"};
  snapshot = Take("work", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->held_back, IsEmpty());
  EXPECT_EQ(git_.Tree(Prepare(*snapshot, "20260101-y")), git_.Tree("work"));
}

TEST_F(SnapshotTest, ASecretThatIsOnlyIntendedToBeAddedStays) {
  git_.Write("work/.env", "PASSWORD=1\n");
  git_.Git("work", {"add", "-N", ".env"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->held_back, ElementsAre(HasSubstr(".env: looks like a secret")));
  EXPECT_THAT(snapshot->notes, IsEmpty());
  EXPECT_EQ(snapshot->worktree_commit, "");
}

TEST_F(SnapshotTest, FilesAssumedUnchangedAreSentAsInTheIndex) {
  git_.Git("work", {"update-index", "--assume-unchanged", "a", "folder/b"});
  git_.Write("work/a", "for this machine only\n");
  git_.Remove("work/folder/b");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, ElementsAre(HasSubstr("a: assume-unchanged; sent as in the index"),
                                           HasSubstr("folder/b: assume-unchanged")));
  EXPECT_EQ(snapshot->worktree_commit, "");
  EXPECT_EQ(git_.Read(Prepare(*snapshot) + "/a"), "one\n");
}

// Not as a deletion of its files: the agent would find them gone, and commit that.
TEST_F(SnapshotTest, AFolderThatCannotBeReadIsSentAsInTheIndex) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  for (const mode_t mode : {0000, 0100, 0400}) {  // neither listed nor entered; one of them
    ASSERT_EQ(::chmod(git_.Path("work/folder").c_str(), mode), 0);
    const auto snapshot = Take("work");
    ASSERT_EQ(::chmod(git_.Path("work/folder").c_str(), 0700), 0);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_EQ(snapshot->deleted, 0u) << mode;
    EXPECT_THAT(snapshot->notes, ElementsAre(AllOf(HasSubstr("folder/"), HasSubstr("cannot be"),
                                                   HasSubstr("sent as it is in the index"))));
  }
}

TEST_F(SnapshotTest, WhatIsIncludedOfIgnoredFoldersIsSentAndNotNamed) {
  git_.Write("work/.gitignore", "out/\ncache/\n");
  git_.CommitAll("work", "ignore");
  git_.Write("work/out/report", "included\n");
  git_.Write("work/out/linked/.git", "gitdir: elsewhere\n");
  git_.Link("work/out/to-folder", "../folder");
  git_.Link("work/out/to-nothing", "absent");
  git_.Write("work/cache/x", "ignored\n");
  ASSERT_EQ(::chmod(git_.Path("work/cache").c_str(), 0), 0);  // nobody asked for it
  SnapshotOptions options;
  options.include = {"out/"};
  const auto snapshot = Take("work", options);
  ASSERT_EQ(::chmod(git_.Path("work/cache").c_str(), 0700), 0);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->ignored, ElementsAre("cache/"));
  EXPECT_THAT(snapshot->notes, IsEmpty());
  EXPECT_EQ(snapshot->untracked, 3u);
  git_.Remove("work/cache");
  EXPECT_EQ(git_.Tree(Prepare(*snapshot)), git_.Tree("work"));
}

TEST_F(SnapshotTest, AFileAboveTheLimitInMemoryIsCarriedInPieces) {
  git_.Write("work/large", std::string((64 << 20) + 12345, 'x') + "end");
  SnapshotOptions options;
  options.include = {"large"};
  const auto snapshot = Take("work", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(git_.Tree(Prepare(*snapshot)) == git_.Tree("work"));
}

TEST_F(SnapshotTest, TrackedFilesAreNeverTakenForSecrets) {
  git_.Write("work/.env", "DEFAULTS=1\n");
  git_.CommitAll("work", "an .env on purpose");
  git_.Write("work/.env", "DEFAULTS=2\n");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok());
  EXPECT_THAT(snapshot->held_back, IsEmpty());
  EXPECT_EQ(snapshot->modified, 1u);
}

TEST_F(SnapshotTest, BytesThatAFreshCloneWouldNotHaveAreNoted) {
  git_.Write("work/.gitattributes", "*.txt text\n*.ident ident\n");
  git_.CommitAll("work", "attributes");
  git_.Write("work/mixed.txt", "one\r\ntwo\n");
  git_.Write("work/fine.txt", "one\ntwo\n");
  git_.Write("work/v.ident", "$Id$\n");
  git_.Git("work", {"config", "core.autocrlf", "true"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("mixed.txt: the attributes")));
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("v.ident: the attributes")));
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("core.autocrlf")));
  EXPECT_THAT(snapshot->notes, Not(Contains(HasSubstr("fine.txt"))));
}

TEST_F(SnapshotTest, LfsFilesAreNoted) {
  git_.Write("work/.gitattributes", "*.bin filter=lfs -text\n");
  git_.Write("work/x.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n");
  git_.CommitAll("work", "lfs");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok());
  EXPECT_THAT(snapshot->notes, ElementsAre(HasSubstr("1 files are kept in Git LFS (x.bin)")));
}

TEST_F(SnapshotTest, FilesOfEarlierHandoffsAreNeverSent) {
  git_.Write("work/.cursor/agent-handoffs/old/handoff.md", "old\n");
  git_.Write("work/.cursor/rules", "sent\n");
  git_.Git("work", {"add", "-A"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok());
  const std::string workspace = Prepare(*snapshot);
  EXPECT_TRUE(PathExists(workspace + "/.cursor/rules"));
  EXPECT_FALSE(PathExists(workspace + "/.cursor/agent-handoffs"));
}

TEST_F(SnapshotTest, ADryRunMakesNoPackAndCounts) {
  git_.Write("work/new", "x\n");
  SnapshotOptions options;
  options.build_pack = false;
  const auto snapshot = Take("work", options);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ(snapshot->untracked, 1u);
  EXPECT_EQ(snapshot->pack_path, "");
}

TEST_F(SnapshotTest, CredentialsInTheAddressOfOriginStayHere) {
  git_.Git("work", {"remote", "add", "origin", "http://ada:secret@127.0.0.1:1/x.git"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->url, "http://127.0.0.1:1/x.git");
  EXPECT_EQ(snapshot->key, snapshot->url);
  EXPECT_EQ(snapshot->commits_ahead, -1);
  EXPECT_THAT(snapshot->origin_message, AllOf(Not(IsEmpty()), Not(HasSubstr("secret"))));
  EXPECT_TRUE(snapshot->pack_complete);
}

TEST_F(SnapshotTest, AnAddressThatWorkersRefuseIsNotHandedOn) {
  git_.Git("work", {"remote", "add", "origin", "ext::sh -c echo"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->url, "");
  EXPECT_TRUE(snapshot->pack_complete);
  EXPECT_THAT(snapshot->origin_message, HasSubstr("remote helpers"));
}

TEST_F(ShallowTest, AShallowCloneSendsWhatIsNewOnWhatOriginHas) {
  git_.Write("shallow/a", "committed\n");
  git_.CommitAll("shallow", "ahead");
  git_.Write("shallow/a", "dirty\n");
  const auto snapshot = Take("shallow");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->commits_ahead, 1);
  EXPECT_FALSE(snapshot->pack_complete);
  const std::string workspace = Prepare(*snapshot);
  EXPECT_EQ(git_.Tree(workspace), git_.Tree("shallow"));
  EXPECT_EQ(git_.Git(workspace, {"rev-list", "--count", "HEAD"}), "7\n");
}

// A pipeline's checkout: one commit of a branch that somebody pushes to meanwhile.
TEST_F(ShallowTest, WhatOriginsBranchWentPastIsStillPushed) {
  git_.Git("work", {"checkout", "-q", "-b", "feature"});
  git_.Write("work/a", "feature\n");
  const std::string head = git_.CommitAll("work", "feature");
  git_.Git("work", {"push", "-q", git_.Path("served/origin.git"), "feature"});
  for (const std::string depth : {"--depth=1", "--no-single-branch"}) {
    const std::string clone = "clone" + depth;
    git_.Git("", {"clone", "-q", depth, "-b", "feature", daemon_->Url("origin.git"), clone});
    git_.Git(clone, {"checkout", "-q", "--detach"});
    git_.Git(clone, {"update-ref", "-d", "refs/heads/feature"});
  }
  git_.Write("work/a", "more\n");
  git_.CommitAll("work", "more of it");
  git_.Git("work", {"push", "-q", git_.Path("served/origin.git"), "feature"});
  SnapshotOptions options;
  options.from = SnapshotFrom::kPushed;
  for (const std::string clone : {"clone--depth=1", "clone--no-single-branch"}) {
    options.branch.clear();
    const auto before = git_.GitDirectory(clone);
    EXPECT_EQ(Take(clone, options).status().code(), absl::StatusCode::kFailedPrecondition) << clone;
    EXPECT_FALSE(PathExists(temps_.back().path() + "/origin-objects"))
        << "the history of a branch that nobody named";
    options.branch = "feature";
    const auto snapshot = Take(clone, options);
    ASSERT_TRUE(snapshot.ok()) << clone << ": " << snapshot.status();
    EXPECT_EQ(snapshot->commit, head);
    EXPECT_EQ(git_.GitDirectory(clone), before) << "nothing of it was changed";
  }
  options.branch.clear();
  EXPECT_THAT(Message(Take("clone--depth=1", options)),
              AllOf(HasSubstr("shallow clone"), HasSubstr("--unshallow"), Not(HasSubstr("ahead"))));
}

TEST_F(ShallowTest, AShallowCloneWhoseBaseIsGoneIsRefused) {
  git_.Git("served/origin.git", {"update-ref", "refs/heads/main", "main~4"});
  const auto snapshot = Take("shallow");
  EXPECT_EQ(snapshot.status().code(), absl::StatusCode::kFailedPrecondition) << snapshot.status();
  EXPECT_THAT(Message(snapshot), AllOf(HasSubstr("shallow"), HasSubstr("--unshallow")));
  daemon_.reset();
  EXPECT_THAT(Message(Take("shallow")), HasSubstr("could not be asked"));
}

TEST_F(ShallowTest, AFullSubmissionNeedsTheWholeHistory) {
  SnapshotOptions options;
  options.full = true;
  EXPECT_EQ(Take("shallow", options).status().code(), absl::StatusCode::kFailedPrecondition);
  git_.Git("", {"clone", "-q", daemon_->Url("origin.git"), "deep"});
  const auto snapshot = Take("deep", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(snapshot->pack_complete);
  daemon_.reset();
  EXPECT_EQ(git_.Tree(Prepare(*snapshot)), git_.Tree("deep"));
}

}  // namespace
}  // namespace handoff
