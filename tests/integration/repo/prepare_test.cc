// How workspaces come about: exactly the commit that was asked for, or a sentence that says why
// not.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/pidfd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/http_git.h"
#include "tests/integration/repo/submission.h"
#include "worker/repo/repo_json.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

class PrepareTest : public ::testing::Test {
 protected:
  PrepareTest() : client_(HANDOFF_REPO_PROGRAM) {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    first_ = git_.CommitAll("origin", "first");
    git_.Write("origin/a", "2\n");
    second_ = git_.CommitAll("origin", "second");
    git_.Git("origin", {"tag", "-a", "-m", "v1", "v1", first_});
    git_.Git("", {"clone", "-q", "--bare", "origin", "served/origin.git"});
  }

  PrepareRequest Request(const std::string& url, const std::string& id = "20260101-x") {
    PrepareRequest request = RequestOn(git_.Path("worker"), id);
    request.url = url;
    return request;
  }
  // Bare copies of what `origin` became.
  void Publish() { git_.Git("origin", {"push", "-q", "--mirror", git_.Path("served/origin.git")}); }

  std::string Message(const absl::Status& status) { return std::string(status.message()); }

  GitSandbox git_;
  RepoClient client_;
  std::string first_, second_;
};

TEST_F(PrepareTest, TheDefaultBranchIsTakenWithoutRefAndCommit) {
  GitDaemon daemon(git_, git_.Path("served"));
  const PrepareRequest request = Request(daemon.Url("origin.git"));
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->head_commit, second_);
  EXPECT_EQ(result->base_commit, second_);
  EXPECT_EQ(git_.Git(request.workspace, {"rev-parse", "origin/main", "v1^{commit}"}),
            second_ + "\n" + first_ + "\n");
}

TEST_F(PrepareTest, RefsAreBranchesTagsAndCommits) {
  GitDaemon daemon(git_, git_.Path("served"));
  const std::vector<std::string> refs = {"v1", "refs/tags/v1", first_, first_.substr(0, 8)};
  for (const std::string& ref : refs) {
    PrepareRequest request = Request(daemon.Url("origin.git"), absl::StrCat("x-", ref.size()));
    request.ref = ref;
    const auto result = client_.Prepare(request, -1, nullptr);
    ASSERT_TRUE(result.ok()) << ref << ": " << result.status();
    EXPECT_EQ(result->head_commit, first_) << ref;
  }
}

TEST_F(PrepareTest, AnAbsentRefOrRepositoryIsNamed) {
  GitDaemon daemon(git_, git_.Path("served"));
  PrepareRequest request = Request(daemon.Url("origin.git"));
  request.ref = "no-such-branch";
  auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(result.status()),
              testing::AllOf(HasSubstr("no-such-branch"), HasSubstr(daemon.Url("origin.git"))));
  result = client_.Prepare(Request(daemon.Url("absent.git")), -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound) << result.status();
  EXPECT_THAT(Message(result.status()), HasSubstr("absent.git"));
  result = client_.Prepare(Request("/nonexistent/repository"), -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound) << result.status();
}

TEST_F(PrepareTest, AnAbsentCommitIsNeverReplacedByAnother) {
  GitDaemon daemon(git_, git_.Path("served"));
  PrepareRequest request = Request(daemon.Url("origin.git"));
  request.ref = "main";
  request.commit = std::string(40, 'a');
  const auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(result.status()), HasSubstr(request.commit));
  EXPECT_FALSE(PathExists(request.workspace));
}

TEST_F(PrepareTest, ACommitThatNoBranchLeadsToIsAskedForByItsId) {
  git_.Git("served/origin.git", {"config", "uploadpack.allowAnySHA1InWant", "true"});
  git_.Git("origin", {"checkout", "-q", "--detach"});
  git_.Write("origin/a", "loose\n");
  const std::string loose = git_.CommitAll("origin", "on no branch");
  git_.Git("origin", {"push", "-q", git_.Path("served/origin.git"), "HEAD:refs/pull/1/head"});
  GitDaemon daemon(git_, git_.Path("served"));
  PrepareRequest request = Request(daemon.Url("origin.git"));
  request.commit = loose;
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->head_commit, loose);
}

