// Which commit a --ref means: always what the remote has under that name now.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class RefsTest : public ::testing::Test {
 protected:
  RefsTest() : client_(HANDOFF_REPO_PROGRAM) {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    first_ = git_.CommitAll("origin", "first");
    git_.Git("origin", {"checkout", "-q", "-b", "proposal"});
    git_.Write("origin/a", "proposed\n");
    proposed_ = git_.CommitAll("origin", "proposed");
    git_.Git("origin", {"checkout", "-q", "main"});
    git_.Git("origin", {"branch", "-q", "-D", "proposal"});
    git_.Git("", {"clone", "-q", "--bare", "origin", "served/origin.git"});
    Propose(proposed_);
    daemon_ = std::make_unique<GitDaemon>(git_, git_.Path("served"));
  }

  // As hosts keep the head of a pull request: under a name that a clone does not fetch.
  void Propose(const std::string& commit) {
    git_.Git("origin",
             {"push", "-q", "-f", git_.Path("served/origin.git"), commit + ":refs/pull/1/head"});
  }
  absl::StatusOr<PrepareResult> Prepare(const std::string& ref) {
    PrepareRequest request =
        RequestOn(git_.Path("worker"), "20260101-x" + std::to_string(++prepared_));
    request.url = daemon_->Url("origin.git");
    request.ref = ref;
    return client_.Prepare(request, -1, nullptr);
  }

  GitSandbox git_;
  RepoClient client_;
  std::string first_, proposed_;
  int prepared_ = 0;
  std::unique_ptr<GitDaemon> daemon_;  // once there is something to serve
};

TEST_F(RefsTest, HeadIsTheRemotesHead) {
  const auto result = Prepare("HEAD");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->base_commit, first_);
}

TEST_F(RefsTest, ARefThatIsNoBranchOrTagIsFetchedAsItIsNow) {
  auto result = Prepare("refs/pull/1/head");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->base_commit, proposed_);
  Propose(first_);
  result = Prepare("refs/pull/1/head");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->base_commit, first_);
  git_.Git("served/origin.git", {"update-ref", "-d", "refs/pull/1/head"});
  result = Prepare("refs/pull/1/head");
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound) << result.status();
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("refs/pull/1/head"));
}

}  // namespace
}  // namespace handoff
