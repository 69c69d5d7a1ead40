// The branch of a fetch that somebody else changes between the look at it and the change.
#include "cli/fetched/work_branch.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/git/objects.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

constexpr char kRef[] = "refs/heads/handoff/h";
constexpr char kFetched[] = "refs/handoff/h/fetched";

MATCHER_P(Changed, changed, "") { return arg.ok() && *arg == changed; }

class WorkBranchTest : public ::testing::Test {
 protected:
  WorkBranchTest() {
    CHECK(InitGit({}).ok());
    CHECK(git_repository_init(repo_.out(), (dir_.path() + "/r.git").c_str(), /*is_bare=*/1) == 0);
    CHECK(git_repository_odb(odb_.out(), repo_.get()) == 0);
    objects_.emplace(*FetchedObjects::Make(dir_.path() + "/objects", repo_.get()));
  }

  // Of no files.
  git_oid Commit(const std::string& subject, const std::optional<git_oid>& parent = std::nullopt) {
    git_oid tree, commit;
    CHECK(git_odb_write(&tree, odb_.get(), "", 0, GIT_OBJECT_TREE) == 0);
    const std::string text = absl::StrCat(
        "tree ", OidText(tree), parent ? absl::StrCat("\nparent ", OidText(*parent)) : "",
        "\nauthor a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\n\n", subject, "\n");
    CHECK(git_odb_write(&commit, odb_.get(), text.data(), text.size(), GIT_OBJECT_COMMIT) == 0);
    return commit;
  }
  std::string At(const char* ref) const {
    git_oid id;
    return git_reference_name_to_id(&id, repo_.get(), ref) == 0 ? OidText(id) : "";
  }
  void Move(const char* ref, const git_oid& to) const {
    GitReference made;
    CHECK(git_reference_create(made.out(), repo_.get(), ref, &to, /*force=*/1, "theirs") == 0);
  }
  std::optional<git_oid> Seen(const git_oid& tip) const {
    const auto seen = CheckBranch(*objects_, repo_.get(), tip, branch_);
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.value_or(std::nullopt);
  }
  absl::StatusOr<bool> Set(const git_oid& tip, const std::optional<git_oid>& seen) const {
    return SetBranch(repo_.get(), tip, seen, branch_);
  }
  void ExpectLost(const absl::StatusOr<bool>& set) const {
    EXPECT_TRUE(absl::IsAborted(set.status())) << set.status();
    EXPECT_THAT(std::string(set.status().message()), HasSubstr(kRef));
  }

  TempDir dir_ = *TempDir::Make("work-branch-");
  GitRepository repo_;
  GitOdb odb_;
  std::optional<FetchedObjects> objects_;
  const WorkBranch branch_{"h", 1, "handoff/h"};
};

TEST_F(WorkBranchTest, IsSetOnceAndReplacedWhereItIsWhatAFetchMade) {
  const git_oid first = Commit("first"), other = Commit("other");
  EXPECT_THAT(Set(first, Seen(first)), Changed(true));
  EXPECT_EQ(At(kRef), OidText(first));
  EXPECT_THAT(Set(first, Seen(first)), Changed(false));
  EXPECT_THAT(Set(other, Seen(other)), Changed(true));
  EXPECT_EQ(At(kRef), OidText(other));
  EXPECT_EQ(At(kFetched), OidText(other));
}

TEST_F(WorkBranchTest, OneThatAppearsMeanwhileIsLeft) {
  const git_oid tip = Commit("tip"), theirs = Commit("theirs");
  const auto seen = Seen(tip);
  Move(kRef, theirs);
  ExpectLost(Set(tip, seen));
  EXPECT_EQ(At(kRef), OidText(theirs));
  EXPECT_EQ(At(kFetched), "");
}

TEST_F(WorkBranchTest, OneThatMovesMeanwhileIsLeft) {
  const git_oid first = Commit("first"), next = Commit("next", first);
  ASSERT_TRUE(Set(first, Seen(first)).ok());
  const auto seen = Seen(next);
  const git_oid theirs = Commit("theirs", first);
  Move(kRef, theirs);
  ExpectLost(Set(next, seen));
  EXPECT_EQ(At(kRef), OidText(theirs));
  EXPECT_EQ(At(kFetched), OidText(first));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(CheckBranch(*objects_, repo_.get(), next, branch_).status()))
      << "again, it is seen";
}

TEST_F(WorkBranchTest, OneThatGoesMeanwhileIsNotMadeAgain) {
  const git_oid first = Commit("first"), next = Commit("next", first);
  ASSERT_TRUE(Set(first, Seen(first)).ok());
  const auto seen = Seen(next);
  CHECK(git_reference_remove(repo_.get(), kRef) == 0);
  ExpectLost(Set(next, seen));
  EXPECT_EQ(At(kRef), "");
}

}  // namespace
}  // namespace handoff
