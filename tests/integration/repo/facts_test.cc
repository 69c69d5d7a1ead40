// What the worker itself saw, also when the agent did its worst to the repository.
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using FileChange = v1::Facts::FileChange;

class FactsTest : public ::testing::Test {
 protected:
  FactsTest() : client_(HANDOFF_REPO_PROGRAM) {
    git_.Init("library");
    git_.Write("library/lib.c", "int lib;\n");
    git_.CommitAll("library", "lib");
    git_.Init("origin");
    git_.Write("origin/.gitignore", "*.log\n");
    git_.Write("origin/.gitattributes", "*.bat eol=crlf\n");
    git_.Write("origin/kept", "kept\n");
    git_.Write("origin/changed", "one\ntwo\nthree\n");
    git_.Write("origin/deleted", "gone\n");
    git_.Write("origin/windows.bat", "echo\n");
    git_.Link("origin/link", "kept");
    git_.Git("origin", {"submodule", "add", "-q", git_.Path("library"), "library"});
    base_ = git_.CommitAll("origin", "first");
    request_ = RequestOn(git_.Path("worker"), "20260101-x");
    request_.url = git_.Path("origin");
    const auto prepared = client_.Prepare(request_, -1, nullptr);
    EXPECT_TRUE(prepared.ok()) << prepared.status();
    workspace_ = request_.workspace.substr(git_.root().size() + 1);
  }

  absl::StatusOr<v1::Facts> Facts() {
    const auto bytes = client_.Facts(FactsFor(request_, base_), -1);
    if (!bytes.ok()) return bytes.status();
    v1::Facts facts;
    EXPECT_TRUE(facts.ParseFromString(*bytes));
    return facts;
  }
  // "path KIND +added -deleted committed"
  static std::vector<std::string> Lines(const v1::Facts& facts) {
    std::vector<std::string> lines;
    for (const FileChange& file : facts.files()) {
      lines.push_back(absl::StrCat(file.path(), " ", FileChange::Kind_Name(file.kind()), " +",
                                   file.added(), " -", file.deleted(),
                                   file.committed() ? " committed" : ""));
    }
    return lines;
  }
  std::string In(const std::string& path) const { return workspace_ + "/" + path; }
  void Replace(const std::string& path, const std::string& target) {
    git_.Remove(In(path));
    git_.Link(In(path), target);
  }
  void ReplaceWithFifo(const std::string& path) {
    git_.Remove(In(path));
    ASSERT_EQ(::mkfifo(git_.Path(In(path)).c_str(), 0600), 0);
  }
  std::string Message(const absl::StatusOr<v1::Facts>& facts) {
    return std::string(facts.status().message());
  }

  GitSandbox git_;
  RepoClient client_;
  PrepareRequest request_;
  std::string base_, workspace_;
};

TEST_F(FactsTest, NothingDoneIsNothingChanged) {
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->base_commit(), base_);
  EXPECT_EQ(facts->head_commit(), base_);
  EXPECT_EQ(facts->branch(), "handoff/20260101-x");
  EXPECT_EQ(facts->files_changed(), 0u);
  EXPECT_THAT(facts->commits(), IsEmpty());
}

TEST_F(FactsTest, AnIgnoredFileThatChangedAfterItsCommitIsNotCommitted) {
  git_.Write(In("forced.log"), "committed\n");
  git_.Git(workspace_, {"add", "-f", "forced.log"});
  git_.Git(workspace_, {"commit", "-q", "-m", "Force"});
  git_.Write(In("forced.log"), "and more\n");
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(Lines(*facts), ElementsAre("forced.log ADDED +1 -0"));
}

TEST_F(FactsTest, FilesAndCommitsAreToldWithTheirLines) {
  git_.Write(In("committed"), "a\nb\n");
  git_.Git(workspace_, {"add", "committed"});
  git_.Git(workspace_, {"commit", "-q", "-m", "Add committed\n\nbody"});
  git_.Git(workspace_, {"rm", "-q", "deleted"});
  git_.Git(workspace_, {"commit", "-q", "-m", "Remove deleted"});
  git_.Write(In("changed"), "one\n2\nthree\nfour\n");
  git_.Write(In("new/file"), "new\n");
  git_.Write(In("kept"), "kept\n", 0755);
  git_.Write(In("noise.log"), "ignored\n");
  git_.Write(In("forced.log"), "ignored but committed\n");
  git_.Git(workspace_, {"add", "-f", "forced.log"});
  git_.Git(workspace_, {"commit", "-q", "-m", "Force"});
  git_.Write(In("binary"), std::string("\0\1\2", 3));
  git_.Write(In(".cursor/agent-handoffs/20260101-x/handoff.md"), "ours\n");
  Replace("link", "changed");
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(
      Lines(*facts),
      ElementsAre("binary ADDED +0 -0", "changed MODIFIED +2 -1", "committed ADDED +2 -0 committed",
                  "deleted DELETED +0 -1 committed", "forced.log ADDED +1 -0 committed",
                  "kept MODIFIED +0 -0", "link MODIFIED +1 -1", "new/file ADDED +1 -0"));
  EXPECT_EQ(facts->files_changed(), 8u);
  EXPECT_EQ(facts->lines_added(), 7u);
  EXPECT_EQ(facts->lines_deleted(), 3u);
  ASSERT_EQ(facts->commits_size(), 3);
  EXPECT_EQ(facts->commits(0).subject(), "Add committed");
  EXPECT_EQ(facts->commits(2).subject(), "Force");
  EXPECT_EQ(facts->commits(2).id(), facts->head_commit());
}

