// The command that makes a session before the agent starts.

#include <sys/stat.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

class SessionTest : public RunningWorker {
 protected:
  SessionTest() {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    git_.CommitAll("origin", "first");
  }

  // What a cursor-agent does for its verbs, as lines of a `case` of sh.
  void Play(const std::string& verbs) {
    const std::string binary = path("cursor-agent");
    ASSERT_TRUE(WriteFileAtomically(binary,
                                    absl::StrCat("#!/bin/sh\ncase \"$1\" in\n--version) echo 1;;\n"
                                                 "status) echo Logged in as a@example.com;;\n",
                                                 verbs, "\nesac\n"),
                                    0755)
                    .ok());
    ASSERT_EQ(::chmod(binary.c_str(), 0755), 0);
    config_.agents["cursor"].binary = binary;
  }

  v1::Handoff ForCursor(const std::string& id) const {
    v1::Handoff handoff = CommandHandoff(id, {});
    handoff.set_agent("cursor");
    v1::HandoffSpec& spec = *handoff.mutable_spec();
    spec.set_agent("cursor");
    spec.set_task("do it");
    v1::Repository& repository = *spec.mutable_repository();
    repository.set_url(git_.Path("origin"));
    repository.set_key(repository.url());
    repository.set_user_name("Ada");
    repository.set_user_email("ada@example.com");
    return handoff;
  }

  GitSandbox git_;
};

TEST_F(SessionTest, WhatItLeavesBehindIsEnded) {
  // In a session and a group of its own, so that only its environment says whose it is.
  Play(absl::StrCat("create-chat) setsid sleep 1000 </dev/null >/dev/null 2>&1 &\necho $! >",
                    path("stray"), "; echo no sessions today; exit 1;;"));
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(ForCursor("a")));
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NOT_STARTED);
  EXPECT_THAT(end.failure_message(), ::testing::HasSubstr("no sessions today"));
  const int pid = std::atoi(ReadFile(path("stray")).value_or("").c_str());
  ASSERT_GT(pid, 0);
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  // Whoever inherited it may not have reaped it yet.
  EXPECT_TRUE(!stat.ok() || absl::StrContains(*stat, ") Z ")) << *stat;
}

}  // namespace
}  // namespace handoff::worker
