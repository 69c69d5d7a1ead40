// Checkpoints between workers: what one leaves at the coordinator, another one goes on with. Real
// handoff-repo, real files; a second worker is a second data directory.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/uuid.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

// A claude that keeps its conversation where the real one does, and answers with all of it.
constexpr char kClaude[] = R"sh(#!/bin/sh
case "$1" in
--version) echo 1; exit;;
auth) echo '{"loggedIn":true}'; exit;;
esac
verb=new
while [ $# -gt 0 ]; do
  case "$1" in
  --session-id) id=$2;;
  --resume) id=$2; verb=old;;
  esac
  shift
done
folder=$CLAUDE_CONFIG_DIR/projects/$(pwd | sed 's/[^A-Za-z0-9]/-/g')
if [ $verb = old ] && [ ! -e "$folder/$id.jsonl" ]; then
  echo "No conversation found with session ID: $id" >&2
  exit 1
fi
mkdir -p "$folder/$id"
echo "turn on $CLAUDE_CONFIG_DIR" >>"$folder/$id.jsonl"
echo more >"$folder/$id/note"
echo "made with $verb" >>work
printf '{"type":"system","subtype":"init","session_id":"%s"}\n' "$id"
printf '{"type":"result","subtype":"success","num_turns":1,"result":"%s turns"}\n' \
  "$(wc -l <"$folder/$id.jsonl")"
)sh";

// A file system of its own at that path, as long as it lives.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path)
      : path_(path),
        mounted_(MakeDirectories(path).ok() &&
                 ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=32m,mode=0700") == 0) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (!mounted_) return;
    EXPECT_EQ(::umount2(path_.c_str(), MNT_DETACH), 0);
  }
  bool mounted() const { return mounted_; }
  // Down to the last byte.
  void Fill() const {
    const auto file = OpenFile(path_ + "/filler", O_WRONLY | O_CREAT | O_APPEND);
    ASSERT_TRUE(file.ok());
    for (size_t block = 1 << 20; block > 0; block /= 2) {
      const std::string zeros(block, '\0');
      while (WriteAll(file->get(), zeros).ok()) {
      }
    }
  }

 private:
  const std::string path_;
  const bool mounted_;
};

class CheckpointTest : public RunningWorker {
 protected:
  CheckpointTest() {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    commit_ = git_.CommitAll("origin", "first");
  }

  v1::Handoff On(v1::Handoff handoff) const {
    v1::Repository& repository = *handoff.mutable_spec()->mutable_repository();
    repository.set_url(git_.Path("origin"));
    repository.set_commit(commit_);
    repository.set_key(repository.url());
    repository.set_user_name("Ada");
    repository.set_user_email("ada@example.com");
    return handoff;
  }
  v1::Handoff InRepository(const std::string& script) const { return On(Script("h", script)); }

  // An attempt that goes on from what the coordinator has of the one before.
  AttemptKey WantNext(const v1::Handoff& handoff, const AttemptKey& before) {
    const v1::Checkpoint last = pool_.checkpoints(before).back();
    return pool_.Want(handoff, before.number + 1, [&](v1::DesiredAttempt& desired) {
      v1::AttemptSpec& spec = *desired.mutable_spec();
      *spec.mutable_checkpoint() = last;
      spec.set_checkpoint_attempt(before.number);
      if (last.session().empty()) return;
      spec.set_session(last.session());
      spec.set_session_kind(v1::Attempt::RESTORED);
    });
  }
  void MoveToAnotherHost() {
    Stop();
    config_.data_dir = path("another-host");
    config_.agents["claude"].env["CLAUDE_CONFIG_DIR"] = path("another-home");
    Start();
  }

  void PlayClaude() {
    const std::string binary = path("claude-cli");
    ASSERT_TRUE(WriteFileAtomically(binary, kClaude, 0755).ok());
    ASSERT_EQ(::chmod(binary.c_str(), 0755), 0);
    config_.agents["claude"].binary = binary;
    config_.agents["claude"].env = {{"CLAUDE_CONFIG_DIR", path("home")}};
  }
  v1::Handoff ForClaude() const {
    v1::Handoff handoff = CommandHandoff("h", {});
    handoff.set_agent("claude");
    handoff.mutable_spec()->set_agent("claude");
    handoff.mutable_spec()->set_task("do it");
    return On(handoff);
  }

