// What a person sees in a repository is what the agent sees in the workspace, and the person's
// repository is as before.
#include <sys/stat.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const char* const kBigText =
    "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\neleven\ntwelve\n";

class RoundTrip : public ::testing::Test {
 protected:
  RoundTrip() : client_(HANDOFF_REPO_PROGRAM) {
    // The person's own configuration must not be this machine's.
    ::setenv("HOME", git_.root().c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    ::unsetenv("XDG_CONFIG_HOME");
  }

  // A published repository with one of everything, and a clone of it at "work".
  void MakeOrigin() {
    git_.Init("library");
    git_.Write("library/lib.c", "int lib;\n");
    git_.CommitAll("library", "lib");
    git_.Git("", {"clone", "-q", "--bare", "library", "served/library.git"});
    daemon_ = std::make_unique<GitDaemon>(git_, git_.Path("served"));
    git_.Init("origin");
    git_.Write("origin/.gitignore", "*.o\nbuild/\n");
    git_.Write("origin/.gitattributes", "*.bat eol=crlf\n*.txt text\n*.ident ident\n");
    git_.Write("origin/kept.txt", "kept\n");
    git_.Write("origin/modified.txt", "before\n");
    git_.Write("origin/staged.txt", "before\n");
    git_.Write("origin/both.txt", "before\n");
    git_.Write("origin/deleted.txt", "gone\n");
    git_.Write("origin/renamed-from.txt", kBigText);
    git_.Write("origin/program.sh", "#!/bin/sh\n", 0644);
    git_.Write("origin/windows.bat", "echo\n");
    git_.Write("origin/sparse/far.txt", "far\n");
    git_.Write("origin/src/deep/a.c", "int a;\n");
    git_.Link("origin/link", "kept.txt");
    git_.Git("origin", {"submodule", "add", "-q", daemon_->Url("library.git"), "library"});
    git_.CommitAll("origin", "first");
    git_.Write("origin/kept.txt", "kept again\n");
    git_.CommitAll("origin", "second");
    git_.Git("", {"clone", "-q", "--bare", "origin", "served/origin.git"});
    git_.Git("", {"clone", "-q", "--recurse-submodules", daemon_->Url("origin.git"), "work"});
    git_.Git("work", {"config", "user.name", "Ada"});
    git_.Git("work", {"config", "user.email", "ada@example.com"});
  }

  void MakeDirty() {
    git_.Write("work/committed.txt", "unpushed\n");
    git_.CommitAll("work", "not pushed");
    git_.Git("work", {"update-index", "--skip-worktree", "sparse/far.txt"});
    git_.Remove("work/sparse/far.txt");
    git_.Write("work/modified.txt", "after\n");
    git_.Write("work/staged.txt", "staged\n");
    git_.Git("work", {"add", "staged.txt"});
    git_.Write("work/both.txt", "staged\n");
    git_.Git("work", {"add", "both.txt"});
    git_.Write("work/both.txt", "and more\n");
    git_.Remove("work/deleted.txt");
    git_.Git("work", {"mv", "renamed-from.txt", "renamed-to.txt"});
    git_.Write("work/program.sh", "#!/bin/sh\n", 0755);
    git_.Write("work/untracked dir/new file", "new\n");
    git_.Write("work/untracked dir/tool", "#!/bin/sh\n", 0755);
    git_.Link("work/untracked dir/absolute", "/nonexistent/place");
    git_.Write("work/new.bat", "echo new\r\n");
    git_.Write("work/src/deep/object.o", "ignored");
    git_.Write("work/build/out", "ignored");
    git_.Init("work/nested");
    git_.Write("work/nested/file", "of another repository\n");
    git_.CommitAll("work/nested", "nested");
    git_.Write("work/.cursor/agent-handoffs/20200101-old/handoff.md", "old\n");
    git_.Write("work/.env", "PASSWORD=1\n");
    git_.Write("work/latin\xe4.txt", "not utf-8 by name\n");
  }

  std::string Status(const std::string& where) {
    return git_.Git(where, {"status", "--porcelain", "-uall", "--ignore-submodules=none"});
  }

  absl::StatusOr<Snapshot> Take(const std::string& where, SnapshotOptions options = {}) {
    temps_.push_back(*TempDir::Make("handoff-snapshot-test-"));
    return TakeSnapshot(git_.Path(where), options, temps_.back());
  }

  GitSandbox git_;
  std::unique_ptr<GitDaemon> daemon_;
  RepoClient client_;
  std::vector<TempDir> temps_;
};

TEST_F(RoundTrip, WorkspaceHoldsExactlyWhatThePersonSees) {
  MakeOrigin();
  MakeDirty();
  const std::string status_before = Status("work");
  SnapshotOptions options;
  options.runs_in_directory = true;
  const auto snapshot = Take("work/src/deep", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_FALSE(snapshot->pack_complete);
  EXPECT_EQ(snapshot->commits_ahead, 1);
  EXPECT_EQ(snapshot->directory, "src/deep");
  EXPECT_EQ(snapshot->ref, "main");

  const PrepareRequest request = RequestFor(*snapshot, git_.Path("worker"), "20260101-dirty");
  std::vector<std::string> progress;
  const auto prepared =
      client_.Prepare(request, -1, [&](const std::string& text) { progress.push_back(text); });
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_FALSE(prepared->reused);
  EXPECT_THAT(progress, Contains(HasSubstr("cloning")));
  EXPECT_THAT(progress, Contains(HasSubstr("checking out")));
  EXPECT_THAT(progress, Contains(HasSubstr("submodule library: ")));

  auto expected = git_.Tree("work");
  for (const char* not_sent : {"build/out", "src/deep/object.o", "nested/file", ".env",
                               ".cursor/agent-handoffs/20200101-old/handoff.md"}) {
    ASSERT_EQ(expected.erase(not_sent), 1u) << not_sent;
  }
  expected["sparse/far.txt"] = "file far\n";
  EXPECT_EQ(git_.Tree(request.workspace), expected);

  std::string same_status;
  for (const absl::string_view line : absl::StrSplit(status_before, '\n', absl::SkipEmpty())) {
    if (absl::StrContains(line, "nested/") || absl::StrContains(line, ".env") ||
        absl::StrContains(line, ".cursor/")) {
      continue;
    }
    absl::StrAppend(&same_status, line, "\n");
  }
  EXPECT_EQ(Status(request.workspace), same_status);
  EXPECT_EQ(git_.Git(request.workspace, {"symbolic-ref", "HEAD"}),
            "refs/heads/handoff/20260101-dirty\n");
  EXPECT_EQ(git_.Git(request.workspace, {"rev-parse", "HEAD"}), snapshot->commit + "\n");
  EXPECT_EQ(git_.Git(request.workspace, {"remote", "get-url", "origin"}),
            daemon_->Url("origin.git") + "\n");
  EXPECT_EQ(git_.Git(request.workspace, {"config", "user.email"}), "ada@example.com\n");
  EXPECT_EQ(git_.Git(request.workspace, {"submodule", "status"})[0], ' ');
  git_.Git(request.workspace, {"fsck", "--connectivity-only"});
  EXPECT_EQ(git_.Git(request.store, {"rev-parse", "refs/handoff/20260101-dirty/submitted"}),
            snapshot->worktree_commit + "\n");
}

TEST_F(RoundTrip, WhatStaysHereIsNamed) {
  MakeOrigin();
  MakeDirty();
  ::mkfifo(git_.Path("work/pipe").c_str(), 0600);
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->ignored, ElementsAre("build/", "src/deep/object.o"));
  EXPECT_THAT(snapshot->held_back, ElementsAre(HasSubstr(".env: looks like a secret")));
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("nested/ is a repository of its own")));
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("1 files are outside of your sparse checkout")));
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("pipe is a FIFO")));
  EXPECT_EQ(snapshot->user_name, "Ada");
  EXPECT_EQ(snapshot->modified, 4u);  // modified, staged, both, program.sh
  EXPECT_EQ(snapshot->added, 1u);     // renamed-to
  EXPECT_EQ(snapshot->deleted, 2u);   // deleted, renamed-from
  EXPECT_EQ(snapshot->untracked, 5u);
  EXPECT_EQ(snapshot->staged, 4u);
}

