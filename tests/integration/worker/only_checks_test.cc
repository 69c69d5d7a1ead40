// Attempts without an agent: the work that a person declared done is brought here, looked at and
// checked.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Attempt 1 left "one" in `work`. What the coordinator has of it stands for what a person returned.
class OnlyChecksTest : public RunningWorker {
 protected:
  OnlyChecksTest() {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    commit_ = git_.CommitAll("origin", "first");
    Start();
    first_ = pool_.Want(On(Script("h", "echo one >work")));
    EXPECT_EQ(pool_.AwaitEnd(first_).failure(), v1::Failure::NONE);
    AwaitOver(first_);
    work_ = pool_.checkpoints(first_).back();
  }

  v1::Handoff On(v1::Handoff handoff) const {
    v1::Repository& repository = *handoff.mutable_spec()->mutable_repository();
    repository.set_url(git_.Path("origin"));
    repository.set_commit(commit_);
    repository.set_key(repository.url());
    return handoff;
  }
  // Of an agent that no host here has.
  AttemptKey Want(const std::vector<std::string>& checks, const v1::Checkpoint& work,
                  int number = 2) {
    v1::Handoff handoff = On(Script("h", ""));
    handoff.set_agent("nonesuch");
    handoff.mutable_spec()->set_agent("nonesuch");
    handoff.mutable_spec()->set_task("do it");
    handoff.mutable_spec()->clear_argv();
    for (const std::string& check : checks)
      handoff.mutable_spec()->add_checks()->set_command(check);
    return pool_.Want(handoff, number, [&](v1::DesiredAttempt& desired) {
      desired.mutable_spec()->set_only_checks(true);
      *desired.mutable_spec()->mutable_checkpoint() = work;
      desired.mutable_spec()->set_checkpoint_attempt(1);
    });
  }
  void MoveToAnotherHost() {
    Stop();
    config_.data_dir = path("another-host");
    Start();
  }
  std::string Repository() const { return data() + "/workspaces/h/repo/"; }

  GitSandbox git_;
  std::string commit_;
  AttemptKey first_;
  v1::Checkpoint work_;
};

TEST_F(OnlyChecksTest, NeedNoAgentAndDecideAlone) {
  MoveToAnotherHost();
  const AttemptKey key = Want({"cat work", "test -z \"$HANDOFF_NOTHING\""}, work_);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::NONE) << end.failure_message();
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NO_PROTOCOL);
  EXPECT_FALSE(end.has_exit_code());
  EXPECT_FALSE(end.has_started_at()) << "no agent's process was started";
  EXPECT_TRUE(end.has_ended_at());
  EXPECT_TRUE(end.verified());
  EXPECT_TRUE(end.changed());
  EXPECT_EQ(end.session(), "");
  EXPECT_EQ(end.command(), "");
  ASSERT_EQ(end.facts().files_size(), 1);
  EXPECT_EQ(end.facts().files(0).path(), "work");
  EXPECT_EQ(pool_.log(key), "");
  EXPECT_THAT(pool_.log(key, LogKind::kChecks), StartsWith("$ cat work\none\n[exit status 0"));
  EXPECT_THAT(end.checkpoint_missing(), HasSubstr("No agent was started"));
  EXPECT_TRUE(pool_.checkpoints(key).empty()) << "the one with the session stays the last";
  AwaitOver(key);
  EXPECT_FALSE(PathExists(attempt_dir(key) + "/prompt.md"));
  EXPECT_THAT(*ReadFile(handoff_file(key, "handoff.md")),
              AllOf(HasSubstr("only its checks"), HasSubstr("Check `cat work`: passed")));
}

TEST_F(OnlyChecksTest, WithoutAnyTheWorkIsTakenAsItIs) {
  MoveToAnotherHost();
  const v1::AttemptEnd end = pool_.AwaitEnd(Want({}, work_));
  EXPECT_EQ(end.failure(), v1::Failure::NONE) << end.failure_message();
  EXPECT_FALSE(end.verified());
  EXPECT_TRUE(end.changed());
  EXPECT_EQ(end.facts().files_changed(), 1u);
}

TEST_F(OnlyChecksTest, ThatFailAreTheEnd) {
  const v1::AttemptEnd end = pool_.AwaitEnd(Want({"echo no; exit 3"}, work_));
  EXPECT_EQ(end.failure(), v1::Failure::CHECKS_FAILED);
  EXPECT_FALSE(end.verified());
  EXPECT_THAT(end.check_output(), HasSubstr("no"));
  EXPECT_FALSE(end.has_exit_code());
}

TEST_F(OnlyChecksTest, SeeWhatAPersonLeftInTheWorkspaceAndKeepIt) {
  ASSERT_TRUE(WriteFileAtomically(Repository() + "left", "by hand\n").ok());
  const AttemptKey key = Want({"cat left"}, work_);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_TRUE(end.verified()) << end.failure_message();
  EXPECT_EQ(end.facts().files_changed(), 2u);
  ASSERT_FALSE(pool_.checkpoints(key).empty()) << "it is nowhere else";
  const v1::Checkpoint last = pool_.checkpoints(key).back();
  MoveToAnotherHost();
  EXPECT_TRUE(pool_.AwaitEnd(Want({"grep hand left"}, last, 3)).verified());
}

TEST_F(OnlyChecksTest, ADaemonThatBeginsMeanwhileGoesOnWithThem) {
  const std::string begun = Gate("begun"), go = Gate("go");
  const AttemptKey key =
      Want({absl::StrCat("echo run >>", path("runs"), "; echo made >made; echo >", begun, "; cat ",
                         go, "; cat made"),
            "echo last"},
           work_);
  Await(begun);
  pool_.AwaitStatus(key, [](const AttemptStatus& status) {
    return absl::StrContains(status.phase, "checking (1 of 2");
  });
  Stop();
  repo_program_ = "/bin/false";  // nothing is made or looked at again
  Start();
  Open(go);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_TRUE(end.verified()) << end.failure_message();
  EXPECT_EQ(*ReadFile(path("runs")), "run\n") << "one that has begun is not run again";
  EXPECT_EQ(end.facts().files_changed(), 1u) << "what a check made is none of the work";
}

TEST_F(OnlyChecksTest, AreEndedByACancel) {
  const std::string begun = Gate("begun");
  const AttemptKey key = Want({absl::StrCat("echo >", begun, "; exec sleep 1000")}, work_);
  Await(begun);
  pool_.Stop(key, EndedBy::kCancel, absl::Milliseconds(50));
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::CANCELLED);
  EXPECT_EQ(end.ended_by(), v1::AttemptEnd::CANCEL);
}

TEST_F(OnlyChecksTest, WithoutTheirWorkAreNotBegun) {
  MoveToAnotherHost();
  for (const v1::Checkpoint::Pack& pack : work_.packs()) pool_.DropObject(pack.sha256());
  const v1::AttemptEnd end = pool_.AwaitEnd(Want({"true"}, work_));
  EXPECT_EQ(end.failure(), v1::Failure::CHECKOUT_FAILED) << end.failure_message();
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NOT_STARTED);
}

}  // namespace
}  // namespace handoff::worker