  GitSandbox git_;
  std::string commit_;
};

TEST_F(CheckpointTest, TheNextAttemptElsewhereHasEveryFile) {
  Start();
  const AttemptKey first = pool_.Want(
      InRepository("echo 2 >a; git add a; git -c user.name=A -c user.email=a@b commit -qm second; "
                   "echo 3 >a; echo new >untracked; mkdir d; echo deep >d/e"));
  const v1::AttemptEnd end = pool_.AwaitEnd(first);
  EXPECT_EQ(end.failure(), v1::Failure::NONE) << end.failure_message() << pool_.log(first);
  EXPECT_EQ(end.checkpoint_missing(), "");
  AwaitOver(first);
  EXPECT_FALSE(PathExists(data() + "/workspaces/h/packs/1"));
  MoveToAnotherHost();
  const AttemptKey second = WantNext(
      InRepository("cat a untracked d/e; git log --format=%s; git diff --name-only"), first);
  EXPECT_EQ(pool_.AwaitEnd(second).failure(), v1::Failure::NONE);
  EXPECT_EQ(pool_.log(second), "3\nnew\ndeep\nsecond\nfirst\na\n");
}

// A bare host has no name for commits, and whoever submitted may have none either.
TEST_F(CheckpointTest, WhoHasNoNameCommitsByTheOwners) {
  Start();
  v1::Handoff handoff = InRepository("git config user.name; git config user.email");
  handoff.set_owner("lea");
  handoff.mutable_spec()->mutable_repository()->clear_user_name();
  handoff.mutable_spec()->mutable_repository()->clear_user_email();
  const AttemptKey key = pool_.Want(handoff);
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
  EXPECT_EQ(pool_.log(key), "lea\nlea@localhost\n");
}

TEST_F(CheckpointTest, WhatAFailedOrStoppedAttemptLeftIsStoredToo) {
  Start();
  const std::string begun = Gate("begun");
  const AttemptKey key =
      pool_.Want(InRepository(absl::StrCat("echo half >work; echo >", begun, "; sleep 1000")));
  Await(begun);
  pool_.Stop(key, EndedBy::kCancel, absl::Milliseconds(50));
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::CANCELLED);
  ASSERT_FALSE(pool_.checkpoints(key).empty());
  MoveToAnotherHost();
  const AttemptKey next = WantNext(InRepository("cat work; exit 3"), key);
  EXPECT_EQ(pool_.AwaitEnd(next).exit_code(), 3);
  EXPECT_EQ(pool_.log(next), "half\n");
  EXPECT_FALSE(pool_.checkpoints(next).empty());
}

TEST_F(CheckpointTest, OneIsTakenWhileTheAgentRuns) {
  config_.checkpoint_interval = absl::Milliseconds(50);
  Start();
  const std::string home = data(), begin = Gate("begin"), gate = Gate("gate");
  ASSERT_TRUE(WriteFileAtomically(path("half"), "half\n").ok());
  // A rename: there is no state in between.
  const AttemptKey key = pool_.Want(InRepository(
      absl::StrCat("cat ", begin, "; mv ", path("half"), " work; cat ", gate, "; echo all >work")));
  const std::string clean =
      pool_.AwaitCheckpoint(key, [](const v1::Checkpoint&) { return true; }).commit();
  Open(begin);
  const v1::Checkpoint midway = pool_.AwaitCheckpoint(
      key, [&](const v1::Checkpoint& checkpoint) { return checkpoint.commit() != clean; });
  EXPECT_EQ(pool_.reports(key), 0);
  Stop();  // the agent goes on, and nobody hears of it
  pool_.Lose(key);
  config_.data_dir = path("another-host");
  Start();
  const AttemptKey next = pool_.Want(InRepository("cat work"), 2, [&](v1::DesiredAttempt& desired) {
    *desired.mutable_spec()->mutable_checkpoint() = midway;
    desired.mutable_spec()->set_checkpoint_attempt(1);
  });
  pool_.AwaitEnd(next);
  EXPECT_EQ(pool_.log(next), "half\n");
  Open(gate);
  Stop();
  config_.data_dir = home;
  Start();
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
  EXPECT_NE(pool_.checkpoints(key).back().commit(), midway.commit()) << "it arrives late";
}

