// Files that are stored in another form than the one in which they lie in a work tree.
#include <fcntl.h>
#include <sys/stat.h>

#include <string>

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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kUtf16("\xff\xfeg\0r\0\xfc\0n\0\n\0", 12);

class ConversionTest : public ::testing::Test {
 protected:
  ConversionTest() : client_(HANDOFF_REPO_PROGRAM) {
    ::setenv("HOME", git_.root().c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    ::unsetenv("XDG_CONFIG_HOME");
    git_.Init("work");
  }

  // A filter as git-crypt is one: what is stored is not what lies here.
  void CommitSecret() {
    git_.Git("work", {"config", "filter.rot.clean", "tr a-z n-za-m"});
    git_.Git("work", {"config", "filter.rot.smudge", "tr a-z n-za-m"});
    git_.Write("work/.gitattributes", "*.safe filter=rot\n");
    git_.Write("work/a.safe", "plain\n");
    git_.Write("work/plain.txt", "text\n");
    git_.CommitAll("work", "with a filter");
  }
  // Its time stamps say no longer that it is as in the index.
  void Touch(const std::string& path) {
    const timespec times[] = {{1000000000, 0}, {1000000000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, git_.Path(path).c_str(), times, 0), 0);
  }
  absl::StatusOr<Snapshot> Take() {
    temps_.push_back(*TempDir::Make("handoff-snapshot-test-"));
    return TakeSnapshot(git_.Path("work"), SnapshotOptions(), temps_.back());
  }
  absl::StatusOr<PrepareResult> Prepare(const Snapshot& snapshot) {
    request_ = RequestFor(snapshot, git_.Path("worker"), "20260101-x");
    return client_.Prepare(request_, -1, nullptr);
  }
  std::string InWorkspace(const std::string& path) {
    return git_.Read(request_.workspace + "/" + path);
  }

  GitSandbox git_;
  RepoClient client_;
  PrepareRequest request_;
  std::vector<TempDir> temps_;
};

TEST_F(ConversionTest, AnUnchangedFileOfAFilterIsUnchanged) {
  CommitSecret();
  Touch("work/a.safe");
  const auto before = git_.GitDirectory("work/.git");
  const auto snapshot = Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->worktree_commit, "");
  EXPECT_EQ(snapshot->modified, 0u);
  EXPECT_THAT(snapshot->notes, ElementsAre(HasSubstr("1 files use the filter 'rot' (a.safe)")));
  EXPECT_EQ(git_.GitDirectory("work/.git"), before);
}

TEST_F(ConversionTest, WhatAFilterHidesIsSentHidden) {
  CommitSecret();
  git_.Write("work/a.safe", "secret\n");
  git_.Write("work/new \"\n.safe", "other\n");
  git_.Write("work/staged.safe", "third\n");
  git_.Git("work", {"add", "staged.safe"});
  const auto snapshot = Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->modified, 1u);
  EXPECT_EQ(snapshot->untracked, 1u);
  EXPECT_THAT(snapshot->notes, ElementsAre(HasSubstr("3 files use the filter 'rot'")));
  const auto prepared = Prepare(*snapshot);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(InWorkspace("a.safe"), "frperg\n");
  EXPECT_EQ(InWorkspace("new \"\n.safe"), "bgure\n");
  EXPECT_EQ(InWorkspace("staged.safe"), "guveq\n");
}

TEST_F(ConversionTest, WhatAFilterCannotHideStays) {
  CommitSecret();
  git_.Git("work", {"config", "filter.rot.clean", "false"});
  git_.Write("work/a.safe", "secret\n");
  git_.Write("work/new.safe", "other\n");
  git_.Write("work/plain.txt", "changed\n");
  const auto snapshot = Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->held_back, ElementsAre(HasSubstr("a.safe: its filter failed"),
                                               HasSubstr("new.safe: its filter failed")));
  EXPECT_EQ(snapshot->modified, 1u);
  EXPECT_EQ(snapshot->untracked, 0u);
  ASSERT_TRUE(Prepare(*snapshot).ok());
  EXPECT_EQ(InWorkspace("a.safe"), "cynva\n");
  EXPECT_FALSE(PathExists(request_.workspace + "/new.safe"));
}

TEST_F(ConversionTest, AFilterWithoutAProgramHereIsNone) {
  git_.Write("work/.gitattributes", "*.safe filter=rot\n");
  git_.CommitAll("work", "attributes");
  git_.Write("work/a.safe", "as it is\n");
  const auto snapshot = Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, IsEmpty());
  ASSERT_TRUE(Prepare(*snapshot).ok());
  EXPECT_EQ(InWorkspace("a.safe"), "as it is\n");
}