TEST_F(FactsTest, WhatThePersonHadChangedIsNotTheAgentsWork) {
  git_.Write("origin/changed", "by the person\n");
  git_.Write("origin/untracked", "by the person\n");
  // The state as a submission would carry it: a commit of the work tree on HEAD.
  git_.Git("origin", {"add", "-A"});
  const std::string tree = git_.Git("origin", {"write-tree"}).substr(0, 40);
  const std::string state =
      git_.Git("origin", {"commit-tree", "-p", base_, "-m", "state", tree}).substr(0, 40);
  git_.Git("origin", {"update-ref", "refs/heads/state", state});
  request_ = RequestOn(git_.Path("worker"), "20260102-y");
  request_.url = git_.Path("origin");
  request_.ref = "state";
  ASSERT_TRUE(client_.Prepare(request_, -1, nullptr).ok());  // brings `state` into the mirror
  request_ = RequestOn(git_.Path("worker"), "20260103-z");
  request_.url = git_.Path("origin");
  request_.commit = base_;
  request_.worktree_commit = state;
  const auto prepared = client_.Prepare(request_, -1, nullptr);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  workspace_ = request_.workspace;
  EXPECT_EQ(git_.Git(workspace_, {"status", "--porcelain"}), " M changed\n?? untracked\n");
  auto facts = Facts();
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->files_changed(), 0u);
  git_.CommitAll(workspace_, "the agent commits the person's state");
  facts = Facts();
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->files_changed(), 0u);
  EXPECT_EQ(facts->commits_size(), 1);
}

TEST_F(FactsTest, SubmodulesAndNestedRepositoriesCount) {
  git_.Write(In("library/lib.c"), "int lib;\nint more;\n");
  git_.Init(In("nested"));
  git_.Write(In("nested/file"), "x\n");
  auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(Lines(*facts), ElementsAre("nested/ ADDED +0 -0", "library/lib.c MODIFIED +1 -0"));
  git_.CommitAll(In("library"), "in the submodule");
  facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(Lines(*facts), ElementsAre("nested/ ADDED +0 -0", "library MODIFIED +0 -0",
                                         "library/lib.c MODIFIED +1 -0 committed"));
}

TEST_F(FactsTest, ASubmoduleThatCannotBeReadDoesNotHideTheRest) {
  git_.Write(In("changed"), "more\n");
  git_.Remove(In("library/.git"));
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(Lines(*facts), Contains(StartsWith("changed MODIFIED")));
  EXPECT_THAT(facts->unread(), ElementsAre(StartsWith("submodule library: ")));
}

TEST_F(FactsTest, HiddenByIndexFlagsIsStillSeen) {
  git_.Write(In("changed"), "hidden\n");
  git_.Git(workspace_, {"update-index", "--assume-unchanged", "changed"});
  git_.Write(In("kept"), "hidden\n");
  git_.Git(workspace_, {"update-index", "--skip-worktree", "kept"});
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok());
  EXPECT_THAT(Lines(*facts), ElementsAre("changed MODIFIED +1 -3", "kept MODIFIED +1 -1"));
}

TEST_F(FactsTest, MoreFilesThanAreListedAreCounted) {
  for (int i = 0; i < 600; ++i) git_.Write(In(absl::StrCat("many/", i)), "x\n");
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->files_size(), 500);
  EXPECT_EQ(facts->files_changed(), 600u);
  EXPECT_EQ(facts->lines_added(), 600u);
}

