// What a submission is refused for before anything is sent, and what only looks like a reason to.
#include <sys/stat.h>
#include <unistd.h>

#include "cli/snapshot/repository.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/snapshot_fixture.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

SnapshotOptions InDirectory(SnapshotFrom from = SnapshotFrom::kWorktree) {
  SnapshotOptions options;
  options.from = from;
  options.runs_in_directory = true;
  return options;
}

SnapshotOptions Include(const std::string& path) {
  SnapshotOptions options;
  options.include = {path};
  return options;
}

// With and without a list of safe directories: libgit2 has different codes for the two.
TEST_F(SnapshotTest, ARepositoryOfAnotherUserIsNotTakenForNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give a folder away";
  ASSERT_EQ(::chown(git_.Path("work").c_str(), 1, 1), 0);
  for (const char* const configuration : {"", "[safe]\n\tdirectory = /elsewhere\n"}) {
    git_.Write(".gitconfig", configuration);
    const auto snapshot = Take("work/folder");
    EXPECT_EQ(snapshot.status().code(), absl::StatusCode::kPermissionDenied) << snapshot.status();
    EXPECT_THAT(Message(snapshot), AllOf(HasSubstr("another user"), HasSubstr("safe.directory")));
    EXPECT_TRUE(absl::IsPermissionDenied(RepositoryName(git_.Path("work")).status()));
  }
  git_.Write(".gitconfig", "[safe]\n\tdirectory = " + git_.Path("work") + "\n");
  EXPECT_TRUE(Take("work").ok());
}

TEST_F(SnapshotTest, AFormatThatIsNotReadIsSaidWithTheWayOut) {
  git_.Git("", {"init", "-q", "--object-format=sha256", "modern"});
  EXPECT_EQ(Take("modern").status().code(), kFailedPrecondition);
  EXPECT_THAT(Message(Take("modern")), AllOf(HasSubstr("SHA-256"), HasSubstr("Nothing was")));
  git_.Git("work", {"update-index", "--split-index"});
  EXPECT_EQ(Take("work").status().code(), kFailedPrecondition);
  EXPECT_THAT(Message(Take("work")), AllOf(HasSubstr("Nothing was sent"), HasSubstr("--from head"),
                                           HasSubstr("--no-split-index")));
  EXPECT_TRUE(Take("work", InDirectory(SnapshotFrom::kHead)).ok());
}

TEST_F(SnapshotTest, AFolderThatTheWorkerHasIsRecorded) {
  const auto committed = Take("work/folder", InDirectory(SnapshotFrom::kHead));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->directory, "folder");
  git_.Write("work/new/deep/file", "x\n");
  const auto snapshot = Take("work/new/deep", InDirectory());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->directory, "new/deep");
  const auto root = Take("work", InDirectory());
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(root->directory, "");
}

TEST_F(SnapshotTest, AFolderThatTheWorkerWouldNotHaveIsRefusedByName) {
  git_.Write("work/.gitignore", "build/\n");
  git_.Write("work/build/x/out", "ignored\n");
  git_.Write("work/private/.env", "held back\n");
  git_.Write("work/new/file", "sent\n");
  ASSERT_TRUE(MakeDirectories(git_.Path("work/empty")).ok());
  for (const std::string folder : {"build/x", "private", "empty", ".git/refs", ".git"}) {
    const auto snapshot = Take("work/" + folder, InDirectory());
    EXPECT_EQ(snapshot.status().code(), kFailedPrecondition) << folder;
    EXPECT_THAT(Message(snapshot),
                AllOf(HasSubstr("the folder " + folder + ":"), HasSubstr("Nothing was sent")));
  }
  EXPECT_THAT(Message(Take("work/new", InDirectory(SnapshotFrom::kHead))),
              HasSubstr("no file in it is committed"));
  SnapshotOptions included = InDirectory();
  included.include = {"out"};
  EXPECT_TRUE(Take("work/build/x", included).ok());
}

TEST_F(SnapshotTest, AnAgentThatSeesTheWholeRepositoryNeedsNoFolder) {
  ASSERT_TRUE(MakeDirectories(git_.Path("work/empty")).ok());
  const auto snapshot = Take("work/empty");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->directory, "");
}

TEST_F(SnapshotTest, AFolderWhoseNameIsNoTextIsRefused) {
  git_.Write("work/la\xe4t/file", "x\n");
  const auto snapshot = Take("work/la\xe4t", InDirectory());
  EXPECT_EQ(snapshot.status().code(), kFailedPrecondition);
  EXPECT_THAT(Message(snapshot), AllOf(HasSubstr("la\\xe4t"), HasSubstr("not UTF-8")));
}

TEST_F(SnapshotTest, AnIncludeIsFoundFromHereFromTheRootAndByItsFullPath) {
  git_.Write("work/.env", "PASSWORD=1\n");
  git_.Link("alias", git_.Path("work"));
  for (const std::string& path :
       {std::string("../.env"), std::string(".env"), std::string("./../folder/../.env"),
        git_.Path("work/.env"), git_.Path("alias/.env")}) {
    const auto snapshot = Take("work/folder", Include(path));
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_THAT(snapshot->held_back, IsEmpty()) << path;
    EXPECT_EQ(snapshot->untracked, 1u) << path;
  }
}

TEST_F(SnapshotTest, AnIncludeThatMatchesNothingIsRefused) {
  git_.Write("secret.txt", "not in the repository\n");
  for (const std::string path : {"nothere", "../nothere", "folder/.env", ""}) {
    const auto snapshot = Take("work/folder", Include(path));
    EXPECT_EQ(snapshot.status().code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_THAT(Message(snapshot), AllOf(HasSubstr("--include"), HasSubstr("nothing was sent")));
  }
  EXPECT_THAT(Message(Take("work", Include("../secret.txt"))), HasSubstr("not in the work tree"));
  EXPECT_THAT(Message(Take("work", Include(".git/config"))), HasSubstr("not in the work tree"));
  EXPECT_THAT(Message(Take("work", Include("."))), HasSubstr("names the whole work tree"));
}

TEST_F(ShallowTest, ALinkedWorkTreeOfAShallowCloneIsOneToo) {
  git_.Git("shallow", {"worktree", "add", "-q", "-b", "topic", git_.Path("linked")});
  git_.Write("linked/a", "committed\n");
  git_.CommitAll("linked", "ahead");
  const auto snapshot = Take("linked");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->commits_ahead, 1);
  EXPECT_FALSE(snapshot->pack_complete);
  EXPECT_THAT(snapshot->notes, IsEmpty());
  EXPECT_EQ(git_.Tree(Prepare(*snapshot)), git_.Tree("linked"));
}

}  // namespace
}  // namespace handoff