TEST_F(RoundTrip, ThePersonsRepositoryIsAsBefore) {
  MakeOrigin();
  MakeDirty();
  Status("work");  // settles what git itself refreshes
  const auto before = git_.GitDirectory("work/.git");
  const auto files = git_.Tree("work");
  struct stat pack_before, pack_after;
  const std::string some = before.lower_bound("objects/pack/")->first;
  ASSERT_EQ(::stat(git_.Path("work/.git/" + some).c_str(), &pack_before), 0);
  ASSERT_TRUE(Take("work/src").ok());
  EXPECT_EQ(git_.GitDirectory("work/.git"), before);
  EXPECT_EQ(git_.Tree("work"), files);
  ASSERT_EQ(::stat(git_.Path("work/.git/" + some).c_str(), &pack_after), 0);
  EXPECT_EQ(pack_after.st_mtim.tv_sec, pack_before.st_mtim.tv_sec);
}

TEST_F(RoundTrip, TheSameStateIsTheSameSubmission) {
  MakeOrigin();
  MakeDirty();
  const auto first = Take("work");
  const auto second = Take("work");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->worktree_commit, second->worktree_commit);
  EXPECT_EQ(first->pack_sha256, second->pack_sha256);
  EXPECT_EQ(*FileSize(first->pack_path), first->pack_bytes);
}

