// A small repository, snapshots of it, and the workspaces that a worker makes of them.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/submission.h"

namespace handoff {

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() : client_(HANDOFF_REPO_PROGRAM) {
    ::setenv("HOME", git_.root().c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    ::unsetenv("XDG_CONFIG_HOME");
    git_.Init("work");
    git_.Write("work/a", "one\n");
    git_.Write("work/folder/b", "two\n");
    head_ = git_.CommitAll("work", "first");
  }

  absl::StatusOr<Snapshot> Take(const std::string& where, const SnapshotOptions& options = {}) {
    temps_.push_back(*TempDir::Make("handoff-snapshot-test-"));
    return TakeSnapshot(git_.Path(where), options, temps_.back());
  }
  // The workspace that a worker makes of it.
  std::string Prepare(const Snapshot& snapshot, const std::string& id = "20260101-x") {
    const PrepareRequest request = RequestFor(snapshot, git_.Path("worker"), id);
    const auto result = client_.Prepare(request, -1, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    return request.workspace;
  }
  static std::string Message(const absl::StatusOr<Snapshot>& snapshot) {
    return std::string(snapshot.status().message());
  }
  void AddSubmodule() {
    git_.Init("library");
    git_.Write("library/lib.c", "int lib;\n");
    git_.CommitAll("library", "lib");
    git_.Git("work", {"submodule", "add", "-q", git_.Path("library"), "library"});
    git_.CommitAll("work", "with a submodule");
  }

  GitSandbox git_;
  RepoClient client_;
  std::string head_;
  std::vector<TempDir> temps_;
};

// A clone of depth 2 of a repository with 7 commits that a daemon serves.
class ShallowTest : public SnapshotTest {
 protected:
  ShallowTest() {
    for (int i = 0; i < 5; ++i) {
      git_.Write("work/a", std::to_string(i) + "\n");
      head_ = git_.CommitAll("work", "more");
    }
    git_.Git("", {"clone", "-q", "--bare", "work", "served/origin.git"});
    daemon_ = std::make_unique<GitDaemon>(git_, git_.Path("served"));
    git_.Git("", {"clone", "-q", "--depth", "2", daemon_->Url("origin.git"), "shallow"});
  }
  std::unique_ptr<GitDaemon> daemon_;
};

}  // namespace handoff