TEST_F(PrepareTest, AKnownCommitNeedsNoNetwork) {
  std::string url;
  {
    GitDaemon daemon(git_, git_.Path("served"));
    url = daemon.Url("origin.git");
    ASSERT_TRUE(client_.Prepare(Request(url, "one"), -1, nullptr).ok());
  }
  PrepareRequest request = Request(url, "two");
  request.commit = first_;
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(git_.Read(request.workspace + "/a"), "1\n");
  EXPECT_EQ(client_.Prepare(Request(url, "three"), -1, nullptr).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(PrepareTest, TheMirrorFollowsBranchesThatBecomeFolders) {
  GitDaemon daemon(git_, git_.Path("served"));
  git_.Git("origin", {"branch", "topic"});
  Publish();
  ASSERT_TRUE(client_.Prepare(Request(daemon.Url("origin.git"), "one"), -1, nullptr).ok());
  git_.Git("origin", {"branch", "-D", "-q", "topic"});
  git_.Git("origin", {"branch", "topic/deeper", first_});
  git_.Git("origin", {"update-ref", "refs/heads/main", first_});
  Publish();
  PrepareRequest request = Request(daemon.Url("origin.git"), "two");
  request.ref = "topic/deeper";
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(git_.Git(request.mirror, {"rev-parse", "main"}), first_ + "\n");
}

TEST_F(PrepareTest, APathIsCopiedNotBorrowed) {
  git_.Git("", {"clone", "-q", "--shared", "origin", "borrower"});
  PrepareRequest request = Request("file://" + git_.Path("borrower"));
  ASSERT_TRUE(client_.Prepare(request, -1, nullptr).ok());
  git_.Remove("borrower");
  git_.Remove("origin");
  git_.Git(request.workspace, {"fsck", "--full"});
  EXPECT_EQ(git_.Git(request.workspace, {"log", "--format=%s"}), "second\nfirst\n");
}

TEST_F(PrepareTest, APathIsFetchedAgainWhenItGrew) {
  ASSERT_TRUE(client_.Prepare(Request(git_.Path("origin"), "one"), -1, nullptr).ok());
  git_.Write("origin/a", "3\n");
  const std::string third = git_.CommitAll("origin", "third");
  PrepareRequest request = Request(git_.Path("origin"), "two");
  request.commit = third;
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(git_.Read(request.workspace + "/a"), "3\n");
}

TEST_F(PrepareTest, ASecondAttemptFindsItsWorkspaceUntouched) {
  PrepareRequest request = Request(git_.Path("origin"));
  ASSERT_TRUE(client_.Prepare(request, -1, nullptr).ok());
  ASSERT_TRUE(WriteFileAtomically(request.workspace + "/new", "of the agent\n").ok());
  git_.Git(request.workspace, {"commit", "-q", "--allow-empty", "-m", "of the agent"});
  const auto before = git_.Tree(request.workspace);
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->reused);
  EXPECT_EQ(result->base_commit, second_);
  EXPECT_EQ(result->head_commit + "\n", git_.Git(request.workspace, {"rev-parse", "HEAD"}));
  EXPECT_EQ(git_.Tree(request.workspace), before);
}

TEST_F(PrepareTest, AFolderOfSomebodyElseIsRefused) {
  PrepareRequest request = Request(git_.Path("origin"));
  ASSERT_TRUE(MakeDirectories(request.workspace).ok());
  ASSERT_TRUE(WriteFileAtomically(request.workspace + "/mine", "").ok());
  const auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(PathExists(request.workspace + "/mine"));
}

TEST_F(PrepareTest, AnInterruptedPreparationIsDoneAgain) {
  for (int i = 0; i < 200; ++i) {
    git_.Write(absl::StrCat("origin/many/", i), std::string(1000, 'x') + std::to_string(i));
  }
  git_.CommitAll("origin", "many");
  Publish();
  GitDaemon daemon(git_, git_.Path("served"));
  const PrepareRequest request = Request(daemon.Url("origin.git"));
  for (const char* moment : {"connecting", "cloning", "checking out"}) {
    auto pipe = MakePipe();
    ASSERT_TRUE(pipe.ok());
    const auto result = client_.Prepare(request, pipe->first.get(), [&](const std::string& text) {
      if (absl::StartsWith(text, moment)) pipe->second.Reset();
    });
    // A child that was quicker than the cancellation has done its work.
    if (!result.ok()) {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
      EXPECT_FALSE(PathExists(request.workspace));
    }
  }
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(git_.Git(request.workspace, {"status", "--porcelain"}), "");
  EXPECT_FALSE(PathExists(request.workspace + ".preparing"));
  git_.Git(request.mirror, {"fsck"});
}

TEST_F(PrepareTest, WhatADeadOperationLeftInTheMirrorIsClearedAway) {
  GitDaemon daemon(git_, git_.Path("served"));
  PrepareRequest request = Request(daemon.Url("origin.git"), "one");
  ASSERT_TRUE(client_.Prepare(request, -1, nullptr).ok());
  for (const char* name : {"/refs/heads/main.lock", "/packed-refs.lock", "/refs/heads/empty",
                           "/objects/pack/pack_git2_abcdef"}) {
    ASSERT_TRUE(WriteFileAtomically(request.mirror + name, "").ok());
  }
  git_.Write("origin/a", "3\n");
  git_.CommitAll("origin", "third");
  Publish();
  const auto result = client_.Prepare(Request(daemon.Url("origin.git"), "two"), -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(PathExists(request.mirror + "/objects/pack/pack_git2_abcdef"));
}

TEST_F(PrepareTest, TwoAtOnceShareOneMirror) {
  GitDaemon daemon(git_, git_.Path("served"));
  std::vector<absl::Status> results(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto request = Request(daemon.Url("origin.git"), absl::StrCat("x", i));
      results[i] = RepoClient(HANDOFF_REPO_PROGRAM).Prepare(request, -1, nullptr).status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : results) EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PrepareTest, AWorkspaceIsBuiltByOneAtATime) {
  const PrepareRequest request = Request(git_.Path("served/origin.git"));
  ASSERT_TRUE(MakeDirectories(request.store).ok());
  auto lock = OpenFile(request.store, O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(lock.ok() && ::flock(lock->get(), LOCK_EX) == 0);
  const auto result = client_.Prepare(request, -1, [&](const std::string& text) {
    if (!lock->valid() || !absl::StrContains(text, "an earlier checkout of this workspace")) return;
    // The earlier one comes to its end.
    EXPECT_TRUE(MakeDirectories(request.workspace).ok());
    EXPECT_TRUE(WriteFileAtomically(request.store + "/prepared",
                                    absl::StrCat(request.handoff_id, " ", first_, "\n"))
                    .ok());
    lock->Reset();
  });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->reused);
  EXPECT_EQ(result->base_commit, first_);
}

// The output of a process until both texts were in it.
std::string ReadUntil(int fd, const std::string& one, const std::string& other) {
  std::string out;
  char buffer[4096];
  while (!absl::StrContains(out, one) || !absl::StrContains(out, other)) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n <= 0) break;
    out.append(buffer, static_cast<size_t>(n));
  }
  return out;
}