TEST_F(RoundTrip, AChangeOfOneFileSendsOnlyThat) {
  MakeOrigin();
  git_.Write("work/modified.txt", "after\n");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok());
  EXPECT_FALSE(snapshot->pack_complete);
  EXPECT_LT(snapshot->pack_bytes, 1500u);
  EXPECT_EQ(snapshot->commits_ahead, 0);
}

TEST_F(RoundTrip, ACleanPublishedStateSendsNothing) {
  MakeOrigin();
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ(snapshot->worktree_commit, "");
  EXPECT_EQ(snapshot->pack_path, "");
  const PrepareRequest request = RequestFor(*snapshot, git_.Path("worker"), "20260101-clean");
  ASSERT_TRUE(client_.Prepare(request, -1, nullptr).ok());
  EXPECT_EQ(git_.Tree(request.workspace), git_.Tree("work"));
  EXPECT_EQ(Status(request.workspace), "");
}

TEST_F(RoundTrip, OthersPushedSinceAndStillOnlyTheNewIsSent) {
  MakeOrigin();
  git_.Git("", {"clone", "-q", daemon_->Url("origin.git"), "other"});
  git_.Write("other/theirs.txt", "theirs\n");
  git_.CommitAll("other", "theirs");
  git_.Git("other", {"push", "-q", git_.Path("served/origin.git"), "main"});
  git_.Write("work/modified.txt", "after\n");
  const auto before = git_.GitDirectory("work/.git");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->commits_ahead, 0);
  EXPECT_FALSE(snapshot->pack_complete);
  EXPECT_EQ(git_.GitDirectory("work/.git"), before);
}

TEST_F(RoundTrip, WithoutAnOriginEverythingIsInThePack) {
  git_.Init("work");
  git_.Write("work/a", "1\n");
  const std::string root = git_.CommitAll("work", "first");
  git_.Write("work/a", "2\n");
  git_.CommitAll("work", "second");
  git_.Write("work/a", "3\n");
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(snapshot->pack_complete);
  EXPECT_EQ(snapshot->url, "");
  EXPECT_EQ(snapshot->key, "root:" + root);
  EXPECT_EQ(snapshot->commits_ahead, -1);
  EXPECT_THAT(snapshot->origin_message, HasSubstr("no remote"));
  const PrepareRequest request = RequestFor(*snapshot, git_.Path("worker"), "20260101-local");
  ASSERT_TRUE(client_.Prepare(request, -1, nullptr).ok());
  EXPECT_EQ(git_.Tree(request.workspace), git_.Tree("work"));
  EXPECT_EQ(Status(request.workspace), " M a\n");
  EXPECT_THAT(git_.Git(request.workspace, {"log", "--format=%s"}), "second\nfirst\n");
}

TEST_F(RoundTrip, AnOriginOnThisHostIsNotReliedOn) {
  git_.Init("origin");
  git_.Write("origin/a", "1\n");
  git_.CommitAll("origin", "first");
  git_.Git("", {"clone", "-q", "origin", "work"});
  const auto snapshot = Take("work");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(snapshot->pack_complete);
  EXPECT_EQ(snapshot->commits_ahead, 0);
  SnapshotOptions pushed;
  pushed.from = SnapshotFrom::kPushed;
  const auto published = Take("work", pushed);
  ASSERT_TRUE(published.ok());
  EXPECT_EQ(published->pack_path, "");
}

TEST_F(RoundTrip, FromHeadLeavesTheWorkTreeOut) {
  MakeOrigin();
  MakeDirty();
  SnapshotOptions options;
  options.from = SnapshotFrom::kHead;
  const auto snapshot = Take("work", options);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->worktree_commit, "");
  const PrepareRequest request = RequestFor(*snapshot, git_.Path("worker"), "20260101-head");
  ASSERT_TRUE(client_.Prepare(request, -1, nullptr).ok());
  EXPECT_EQ(Status(request.workspace), "");
  EXPECT_EQ(git_.Read(request.workspace + "/committed.txt"), "unpushed\n");
}

TEST_F(RoundTrip, FromPushedRefusesWhatOriginDoesNotHave) {
  MakeOrigin();
  git_.Write("work/a", "1\n");
  git_.CommitAll("work", "ahead");
  SnapshotOptions options;
  options.from = SnapshotFrom::kPushed;
  const auto snapshot = Take("work", options);
  EXPECT_EQ(snapshot.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(snapshot.status().message()), HasSubstr("1 commits ahead"));
}

}  // namespace
}  // namespace handoff