TEST_F(CheckpointTest, OneIsTakenBeforeALeaseEndsThatNobodyRenews) {
  pool_.set_lease(absl::Seconds(10));
  Start();
  const std::string gate = Gate("gate");
  const AttemptKey key = pool_.Want(InRepository(absl::StrCat("echo half >work; cat ", gate)));
  pool_.AwaitCheckpoint(key, [](const v1::Checkpoint&) { return true; });
  EXPECT_EQ(pool_.reports(key), 0);
  pool_.set_lease(absl::Minutes(30));
  pool_.AnswerNow();  // if the tree is frozen by now
  Open(gate);
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
}

TEST_F(CheckpointTest, TheEndWaitsForItAndOutlivesTheDaemon) {
  Start();
  const std::string begun = Gate("begun"), gate = Gate("gate");
  const AttemptKey key =
      pool_.Want(InRepository(absl::StrCat("echo >", begun, "; cat ", gate, " >work")));
  Await(begun);
  pool_.AwaitStage(key, Stage::kRunning);
  pool_.set_checkpoint_refusal(absl::UnavailableError("no room yet"));
  Open(gate);
  pool_.AwaitStage(key, Stage::kReporting);
  EXPECT_EQ(pool_.reports(key), 0);
  Stop();
  pool_.set_checkpoint_refusal(absl::OkStatus());
  Start();
  EXPECT_EQ(pool_.AwaitEnd(key).checkpoint_missing(), "");
  ASSERT_FALSE(pool_.checkpoints(key).empty());
}

TEST_F(CheckpointTest, OneThatTheCoordinatorDoesNotTakeIsSaidToBeMissing) {
  Start();
  pool_.set_checkpoint_refusal(absl::InvalidArgumentError("too many packs"));
  const AttemptKey key = pool_.Want(InRepository("echo >work"));
  EXPECT_THAT(pool_.AwaitEnd(key).checkpoint_missing(), HasSubstr("too many packs"));
}

// Its end is in the journal, and what became of its checkpoint does not fit in any more.
TEST_F(CheckpointTest, AnEndThatAFullDiskDoesNotTakeAnewIsReportedAllTheSame) {
  const SmallDisk disk(data());
  if (!disk.mounted()) GTEST_SKIP() << "this account may not mount a small file system";
  Start();
  pool_.set_checkpoint_refusal(absl::UnavailableError("no room yet"));
  // So many that its end needs a block of its own in the journal.
  const AttemptKey key =
      pool_.Want(InRepository("for i in $(seq 300); do echo >a-file-with-a-long-name-$i; done"));
  pool_.AwaitStage(key, Stage::kReporting);
  disk.Fill();
  pool_.set_checkpoint_refusal(absl::InvalidArgumentError("too many packs"));
  EXPECT_THAT(pool_.AwaitEnd(key).checkpoint_missing(), HasSubstr("too many packs"));
  AwaitOver(key);
  Stop();
}

TEST_F(CheckpointTest, OneThatBuildsOnALostPackIsPackedAnewAsItWasTaken) {
  Start();
  const AttemptKey first = pool_.Want(InRepository("echo one >work"));
  pool_.AwaitEnd(first);
  AwaitOver(first);
  const v1::Checkpoint base = pool_.checkpoints(first).back();
  const std::string gate = Gate("gate");
  v1::Handoff handoff = InRepository(absl::StrCat("echo two >more; cat ", gate));
  // What a check leaves in the workspace is none of the agent's work.
  handoff.mutable_spec()->add_checks()->set_command("echo left >by-the-check");
  const AttemptKey second = WantNext(handoff, first);
  pool_.AwaitStage(second, Stage::kRunning);
  for (const v1::Checkpoint::Pack& pack : base.packs()) pool_.DropObject(pack.sha256());
  Open(gate);
  ASSERT_EQ(pool_.AwaitEnd(second).checkpoint_missing(), "");
  const v1::Checkpoint last = pool_.checkpoints(second).back();
  for (const v1::Checkpoint::Pack& pack : last.packs())
    EXPECT_TRUE(pool_.HasObject(pack.sha256())) << pack.sha256();
  AwaitOver(second);
  MoveToAnotherHost();
  const AttemptKey third = WantNext(InRepository("cat work more; ls"), second);
  EXPECT_EQ(pool_.AwaitEnd(third).failure(), v1::Failure::NONE);
  EXPECT_EQ(pool_.log(third), "one\ntwo\na\nmore\nwork\n");
}

