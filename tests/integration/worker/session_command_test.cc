// Sessions that no file holds: the agent's own commands bring them to another host.

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// opencode as far as it matters: a store with the folder of each session in its first line, in
// which alone it goes on.
constexpr char kOpencode[] = R"sh(#!/bin/sh
store=$XDG_DATA_HOME/opencode/store
mkdir -p "$store"
case "$1" in
--version) echo 1 ;;
models) echo rig/model ;;
export) [ -e "$XDG_DATA_HOME/no-export" ] && exit 1; cat "$store/$2" ;;
import)
  id=$(basename "$2" .json)
  { pwd; sed 1d "$2"; } >"$store/$id"
  echo "Imported session: $id" ;;
run)
  cat >/dev/null
  id=ses_1 asked=
  while [ $# -gt 0 ]; do
    [ "$1" = --session ] && asked=$2
    shift
  done
  if [ -z "$asked" ]; then
    pwd >"$store/$id"
  elif [ ! -e "$store/$asked" ]; then
    echo 'Error: Session not found' >&2
    exit 1
  elif [ "$(head -n 1 "$store/$asked")" != "$(pwd)" ]; then
    echo 'it goes on in the old folder' >&2
    exit 1
  fi
  echo turn >>"$store/$id"
  echo made >>work
  printf '{"type":"text","sessionID":"%s","part":{"text":"%s turns"}}\n' \
    "$id" "$(grep -cx turn "$store/$id")"
  printf '{"type":"step_finish","sessionID":"%s","part":{"reason":"stop"}}\n' "$id" ;;
esac
)sh";

class SessionCommandTest : public RunningWorker {
 protected:
  SessionCommandTest() {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    git_.CommitAll("origin", "first");
    const std::string binary = path("opencode-cli");
    EXPECT_TRUE(WriteFileAtomically(binary, kOpencode, 0755).ok());
    EXPECT_EQ(::chmod(binary.c_str(), 0755), 0);
    config_.agents["opencode"].binary = binary;
    config_.agents["opencode"].env = {{"XDG_DATA_HOME", path("home")}};
  }

  v1::Handoff ForIt() const {
    v1::Handoff handoff = CommandHandoff("h", {});
    handoff.set_agent("opencode");
    v1::HandoffSpec& spec = *handoff.mutable_spec();
    spec.set_agent("opencode");
    spec.set_task("do it");
    v1::Repository& repository = *spec.mutable_repository();
    repository.set_url(git_.Path("origin"));
    repository.set_key(repository.url());
    repository.set_user_name("Ada");
    repository.set_user_email("ada@example.com");
    return handoff;
  }
  AttemptKey WantNext(const AttemptKey& before) {
    const v1::Checkpoint last = pool_.checkpoints(before).back();
    return pool_.Want(ForIt(), before.number + 1, [&](v1::DesiredAttempt& desired) {
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
    config_.agents["opencode"].env["XDG_DATA_HOME"] = path("another-home");
    Start();
  }

  GitSandbox git_;
};

TEST_F(SessionCommandTest, ItIsWrittenIntoAFileAndTakenFromItInTheNewFolder) {
  Start();
  const AttemptKey first = pool_.Want(ForIt());
  const v1::AttemptEnd one = pool_.AwaitEnd(first);
  ASSERT_EQ(one.protocol(), v1::AttemptEnd::RESULT_OK) << one.failure_message();
  EXPECT_EQ(one.session(), "ses_1");
  EXPECT_EQ(pool_.checkpoints(first).back().session(), "ses_1");
  EXPECT_TRUE(PathExists(path("home/opencode/handoff/ses_1.json")));
  MoveToAnotherHost();
  const v1::AttemptEnd two = pool_.AwaitEnd(WantNext(first));
  EXPECT_EQ(two.protocol(), v1::AttemptEnd::RESULT_OK) << two.failure_message();
  EXPECT_EQ(two.session_kind(), v1::Attempt::RESTORED);
  EXPECT_EQ(two.session_verified(), v1::Attempt::YES);
  EXPECT_THAT(two.protocol_message(), HasSubstr("2 turns"));
}

TEST_F(SessionCommandTest, WhereItCannotBeWrittenTheRunIsGoodAndANoteSaysSo) {
  ASSERT_EQ(::mkdir(path("home").c_str(), 0700), 0);
  ASSERT_TRUE(WriteFileAtomically(path("home/no-export"), "").ok());
  Start();
  const AttemptKey first = pool_.Want(ForIt());
  const v1::AttemptEnd one = pool_.AwaitEnd(first);
  EXPECT_EQ(one.protocol(), v1::AttemptEnd::RESULT_OK) << one.failure_message();
  ASSERT_GT(one.facts().notes_size(), 0);
  EXPECT_THAT(one.facts().notes(0), HasSubstr("could not be saved for other hosts"));
  EXPECT_EQ(pool_.checkpoints(first).back().session_tree(), "");
  EXPECT_THAT(*ListDirectory(path("home/opencode/handoff")), IsEmpty());
}

TEST_F(SessionCommandTest, WhatAnEarlierAttemptWroteIsNotTakenForTheNewConversation) {
  Start();
  const AttemptKey first = pool_.Want(ForIt());
  ASSERT_EQ(pool_.AwaitEnd(first).protocol(), v1::AttemptEnd::RESULT_OK);
  ASSERT_NE(pool_.checkpoints(first).back().session_tree(), "");
  AwaitOver(first);
  ASSERT_TRUE(WriteFileAtomically(path("home/no-export"), "").ok());
  const AttemptKey second = pool_.Want(ForIt(), 2, [](v1::DesiredAttempt& desired) {
    desired.mutable_spec()->set_session("ses_1");
    desired.mutable_spec()->set_session_kind(v1::Attempt::SAME);
  });
  const v1::AttemptEnd two = pool_.AwaitEnd(second);
  ASSERT_EQ(two.protocol(), v1::AttemptEnd::RESULT_OK) << two.failure_message();
  EXPECT_THAT(two.protocol_message(), HasSubstr("2 turns"));
  EXPECT_EQ(pool_.checkpoints(second).back().session_tree(), "");
  EXPECT_THAT(*ListDirectory(path("home/opencode/handoff")), IsEmpty());
}

}  // namespace
}  // namespace handoff::worker
