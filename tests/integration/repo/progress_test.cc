// What a person is told while a worker fetches.
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::MatchesRegex;

// One large file comes first: nearly all of the bytes are here while nearly no object is.
TEST(ProgressTest, ACloneTellsItsBytesToo) {
  const GitSandbox git;
  std::mt19937 random(1);
  std::string noise(3 << 20, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  git.Init("origin");
  git.Write("origin/a-large-file", noise);
  for (int i = 0; i < 300; ++i) git.Write(absl::StrCat("origin/small/", i), absl::StrCat(i));
  git.CommitAll("origin", "first");
  git.Git("", {"clone", "-q", "--bare", "origin", "served/origin.git"});
  const GitDaemon daemon(git, git.Path("served"));
  PrepareRequest request = RequestOn(git.Path("worker"), "20260101-x");
  request.url = daemon.Url("origin.git");
  std::vector<std::string> progress;
  const RepoClient client(HANDOFF_REPO_PROGRAM);
  const auto result =
      client.Prepare(request, -1, [&](const std::string& text) { progress.push_back(text); });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(progress, Contains(MatchesRegex("cloning [0-9]+ %, 3\\.[0-9] MB")));
}

}  // namespace
}  // namespace handoff
