// A workspace on one host, checkpoints of it, and another host that has nothing but what the
// coordinator and origin keep.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() : client_(HANDOFF_REPO_PROGRAM) {
    git_.Init("origin");
    git_.Write("origin/.gitignore", "*.log\n");
    git_.Write("origin/.gitattributes", "*.bat eol=crlf\n");
    git_.Write("origin/kept", "kept\n");
    git_.Write("origin/changed", "one\ntwo\nthree\n");
    git_.Write("origin/deleted", "gone\n");
    git_.Write("origin/folder/file", "file\n");
    git_.Write("origin/windows.bat", "echo\n");
    git_.Link("origin/link", "kept");
    base_ = git_.CommitAll("origin", "first");
    EXPECT_TRUE(MakeDirectories(git_.Path("packs")).ok());
  }

  // The workspace of attempt 1 on host `a`.
  void Start() {
    here_ = RequestOn(git_.Path("a"), "20260101-x");
    here_.url = git_.Path("origin");
    here_.commit = base_;
    here_.attempt = 1;
    const auto prepared = client_.Prepare(here_, -1, nullptr);
    ASSERT_TRUE(prepared.ok()) << prepared.status();
    workspace_ = "a/workspaces/20260101-x/repo";
  }

  CheckpointRequest Request(int attempt = 1) const {
    CheckpointRequest request;
    request.workspace = here_.workspace;
    request.store = here_.store;
    request.mirror = here_.mirror;
    request.handoff_id = here_.handoff_id;
    request.attempt = attempt;
    request.base_commit = base_;
    request.worktree_commit = here_.worktree_commit;
    request.pack_dir = git_.Path("packs");
    return request;
  }
  // What comes after `stored`.
  CheckpointRequest Request(const CheckpointResult& stored, int attempt = 1) const {
    CheckpointRequest request = Request(attempt);
    request.stored_commit = stored.commit;
    request.stored_session_tree = stored.session_tree;
    request.stored_packs = stored.packs;
    return request;
  }
  CheckpointResult Take(const CheckpointRequest& request) {
    const auto result = client_.Checkpoint(request, -1, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : CheckpointResult();
  }
  CheckpointResult Take() { return Take(Request()); }

  std::string PackPath(const CheckpointPack& pack) const {
    return git_.Path(absl::StrCat("packs/", pack.sha256, ".pack"));
  }
  // To go on from `checkpoint` of attempt 1 on host `host`.
  PrepareRequest RestoreOn(const std::string& host, const CheckpointResult& checkpoint) const {
    PrepareRequest request = RequestOn(git_.Path(host), here_.handoff_id);
    request.url = here_.url;
    request.commit = base_;
    request.attempt = 2;
    request.checkpoint = checkpoint.commit;
    request.checkpoint_branch = checkpoint.branch;
    for (const CheckpointPack& pack : checkpoint.packs) {
      request.checkpoint_packs.push_back(PackPath(pack));
    }
    request.checkpoint_attempt = 1;
    request.session_tree = checkpoint.session_tree;
    if (!checkpoint.session_tree.empty()) request.session_dir = git_.Path(host + "/session");
    return request;
  }
  PrepareResult Restore(const PrepareRequest& request) {
    const auto result = client_.Prepare(request, -1, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : PrepareResult();
  }

  // What git says about a workspace: the same for two that are the same to a person.
  std::string Look(const std::string& workspace) {
    return absl::StrCat(git_.Git(workspace, {"status", "--porcelain", "-b", "-z"}), "\n",
                        git_.Git(workspace, {"log", "--format=%H %s"}),
                        git_.Git(workspace, {"diff", "--cached"}), git_.Git(workspace, {"diff"}));
  }
  std::vector<std::string> Facts(const PrepareRequest& request) {
    const auto bytes = client_.Facts(FactsFor(request, base_), -1);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    v1::Facts facts;
    EXPECT_TRUE(bytes.ok() && facts.ParseFromString(*bytes));
    std::vector<std::string> lines;
    for (const auto& file : facts.files()) lines.push_back(file.ShortDebugString());
    for (const auto& commit : facts.commits()) lines.push_back(commit.ShortDebugString());
    return lines;
  }
  std::string In(const std::string& path) const { return workspace_ + "/" + path; }
  void Replace(const std::string& path, const std::string& target) {
    git_.Remove(In(path));
    git_.Link(In(path), target);
  }
  // Paths of a commit in host a's store.
  std::string Paths(const std::string& commit) {
    return git_.Git(here_.store, {"ls-tree", "-r", "--name-only", commit});
  }

  GitSandbox git_;
  RepoClient client_;
  PrepareRequest here_;
  std::string base_, workspace_;
};

}  // namespace handoff