TEST_F(PrepareTest, ItEndsWithTheProcessThatStartedIt) {
  const PrepareRequest request = Request(git_.Path("served/origin.git"));
  ASSERT_TRUE(MakeDirectories(request.mirror).ok());
  const auto lock = OpenFile(request.mirror, O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(lock.ok() && ::flock(lock->get(), LOCK_EX) == 0);
  git_.Write("request", JsonLine({{"operation", "prepare"}, {"request", request}}));
  auto out = MakePipe();
  ASSERT_TRUE(out.ok());
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "\"$0\" <\"$1\" & echo pid $!; wait", HANDOFF_REPO_PROGRAM,
                  git_.Path("request")};
  options.env = CurrentEnvironment();
  options.fds = {{1, out->second.get()}, {2, STDERR_FILENO}};
  auto parent = Subprocess::Spawn(options);
  ASSERT_TRUE(parent.ok());
  out->second.Reset();
  const std::string said = ReadUntil(out->first.get(), "waiting for another checkout", "pid ");
  const size_t pid_at = said.find("pid ");
  ASSERT_NE(pid_at, std::string::npos) << said;
  const pid_t pid = std::atoi(said.c_str() + pid_at + 4);
  const UniqueFd child = OpenPidfd(pid);
  ASSERT_TRUE(child.valid());
  parent->Signal(SIGKILL);
  pollfd end = {child.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 60'000), 1);
  SignalPidfd(child, SIGKILL);
}

TEST_F(PrepareTest, ASilentServerIsLeftAtOnceWhenCancelled) {
  HttpServer silent([](const HttpRequest&) { return ""; });
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  const auto result = client_.Prepare(Request(silent.Url("x.git")), pipe->first.get(),
                                      [&](const std::string&) { pipe->second.Reset(); });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
}

TEST_F(PrepareTest, ASilentServerIsUnavailableAfterTheStallTimeout) {
  HttpServer silent([](const HttpRequest&) { return ""; });
  client_.set_stall_timeout(absl::Seconds(3));
  const auto result = client_.Prepare(Request(silent.Url("x.git")), -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(result.status()), HasSubstr("no progress for 3s after 'connecting'"));
}

TEST_F(PrepareTest, GitLfsContentIsRefusedWithASentence) {
  git_.Write("origin/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
  git_.Write("origin/plain.bin", "content that is in the repository\n");
  git_.CommitAll("origin", "a filter without pointers");
  ASSERT_TRUE(client_.Prepare(Request(git_.Path("origin"), "plain"), -1, nullptr).ok());
  git_.Write("origin/large.bin",
             "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
  git_.CommitAll("origin", "a pointer");
  const auto result = client_.Prepare(Request(git_.Path("origin"), "lfs"), -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(result.status()), HasSubstr("large.bin is kept in Git LFS"));
}

TEST_F(PrepareTest, ASubmoduleThatCannotBeFetchedIsNamed) {
  git_.Init("library");
  git_.Write("library/lib.c", "int lib;\n");
  git_.CommitAll("library", "lib");
  git_.Git("origin", {"submodule", "add", "-q", git_.Path("library"), "third party/library"});
  git_.CommitAll("origin", "with a submodule");
  ASSERT_TRUE(client_.Prepare(Request(git_.Path("origin"), "good"), -1, nullptr).ok());
  git_.Git("origin", {"update-index", "--cacheinfo", "160000",
                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "third party/library"});
  git_.Git("origin", {"commit", "-q", "-m", "a commit that is nowhere"});
  const auto result = client_.Prepare(Request(git_.Path("origin"), "bad"), -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(result.status()),
              testing::AllOf(HasSubstr("submodule third party/library"), HasSubstr("aaaaaaaa")));
}

TEST_F(PrepareTest, ASubmoduleOfARemoteRepositoryMayNotNameAPathOfTheWorker) {
  git_.Init("secret");
  git_.Write("secret/file", "secret\n");
  git_.CommitAll("secret", "secret");
  git_.Git("origin", {"submodule", "add", "-q", git_.Path("secret"), "sub"});
  git_.CommitAll("origin", "reaches out");
  Publish();
  GitDaemon daemon(git_, git_.Path("served"));
  const auto result = client_.Prepare(Request(daemon.Url("origin.git")), -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << result.status();
  EXPECT_THAT(Message(result.status()), HasSubstr("submodule sub"));
}

TEST_F(PrepareTest, RelativeSubmodulesOfSubmodulesAreFound) {
  git_.Init("inner");
  git_.Write("inner/i", "inner\n");
  git_.CommitAll("inner", "inner");
  git_.Init("outer");
  git_.Git("outer", {"submodule", "add", "-q", git_.Path("inner"), "inner"});
  git_.Git("outer", {"config", "-f", ".gitmodules", "submodule.inner.url", "../inner"});
  git_.CommitAll("outer", "outer");
  git_.Git("origin", {"submodule", "add", "-q", git_.Path("outer"), "outer"});
  git_.Git("origin", {"config", "-f", ".gitmodules", "submodule.outer.url", "../outer"});
  git_.CommitAll("origin", "nested");
  const PrepareRequest request = Request(git_.Path("origin"));
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(git_.Read(request.workspace + "/outer/inner/i"), "inner\n");
  EXPECT_EQ(git_.Git(request.workspace, {"status", "--porcelain"}), "");
  EXPECT_THAT(git_.Git(request.workspace, {"submodule", "status", "--recursive"}),
              HasSubstr(" outer/inner "));
}

TEST_F(PrepareTest, PathsThatLeaveTheTreeAreRefused) {
  const std::string blob = git_.Git("origin", {"hash-object", "-w", "a"}).substr(0, 40);
  // mktree refuses such names, so the tree is written as bytes.
  std::string bytes("100644 .git\0", 12);
  for (size_t i = 0; i < 40; i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(blob.substr(i, 2), nullptr, 16)));
  }
  git_.Write("origin/tree.raw", bytes);
  const std::string tree =
      git_.Git("origin", {"hash-object", "-t", "tree", "-w", "--literally", "tree.raw"})
          .substr(0, 40);
  const std::string commit =
      git_.Git("origin", {"commit-tree", "-m", "hostile", tree}).substr(0, 40);
  git_.Git("origin", {"update-ref", "refs/heads/hostile", commit});
  PrepareRequest request = Request(git_.Path("origin"));
  request.ref = "hostile";
  const auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << result.status();
  EXPECT_THAT(Message(result.status()), HasSubstr("not safe"));
  EXPECT_FALSE(PathExists(request.workspace));
}

TEST_F(PrepareTest, AddressesThatCouldRunSomethingAreRefused) {
  const std::string canary = git_.Path("canary");
  for (const std::string& url :
       {"ext::sh -c touch% " + canary, std::string("--upload-pack=touch ") + canary,
        std::string("ssh://-oProxyCommand=touch/x"), std::string("relative/path"),
        std::string("https://user:secret@example.com/x.git"), std::string("http://a/b\nc")}) {
    const auto result = client_.Prepare(Request(url), -1, nullptr);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(Message(result.status()), Not(HasSubstr("secret")));
  }
  EXPECT_FALSE(PathExists(canary));
}

TEST_F(PrepareTest, ADamagedPackIsRefused) {
  PrepareRequest request = Request("");
  request.commit = first_;
  request.pack_complete = true;
  request.pack_path = git_.Path("damaged.pack");
  git_.Write("damaged.pack", "PACK nonsense");
  const auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(Message(result.status()), HasSubstr("submitted pack"));
  EXPECT_FALSE(PathExists(request.workspace));
}

TEST_F(PrepareTest, ProgramDeathIsAnErrorNotAHang) {
  RepoClient client("/bin/true");
  EXPECT_EQ(client.Probe({git_.Path("origin"), {}}, -1).code(), absl::StatusCode::kInternal);
  RepoClient absent("/nonexistent/handoff-repo");
  EXPECT_FALSE(absent.Probe({git_.Path("origin"), {}}, -1).ok());
}

}  // namespace
}  // namespace handoff
