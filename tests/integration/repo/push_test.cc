// The work of an attempt as a branch of the remote: over a path and over http, with a real git that
// receives it.
#include <sys/stat.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/integration/repo/checkpoint_fixture.h"
#include "tests/integration/repo/http_git.h"
#include "worker/repo/push_request.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

constexpr char kBranch[] = "refs/heads/handoff/20260101-x";

class PushTest : public CheckpointTest {
 protected:
  PushTest() { git_.Git("", {"clone", "-q", "--bare", "origin", "served/origin.git"}); }

  // A commit of the agent's and changes that are not committed.
  void Work() {
    Start();
    git_.Write(In("changed"), "by the agent\n");
    git_.CommitAll(workspace_, "The agent's");
    git_.Write(In("left"), "not committed\n");
  }
  PushRequest RequestOf(const CheckpointResult& checkpoint, const std::string& url,
                        int attempt = 1) const {
    PushRequest request;
    request.url = url;
    request.store = here_.store;
    request.handoff_id = here_.handoff_id;
    request.attempt = attempt;
    request.commit = checkpoint.commit;
    request.user_name = "Ada";
    request.user_email = "ada@example.com";
    request.taken_at = 1'795'000'000;
    request.from = {base_};
    request.credentials.ssh_agent = false;
    return request;
  }
  PushAnswer Push(const PushRequest& request) {
    const auto answer = client_.Push(request, -1, nullptr);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : PushAnswer();
  }
  std::string There(const std::vector<std::string>& arguments) {
    return git_.Git("served/origin.git", arguments);
  }
  std::string Bare() const { return git_.Path("served/origin.git"); }
  void Hook(const std::string& script) {
    git_.Write("served/origin.git/hooks/pre-receive", script, 0755);
    ASSERT_EQ(::chmod(git_.Path("served/origin.git/hooks/pre-receive").c_str(), 0755), 0);
  }
};

TEST_F(PushTest, TheBranchHasTheAgentsCommitsAndOneWithTheRest) {
  Work();
  const PushAnswer answer = Push(RequestOf(Take(), Bare()));
  EXPECT_EQ(answer.state, PushAnswer::kPushed);
  EXPECT_EQ(There({"rev-parse", kBranch}), answer.commit + "\n");
  EXPECT_EQ(There({"log", "--format=%s", kBranch}),
            "Uncommitted changes of handoff 20260101-x, attempt 1\nThe agent's\nfirst\n");
  EXPECT_EQ(There({"log", "-1", "--format=%an %ae %at%n%(trailers)", kBranch}),
            "Ada ada@example.com 1795000000\nHandoff: 20260101-x\n\n");
  EXPECT_EQ(There({"show", absl::StrCat(kBranch, ":left")}), "not committed\n");
  EXPECT_EQ(There({"rev-parse", "main"}), base_ + "\n");
  There({"fsck", "--strict"});
}

TEST_F(PushTest, WithNothingLeftItIsTheAgentsHead) {
  Work();
  git_.CommitAll(workspace_, "The rest");
  const PushAnswer answer = Push(RequestOf(Take(), Bare()));
  EXPECT_EQ(answer.commit + "\n", git_.Git(workspace_, {"rev-parse", "HEAD"}));
}

TEST_F(PushTest, OverHttpWithATokenAndTwiceIsOnce) {
  Work();
  HttpServer server(GitBackend(git_, git_.Path("served"), "ada:right"));
  git_.Write("token", "ada:right\n");
  PushRequest request = RequestOf(Take(), server.Url("origin.git"));
  request.credentials.https_tokens["127.0.0.1"] = git_.Path("token");
  const PushAnswer first = Push(request);
  EXPECT_EQ(first.state, PushAnswer::kPushed);
  EXPECT_EQ(There({"rev-parse", kBranch}), first.commit + "\n");
  const PushAnswer second = Push(request);
  EXPECT_EQ(second.state, PushAnswer::kUpToDate);
  EXPECT_EQ(second.commit, first.commit);
}