TEST_F(ConversionTest, ASubmoduleWithAFilterIsClean) {
  git_.Init("library");
  git_.Write("library/.gitattributes", "*.safe filter=rot\n");
  git_.Write("library/a.safe", "cynva\n");
  git_.CommitAll("library", "lib");
  git_.Git("work", {"submodule", "add", "-q", git_.Path("library"), "library"});
  git_.CommitAll("work", "with a submodule");
  git_.Git("work/library", {"config", "filter.rot.clean", "tr a-z n-za-m"});
  git_.Write("work/library/a.safe", "plain\n");
  EXPECT_TRUE(Take().ok());
  git_.Write("work/library/a.safe", "other\n");
  EXPECT_EQ(Take().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ConversionTest, EncodedTextIsAsGitMakesIt) {
  git_.Write(
      "work/.gitattributes",
      "*.u working-tree-encoding=UTF-16 text\n*.l working-tree-encoding=utf16le-bom eol=crlf\n"
      "*.i working-tree-encoding=ISO-8859-1\n*.8 working-tree-encoding=UTF-8\n");
  git_.Write("work/kept.u", kUtf16);
  git_.Write("work/changed.u", kUtf16);
  git_.Write("work/a.l", std::string("\xff\xfe"
                                     "a\0\r\0\n\0",
                                     8));
  git_.Write("work/a.i", "gr\xfcn\n");
  git_.Write("work/a.8", "gr\xc3\xbcn\n");
  git_.Write("work/empty.u", "");
  git_.CommitAll("work", "encoded");
  ASSERT_EQ(git_.Git("work", {"cat-file", "blob", "HEAD:kept.u"}), "gr\xc3\xbcn\n");
  Touch("work/kept.u");
  git_.Write("work/changed.u", std::string("\xff\xfex\0\n\0", 6));
  git_.Write("work/broken.u", "no mark\n");
  const auto snapshot = Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->modified, 1u);
  EXPECT_EQ(snapshot->untracked, 0u);
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("broken.u: it has no byte order mark")));
  EXPECT_THAT(snapshot->notes, Contains(HasSubstr("3 files have the working-tree-encoding UTF-16 "
                                                  "(changed.u); workers write them in it too")));
  EXPECT_THAT(snapshot->notes, Not(Contains(HasSubstr("a.8"))));
  git_.Remove("work/broken.u");
  const auto prepared = Prepare(*snapshot);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_THAT(prepared->notes, IsEmpty());
  EXPECT_EQ(git_.Tree(request_.workspace), git_.Tree("work"));
  // git itself, which looks at every file again, finds them as they should be.
  git_.Git(request_.workspace, {"update-index", "-q", "--really-refresh"});
  EXPECT_EQ(git_.Git(request_.workspace, {"status", "--porcelain"}), " M changed.u\n");
  git_.Write(request_.workspace.substr(git_.root().size() + 1) + "/kept.u", kUtf16);
  const auto bytes = client_.Facts(FactsFor(request_, snapshot->commit), -1);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  v1::Facts facts;
  ASSERT_TRUE(facts.ParseFromString(*bytes));
  EXPECT_EQ(facts.files_changed(), 0u);
}

TEST_F(ConversionTest, AnEncodingThatWorkersDoNotKnowIsSaidAndRefused) {
  git_.Write("work/.gitattributes", "*.cn working-tree-encoding=ISO-2022-CN-EXT\n");
  git_.Write("work/a.cn", "ascii\n");
  git_.CommitAll("work", "encoded");
  const auto snapshot = Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, ElementsAre(HasSubstr("will refuse this checkout")));
  const auto prepared = Prepare(*snapshot);
  EXPECT_EQ(prepared.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(prepared.status().message()),
              AllOf(HasSubstr("a.cn"), HasSubstr("ISO-2022-CN-EXT"), HasSubstr("Nothing")));
}

// By the attributes of the commit in every folder, not by the settings of this machine.
TEST_F(ConversionTest, AttributesOfFoldersAreFollowed) {
  git_.Write("work/deep/er/.gitattributes", "*.bat text eol=crlf\n");
  git_.Write("work/deep/er/old.bat", "old\r\n");
  git_.Git("work", {"add", "-A"});
  git_.CommitAll("work", "attributes");
  git_.Write("work/deep/er/lf.bat", "lf\n");
  git_.Write("work/deep/er/crlf.bat", "crlf\r\n");
  git_.Write("work/deep/lf.bat", "lf\n");
  const auto snapshot = Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->notes, ElementsAre(HasSubstr("deep/er/lf.bat: the attributes")));
}

}  // namespace
}  // namespace handoff