TEST_F(CheckpointTest, WithoutARepositoryThereIsNoneAndThatIsSaid) {
  Start();
  EXPECT_THAT(pool_.AwaitEnd(pool_.Want(Script("a", "true"))).checkpoint_missing(),
              HasSubstr("no repository"));
}

TEST_F(CheckpointTest, AWorkspaceThatIsNewEnoughIsKeptAndNothingIsFetched) {
  Start();
  const AttemptKey first = pool_.Want(InRepository("echo one >work"));
  pool_.AwaitEnd(first);
  AwaitOver(first);
  ASSERT_TRUE(WriteFileAtomically(data() + "/workspaces/h/repo/left", "behind by a person\n").ok());
  const v1::Checkpoint last = pool_.checkpoints(first).back();
  for (const v1::Checkpoint::Pack& pack : last.packs()) pool_.DropObject(pack.sha256());
  const AttemptKey second = WantNext(InRepository("cat work left"), first);
  EXPECT_EQ(pool_.AwaitEnd(second).failure(), v1::Failure::NONE);
  EXPECT_EQ(pool_.log(second), "one\nbehind by a person\n");
}

TEST_F(CheckpointTest, ASessionGoesOnOnAnotherHost) {
  PlayClaude();
  Start();
  const AttemptKey first = pool_.Want(ForClaude());
  const v1::AttemptEnd one = pool_.AwaitEnd(first);
  ASSERT_EQ(one.protocol(), v1::AttemptEnd::RESULT_OK) << one.failure_message();
  EXPECT_EQ(pool_.checkpoints(first).back().session(), one.session());
  MoveToAnotherHost();
  const AttemptKey second = WantNext(ForClaude(), first);
  const v1::AttemptEnd two = pool_.AwaitEnd(second);
  EXPECT_EQ(two.protocol(), v1::AttemptEnd::RESULT_OK) << two.failure_message();
  EXPECT_EQ(two.session(), one.session());
  EXPECT_EQ(two.session_kind(), v1::Attempt::RESTORED);
  EXPECT_EQ(two.session_verified(), v1::Attempt::YES);
  EXPECT_THAT(two.protocol_message(), HasSubstr("2 turns"));
  AwaitOver(second);
  EXPECT_THAT(*ReadFile(path("another-host/workspaces/h/repo/work")),
              "made with new\nmade with old\n");
  EXPECT_FALSE(PathExists(path("another-host/attempts/h/2/session")));
}

TEST_F(CheckpointTest, ASessionStaysWithTheWorkThatAPersonDeclaredDone) {
  PlayClaude();
  Start();
  const AttemptKey first = pool_.Want(ForClaude());
  pool_.AwaitEnd(first);
  AwaitOver(first);
  const v1::Checkpoint last = pool_.checkpoints(first).back();
  ASSERT_FALSE(last.session().empty());
  ASSERT_TRUE(WriteFileAtomically(data() + "/workspaces/h/repo/left", "by hand\n").ok());
  const AttemptKey done = pool_.Want(ForClaude(), 2, [&](v1::DesiredAttempt& desired) {
    desired.mutable_spec()->set_only_checks(true);
    *desired.mutable_spec()->mutable_checkpoint() = last;
    desired.mutable_spec()->set_checkpoint_attempt(1);
  });
  EXPECT_EQ(pool_.AwaitEnd(done).failure(), v1::Failure::NONE);
  ASSERT_FALSE(pool_.checkpoints(done).empty());
  EXPECT_EQ(pool_.checkpoints(done).back().session(), last.session());
  EXPECT_EQ(pool_.checkpoints(done).back().session_tree(), last.session_tree());
  EXPECT_NE(pool_.checkpoints(done).back().commit(), last.commit());
}

