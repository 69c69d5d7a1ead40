// What the worker pushes when the answer to a report asks for it.

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"
#include "worker/data_dir.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

class PushTest : public RunningWorker {
 protected:
  PushTest() {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    commit_ = git_.CommitAll("origin", "first");
    git_.Git("", {"clone", "-q", "--bare", "origin", "origin.git"});
  }
  v1::Handoff InRepository(const std::string& script) const {
    v1::Handoff handoff = Script("h", script);
    v1::Repository& repository = *handoff.mutable_spec()->mutable_repository();
    repository.set_url(git_.Path("origin.git"));
    repository.set_commit(commit_);
    repository.set_key(repository.url());
    repository.set_user_name("Ada");
    repository.set_user_email("ada@example.com");
    handoff.mutable_spec()->set_push(true);
    return handoff;
  }
  std::string There(const std::string& what) const {
    return git_.Git("origin.git", {"show", absl::StrCat("handoff/h:", what)});
  }
  bool HasBranch() const {
    return git_.GitSucceeds("origin.git", {"rev-parse", "-q", "--verify", "handoff/h"});
  }

  GitSandbox git_;
  std::string commit_;
};

TEST_F(PushTest, ItsWorkIsThereAndTheDocumentSaysSo) {
  pool_.set_asks_for_push(true);
  Start();
  const AttemptKey key = pool_.Want(InRepository("echo 2 > a"));
  const v1::PushResult result = pool_.AwaitPush(key);
  EXPECT_EQ(result.state(), v1::PushResult::PUSHED) << result.message();
  EXPECT_EQ(result.ref(), "refs/heads/handoff/h");
  EXPECT_EQ(git_.Git("origin.git", {"rev-parse", "handoff/h"}), result.commit() + "\n");
  EXPECT_EQ(There("a"), "2\n");
  AwaitOver(key);
  EXPECT_THAT(*ReadFile(handoff_file(key, "handoff.md")), HasSubstr("Push of attempt 1"));
}

TEST_F(PushTest, NothingIsPushedUnlessTheAnswerAsksForIt) {
  Start();
  const AttemptKey key = pool_.Want(InRepository("echo 2 > a"));
  AwaitOver(key);
  EXPECT_FALSE(HasBranch());
  EXPECT_FALSE(pool_.push(key).has_value());
}

TEST_F(PushTest, WhatTheRemoteHasOfOthersStays) {
  git_.Git("origin.git", {"branch", "handoff/h", commit_});
  git_.Write("origin/b", "theirs\n");
  const std::string theirs = git_.CommitAll("origin", "theirs");
  git_.Git("origin", {"push", "-q", git_.Path("origin.git"), "main:handoff/h"});
  pool_.set_asks_for_push(true);
  Start();
  const AttemptKey key = pool_.Want(InRepository("echo 2 > a"));
  const v1::PushResult result = pool_.AwaitPush(key);
  EXPECT_EQ(result.state(), v1::PushResult::REFUSED);
  EXPECT_THAT(result.message(), HasSubstr(theirs.substr(0, 12)));
  EXPECT_EQ(git_.Git("origin.git", {"rev-parse", "handoff/h"}), theirs + "\n");
  AwaitOver(key);
}

TEST_F(PushTest, ARemoteThatIsGoneIsAFailureThatIsTold) {
  pool_.set_asks_for_push(true);
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key =
      pool_.Want(InRepository(absl::StrCat("echo 2 > a; echo > ", begun, "; cat ", go)));
  Await(begun);
  git_.Remove("origin.git");
  Open(go);
  const v1::PushResult result = pool_.AwaitPush(key);
  EXPECT_EQ(result.state(), v1::PushResult::FAILED);
  EXPECT_THAT(result.message(), HasSubstr("origin.git"));
  AwaitOver(key);
}

TEST_F(PushTest, WhatMayHaveArrivedIsToldAndDoesNotStopTheNextOne) {
  pool_.set_asks_for_push(true);
  Start();
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key =
      pool_.Want(InRepository(absl::StrCat("echo 2 > a; echo > ", begun, "; cat ", go)));
  Await(begun);
  // Nothing can be written there.
  git_.Remove("origin.git/objects/pack");
  git_.Write("origin.git/objects/pack", "in the way\n");
  Open(go);
  const v1::PushResult failed = pool_.AwaitPush(key);
  EXPECT_EQ(failed.state(), v1::PushResult::FAILED) << failed.message();
  EXPECT_EQ(failed.commit().size(), 40u);
  AwaitOver(key);
  // As if it had arrived, and the answer had not.
  git_.Remove("origin.git/objects/pack");
  git_.Git(DataDir(data()).store("h"), {"push", "-q", git_.Path("origin.git"),
                                        absl::StrCat(failed.commit(), ":refs/heads/handoff/h")});
  v1::Handoff next = InRepository("echo 3 > a");
  v1::Attempt& first = *next.add_attempts();
  first.set_number(1);
  *first.mutable_push() = failed;
  const v1::PushResult result = pool_.AwaitPush(pool_.Want(next, 2));
  EXPECT_EQ(result.state(), v1::PushResult::PUSHED) << result.message();
  EXPECT_EQ(There("a"), "3\n");
}

}  // namespace
}  // namespace handoff::worker