TEST_F(PushTest, TheNextAttemptMovesWhatTheLastOneLeft) {
  Work();
  HttpServer server(GitBackend(git_, git_.Path("served"), ""));
  const PushAnswer first = Push(RequestOf(Take(), server.Url("origin.git")));
  git_.Write(In("left"), "more\n");
  PushRequest request = RequestOf(Take(Request(2)), server.Url("origin.git"), 2);
  EXPECT_EQ(Push(request).state, PushAnswer::kRefused) << "nobody said that the last one was ours";
  EXPECT_EQ(There({"rev-parse", kBranch}), first.commit + "\n");
  request.from.push_back(first.commit);
  const PushAnswer second = Push(request);
  EXPECT_EQ(second.state, PushAnswer::kPushed) << second.message;
  EXPECT_EQ(There({"rev-parse", kBranch}), second.commit + "\n");
}

TEST_F(PushTest, WhatAnotherPutThereIsLeftAsItIs) {
  Work();
  const CheckpointResult checkpoint = Take();
  git_.Write("origin/theirs", "x\n");
  const std::string theirs = git_.CommitAll("origin", "Theirs");
  git_.Git("origin", {"push", "-q", Bare(), absl::StrCat("main:", kBranch)});
  HttpServer server(GitBackend(git_, git_.Path("served"), ""));
  for (const std::string& url : {Bare(), server.Url("origin.git")}) {
    const PushAnswer answer = Push(RequestOf(checkpoint, url));
    EXPECT_EQ(answer.state, PushAnswer::kRefused) << url;
    EXPECT_THAT(answer.message, HasSubstr(theirs.substr(0, 12))) << url;
    EXPECT_EQ(There({"rev-parse", kBranch}), theirs + "\n");
  }
}

TEST_F(PushTest, WhatTheRemoteSaysIsTold) {
  Work();
  const CheckpointResult checkpoint = Take();
  Hook("#!/bin/sh\necho 'branches of machines are not wanted here' >&2\nexit 1\n");
  HttpServer server(GitBackend(git_, git_.Path("served"), ""));
  const PushAnswer answer = Push(RequestOf(checkpoint, server.Url("origin.git")));
  EXPECT_EQ(answer.state, PushAnswer::kRefused);
  EXPECT_THAT(answer.message, HasSubstr("hook declined"));
  EXPECT_THAT(answer.message, HasSubstr("branches of machines are not wanted here"));
  EXPECT_FALSE(git_.GitSucceeds("served/origin.git", {"rev-parse", "-q", "--verify", kBranch}));
}

TEST_F(PushTest, FailuresAreToldApart) {
  Work();
  const CheckpointResult checkpoint = Take();
  EXPECT_TRUE(absl::IsNotFound(
      client_.Push(RequestOf(checkpoint, git_.Path("nowhere")), -1, nullptr).status()));
  const absl::Status tree =
      client_.Push(RequestOf(checkpoint, git_.Path("origin")), -1, nullptr).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(tree));
  EXPECT_THAT(std::string(tree.message()), HasSubstr("only a bare repository"));
  int port = 0;
  const UniqueFd nobody = BindOnLoopback(&port);
  const std::string refused = absl::StrCat("http://127.0.0.1:", port, "/x.git");
  EXPECT_TRUE(
      absl::IsUnavailable(client_.Push(RequestOf(checkpoint, refused), -1, nullptr).status()));
  HttpServer server(GitBackend(git_, git_.Path("served"), "ada:right"));
  EXPECT_TRUE(absl::IsUnauthenticated(
      client_.Push(RequestOf(checkpoint, server.Url("origin.git")), -1, nullptr).status()));
  PushRequest lacks = RequestOf(checkpoint, Bare());
  lacks.commit = std::string(40, '7');
  EXPECT_TRUE(absl::IsNotFound(client_.Push(lacks, -1, nullptr).status()));
  PushRequest wrong = RequestOf(checkpoint, Bare());
  wrong.handoff_id = "../main";
  EXPECT_TRUE(absl::IsInvalidArgument(client_.Push(wrong, -1, nullptr).status()));
}

}  // namespace
}  // namespace handoff