TEST_F(CheckpointTest, ASessionWhoseFilesAreGoneHereComesOutOfTheCheckpoint) {
  PlayClaude();
  Start();
  const AttemptKey first = pool_.Want(ForClaude());
  pool_.AwaitEnd(first);
  AwaitOver(first);
  ASSERT_TRUE(RemoveTree(path("home")).ok());
  const v1::Checkpoint last = pool_.checkpoints(first).back();
  const AttemptKey second = pool_.Want(ForClaude(), 2, [&](v1::DesiredAttempt& desired) {
    *desired.mutable_spec()->mutable_checkpoint() = last;
    desired.mutable_spec()->set_checkpoint_attempt(1);
    desired.mutable_spec()->set_session(last.session());
    desired.mutable_spec()->set_session_kind(v1::Attempt::SAME);
  });
  const v1::AttemptEnd two = pool_.AwaitEnd(second);
  EXPECT_EQ(two.session(), last.session());
  EXPECT_EQ(two.session_kind(), v1::Attempt::RESTORED);
  EXPECT_EQ(two.protocol(), v1::AttemptEnd::RESULT_OK) << two.failure_message();
}

TEST_F(CheckpointTest, ASessionOfWhichThePacksAreGoneIsAFreshOneInTheWorkspaceThatIsHere) {
  PlayClaude();
  Start();
  const AttemptKey first = pool_.Want(ForClaude());
  pool_.AwaitEnd(first);
  AwaitOver(first);
  ASSERT_TRUE(RemoveTree(path("home")).ok());
  const v1::Checkpoint last = pool_.checkpoints(first).back();
  for (const v1::Checkpoint::Pack& pack : last.packs()) pool_.DropObject(pack.sha256());
  const AttemptKey second = pool_.Want(ForClaude(), 2, [&](v1::DesiredAttempt& desired) {
    *desired.mutable_spec()->mutable_checkpoint() = last;
    desired.mutable_spec()->set_checkpoint_attempt(1);
    desired.mutable_spec()->set_session(last.session());
    desired.mutable_spec()->set_session_kind(v1::Attempt::SAME);
  });
  const v1::AttemptEnd two = pool_.AwaitEnd(second);
  EXPECT_EQ(two.protocol(), v1::AttemptEnd::RESULT_OK) << two.failure_message();
  EXPECT_EQ(two.session_kind(), v1::Attempt::FRESH);
  EXPECT_NE(two.session(), last.session());
  ASSERT_EQ(two.facts().notes_size(), 1);
  EXPECT_THAT(two.facts().notes(0), HasSubstr("could not be restored"));
}

TEST_F(CheckpointTest, ASessionThatCannotBeHadIsAFreshOneAndTheWorkGoesOn) {
  PlayClaude();
  Start();
  const AttemptKey first = pool_.Want(ForClaude());
  const std::string session = pool_.AwaitEnd(first).session();
  v1::Checkpoint last = pool_.checkpoints(first).back();
  last.clear_session_tree();
  MoveToAnotherHost();
  const AttemptKey second = pool_.Want(ForClaude(), 2, [&](v1::DesiredAttempt& desired) {
    *desired.mutable_spec()->mutable_checkpoint() = last;
    desired.mutable_spec()->set_checkpoint_attempt(1);
    desired.mutable_spec()->set_session(session);
    desired.mutable_spec()->set_session_kind(v1::Attempt::RESTORED);
  });
  const v1::AttemptEnd two = pool_.AwaitEnd(second);
  EXPECT_EQ(two.protocol(), v1::AttemptEnd::RESULT_OK) << two.failure_message();
  EXPECT_EQ(two.session_kind(), v1::Attempt::FRESH);
  EXPECT_NE(two.session(), session);
  EXPECT_TRUE(IsUuid(two.session()));
  ASSERT_EQ(two.facts().notes_size(), 1);
  EXPECT_THAT(two.facts().notes(0), HasSubstr("could not be restored"));
  AwaitOver(second);
  EXPECT_EQ(*ReadFile(path("another-host/workspaces/h/repo/work")),
            "made with new\nmade with new\n");
  EXPECT_THAT(*ReadFile(path("another-host/attempts/h/2/prompt.md")),
              HasSubstr("How this attempt is run"));
}

}  // namespace
}  // namespace handoff::worker