TEST_F(FactsTest, ConfigurationAndHooksOfTheAgentHaveNoEffect) {
  const std::string canary = git_.Path("canary");
  const std::string touch = "#!/bin/sh\ntouch " + canary + "\n";
  git_.Write("evil.sh", touch, 0755);
  const std::string evil = git_.Path("evil.sh");
  for (const char* hook : {"post-index-change", "reference-transaction", "post-checkout"}) {
    git_.Write(In(absl::StrCat(".git/hooks/", hook)), touch, 0755);
  }
  git_.Write(In(".gitattributes"), "* filter=evil diff=evil\n*.bat eol=crlf\n");
  git_.Write(In(".git/config"),
             absl::StrCat("[core]\n\tfsmonitor = ", evil, "\n\tworktree = /etc\n\tsshCommand = ",
                          evil, "\n\texcludesFile = /dev/tty\n[filter \"evil\"]\n\tclean = ", evil,
                          "\n[diff \"evil\"]\n\ttextconv = ", evil, "\n[diff]\n\texternal = ", evil,
                          "\n[include]\n\tpath = /dev/tty\n"));
  git_.Write(In("changed"), "one\n");
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(Lines(*facts),
              ElementsAre(".gitattributes MODIFIED +1 -0", "changed MODIFIED +0 -2"));
  EXPECT_FALSE(PathExists(canary));
}

TEST_F(FactsTest, FifosAndLinksInGitAreSentencesNotTraps) {
  ReplaceWithFifo(".git/index");  // not ours to read
  ASSERT_TRUE(Facts().ok());
  ReplaceWithFifo(".git/objects/pack/pack-1.idx");
  EXPECT_THAT(Message(Facts()), HasSubstr("pack-1.idx is neither a file nor a directory"));
  git_.Remove(In(".git/objects/pack/pack-1.idx"));
  ReplaceWithFifo(".git/HEAD");
  EXPECT_THAT(Message(Facts()), HasSubstr(".git/HEAD is a FIFO"));
  Replace(".git/HEAD", "/etc/passwd");
  EXPECT_THAT(Message(Facts()), HasSubstr(".git/HEAD is a symbolic link"));
  git_.Remove(In(".git/HEAD"));
  git_.Write(In(".git/HEAD"), "ref: refs/heads/../../../../etc/passwd\n");
  EXPECT_THAT(Message(Facts()), HasSubstr("not a branch"));
  Replace(".git/objects", "/");
  git_.Write(In(".git/HEAD"), base_);
  EXPECT_THAT(Message(Facts()), HasSubstr(".git/objects is not a directory"));
  git_.Remove(In(".git"));
  EXPECT_FALSE(Facts().ok());
}

TEST_F(FactsTest, FifosAndLinksInTheWorkTreeAreSentencesNotTraps) {
  ReplaceWithFifo("changed");
  ASSERT_EQ(::mkfifo(git_.Path(In("pipe")).c_str(), 0600), 0);
  Replace("kept", "/dev/zero");
  git_.Link(In("outside"), "/");
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(Lines(*facts), ElementsAre("changed DELETED +0 -3", "kept TYPE_CHANGED +1 -1",
                                         "outside ADDED +1 -0"));
  ReplaceWithFifo(".gitignore");
  EXPECT_THAT(Message(Facts()), HasSubstr(".gitignore is not a regular file"));
  Replace(".gitignore", "/dev/zero");
  EXPECT_THAT(Message(Facts()), HasSubstr(".gitignore is not a regular file"));
}

TEST_F(FactsTest, ASubmoduleExchangedForALinkIsNotFollowed) {
  Replace("library", "/etc");
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  ASSERT_EQ(facts->files_size(), 1);
  EXPECT_EQ(facts->files(0).path(), "library");
}

TEST_F(FactsTest, DepthWithoutEndIsWalkedOrNamed) {
  // Deeper than a path may be long: made step by step, as a hostile program would.
  std::string name(200, 'd');
  ASSERT_EQ(::chdir(git_.Path(workspace_).c_str()), 0);
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(::mkdir(name.c_str(), 0700), 0);
    ASSERT_EQ(::chdir(name.c_str()), 0);
  }
  ASSERT_EQ(::chdir("/"), 0);
  const auto facts = Facts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_LE(facts->files_size(), 1);
}

TEST_F(FactsTest, ADamagedObjectIsAnError) {
  git_.Write(In("new"), "x\n");
  git_.CommitAll(workspace_, "mine");
  const std::string head = git_.Git(workspace_, {"rev-parse", "HEAD"}).substr(0, 40);
  const std::string object = absl::StrCat(".git/objects/", head.substr(0, 2), "/", head.substr(2));
  git_.Remove(In(object));
  git_.Write(In(object), "not zlib");
  EXPECT_FALSE(Facts().ok());
}

}  // namespace
}  // namespace handoff
